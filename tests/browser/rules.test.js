// What the page asks tunerd for when a rule is changed, without a browser.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

// What it imports wants a document, and none of it is needed here.
const source = readFileSync(
  new URL("../../deploy/web/rules.js", import.meta.url), "utf8")
  .replace(/^import [^;]+;/gm, "");
const { changedRule } = await import(
  `data:text/javascript,${encodeURIComponent(source)}`);

const rule = {
  id: 3, name: "dear", description: "for the budget\r\nof us ",
  condition: "cost_exceeds", threshold: "50", is_active: true, priority: 7,
  applies_to_provider: null, applies_to_level: "researcher",
  exempt_levels: ["lead", "admin"], required_approver_level: "admin",
  created_at: "2024-01-15T00:00:00Z", created_by: "root",
  deadline_seconds: 100,
};

/** What the form says when it is opened. */
const shown = {
  name: "dear", condition: "cost_exceeds", threshold: "50",
  description: "for the budget\nof us", priority: "7", provider: "",
  level: "researcher", exempt: "lead, admin", approver: "admin",
  hours: String(100 / 3600),
};

test("only what a person changed of a rule is sent", () => {
  assert.deepEqual(changedRule(shown, rule), {});
  for (const [said, changes] of [
    [{ description: "ours" }, { description: "ours" }],
    [{ threshold: "60", name: "x" }, { threshold: "60", name: "x" }],
    [{ priority: "" }, { priority: 0 }],
    [{ provider: "replicate" }, { applies_to_provider: "replicate" }],
    [{ exempt: "lead admin" }, {}],
    [{ exempt: "lead" }, { exempt_levels: ["lead"] }],
    [{ hours: "2" }, { deadline_seconds: 7200 }]])
    assert.deepEqual(changedRule({ ...shown, ...said }, rule), changes);
});

test("what is emptied is taken back", () => {
  assert.deepEqual(changedRule({ ...shown, description: "", level: "",
    exempt: "", approver: "", hours: "" }, rule), { description: null,
    applies_to_level: null, exempt_levels: [], required_approver_level: null,
    deadline_seconds: null });
});
