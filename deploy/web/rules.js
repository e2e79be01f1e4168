// What needs somebody's approval, and how much may run at once. All who may
// approve see it, admins change it: who may not is told so by tunerd.

import { Source, del, get, part, patch, post } from "./api.js";
import { askFor } from "./dialog.js";
import { fill, h, put } from "./dom.js";
import { number, or } from "./format.js";
import {
  attempt, button, facts, heading, pill, problemNote, table,
} from "./parts.js";

const path = (x) => `/api/approvals/rules/${part(x.id)}`;

// -- rules --------------------------------------------------------------------

const levels = ["viewer", "researcher", "lead", "admin"];
const optional = (first) =>
  [["", first], ...levels.map((name) => [name, name])];

/** @returns the words of `text` between commas or spaces. */
export const words = (text) => text.split(/[\s,]+/).filter(Boolean);

/**
 * @param said The texts of the form.
 * @returns what goes to tunerd; what is empty is null: it applies to all.
 */
export function ruleOf(said) {
  return {
    name: said.name, condition: said.condition, threshold: said.threshold,
    description: said.description || null,
    priority: Number(said.priority || 0),
    applies_to_provider: said.provider || null,
    applies_to_level: said.level || null,
    exempt_levels: words(said.exempt),
    required_approver_level: said.approver || null,
    deadline_seconds: said.hours ? Math.round(Number(said.hours) * 3600) : null,
  };
}

/** @returns the texts of the form that shows the rule `x`, as it gives them. */
function textsOf(x) {
  const texts = {
    name: x.name, condition: x.condition, threshold: x.threshold,
    description: x.description, priority: x.priority,
    provider: x.applies_to_provider, level: x.applies_to_level,
    exempt: x.exempt_levels?.join(", "), approver: x.required_approver_level,
    hours: x.deadline_seconds && x.deadline_seconds / 3600,
  };
  return Object.fromEntries(Object.entries(texts).map(([name, value]) =>
    [name, String(value ?? "").replace(/\r\n?/g, "\n").trim()]));
}

/**
 * @param said The texts of the form.
 * @param x The rule as it was shown.
 * @returns what differs: the rest may have been changed by others meanwhile.
 */
export function changedRule(said, x) {
  const shown = ruleOf(textsOf(x));
  return Object.fromEntries(Object.entries(ruleOf(said)).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(shown[name])));
}

/** @returns the choice of approvers, `now` among them. */
function approvers(now) {
  const usual = [["", "the default"], ["lead", "leads and admins"],
    ["admin", "admins"]];
  return usual.some(([value]) => value === now) ? usual
    : [...usual, [now, now]];
}

/** Asks for all of a rule. @param x The rule as it is; none for a new one. */
function askRule(title, action, conditions, x = {}) {
  const now = textsOf(x);
  return askFor({
    title, action, wide: true,
    fields: [
      { name: "name", label: "Name", whole: true, value: now.name,
        required: true, maxlength: 256 },
      { name: "condition", label: "Asks for an approval if", whole: true,
        value: now.condition, options: conditions.map((y) =>
          [y.value, `${y.value}: ${y.description}`]) },
      { name: "threshold", label: "Threshold", value: now.threshold,
        maxlength: 256,
        hint: "USD, a number, a name or a pattern, as the condition says." },
      { name: "priority", label: "Priority", type: "number",
        value: now.priority, step: 1,
        hint: "The highest is judged first; the first match counts." },
      { name: "provider", label: "Only for this provider", maxlength: 256,
        value: now.provider },
      { name: "level", label: "Only for callers who are",
        value: now.level, options: optional("anybody") },
      { name: "exempt", label: "Not for callers who are",
        value: now.exempt,
        hint: `Any of ${levels.join(", ")}.` },
      { name: "approver", label: "May be approved by",
        value: now.approver, options: approvers(now.approver) },
      { name: "hours", label: "Expires after hours", type: "number",
        min: 0.01, max: 8760, step: "any", value: now.hours,
        hint: "Empty: as configured." },
      { name: "description", label: "Description", type: "lines",
        whole: true, value: now.description },
    ],
  });
}

// -- limits -------------------------------------------------------------------

const limits = [
  ["max_concurrent", "All jobs at once"],
  ["user_max_concurrent", "Of one user"],
  ["team_max_concurrent", "Of one team, with fair share"],
  ["org_max_concurrent", "Of one organisation", "Empty: no limit."],
  ["provider_max_concurrent", "At one provider", "Empty: no limit."],
];

/**
 * @param said The texts of the form.
 * @param now The limits as they are.
 * @returns what differs, as tunerd wants it.
 */
export function changedLimits(said, now) {
  const wanted = Object.fromEntries(limits.map(([name]) =>
    [name, said[name] === "" ? null : Number(said[name])]));
  wanted.enable_fair_share = said.enable_fair_share === "true";
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) =>
    value !== (now[name] ?? null)));
}

function askLimits(now) {
  return askFor({
    title: "Change the limits", action: "Set them",
    text: "They hold at once and after a restart; what runs goes on.",
    fields: [
      ...limits.map(([name, label, hint]) => ({
        name, label, hint, type: "number", min: 1, max: 1_000_000, step: 1,
        required: hint === undefined, value: now[name],
      })),
      { name: "enable_fair_share", label: "Fair share",
        value: String(now.enable_fair_share), options: [
          ["false", "off: in the order of priority and time"],
          ["true", "on: organisations, teams and users take turns"]] },
    ],
  });
}

// -- the view -----------------------------------------------------------------

export function create() {
  let stop = null, conditions = null;
  const source = new Source(async () => {
    conditions ??= (await get("/api/approvals/conditions")).conditions;
    const [{ rules }, inForce] = await Promise.all([
      get("/api/approvals/rules?active_only=false"),
      get("/api/queue/concurrency"),
    ]);
    return { rules, limits: inForce };
  });

  /**
   * Does what was asked for and shows how it is then.
   * @returns whether it was done
   */
  async function change(said, call, from) {
    const done = await attempt(said, call, from);
    if (done) source.refresh(true);
    return done;
  }

  /** @param x What was refused before, to be mended. */
  async function create_(x = {}) {
    const said = await askRule("A new rule", "Create it", conditions ?? [], x);
    if (said === null) return;
    const rule = ruleOf(said);
    const done = await change(`The rule ${rule.name} is in force`,
      () => post("/api/approvals/rules", rule), add);
    if (!done) await create_(rule);
  }

  async function edit(x, event, wanted = x) {
    const said = await askRule(`Change ${x.name}`, "Save", conditions ?? [],
      wanted);
    if (said === null) return;
    const changes = changedRule(said, x);
    if (Object.keys(changes).length === 0) return;
    const done = await change(`The rule ${said.name} is changed`,
      () => patch(path(x), changes), event.target);
    if (!done) await edit(x, event, ruleOf(said));
  }

  const turn = (x, event) => change(
    `The rule ${x.name} is ${x.is_active ? "off" : "on"}`,
    () => patch(path(x), { is_active: !x.is_active }), event.target);

  async function remove(x, event) {
    const sure = await askFor({
      title: `Delete ${x.name}?`, action: "Delete the rule", danger: true,
      text: "Jobs that come later are not judged by it any more.",
    });
    if (sure !== null)
      await change(`The rule ${x.name} is deleted`, () => del(path(x)),
        event.target);
  }

  async function setLimits() {
    const now = source.value?.limits;
    const said = now && await askLimits(now);
    if (!said) return;
    const changes = changedLimits(said, now);
    if (Object.keys(changes).length > 0)
      await change("The limits are set",
        () => post("/api/queue/concurrency", changes), set);
  }

  /** A button for the rule of the row, whatever it says by then. */
  const act = (cell, text, what, props) => button(text,
    (event) => what(cell.closest("tr").item, event),
    { class: "small", ...props });

  function showActions(cell, x) {
    if (cell.dataset.key === String(x.is_active)) return;
    cell.dataset.key = x.is_active;
    fill(cell, h("div", { class: "row" }, act(cell, "Change", edit),
      act(cell, x.is_active ? "Turn off" : "Turn on", turn),
      act(cell, "Delete", remove)));
  }

  const list = table([
    {
      label: "State", class: "c-state", update: (cell, x) => pill(cell,
        String(x.is_active), x.is_active ? "on" : "off",
        x.is_active ? "healthy" : "stopped"),
    },
    {
      label: "Rule", class: "c-name", update: (cell, x) => {
        put(cell, x.name);
        cell.title = x.description ?? "";
      },
    },
    {
      label: "Asks if", class: "c-why", update: (cell, x) => {
        put(cell, `${x.condition} ${x.threshold}`.trim());
        cell.title = cell.textContent;
      },
    },
    {
      label: "For", class: "c-scope lo2", update: (cell, x) => {
        put(cell, [x.applies_to_provider, x.applies_to_level,
          x.exempt_levels.length > 0 && `not ${x.exempt_levels.join(", ")}`]
          .filter(Boolean).join(", ") || "all");
        cell.title = cell.textContent;
      },
    },
    {
      label: "Approver", class: "c-user lo1",
      update: (cell, x) => put(cell, or(x.required_approver_level)),
    },
    {
      label: "Priority", class: "c-cost lo2 num",
      update: (cell, x) => put(cell, number(x.priority)),
    },
    { label: "", class: "c-actions", update: showActions },
  ], {
    keyOf: (x) => x.id, label: "Rules",
    empty: "No rules: only what is submitted so waits for an approval.",
  });
  const problem = problemNote();
  const add = button("New rule", () => create_(), { class: "primary" });
  const set = button("Change the limits", setLimits);
  const card = h("article", { class: "card", "aria-label": "Limits" });
  const element = h("section", { class: "view", "aria-label": "Rules" },
    heading("Rules", "The first that matches asks for an approval.", add),
    problem.element, list.element,
    h("h2", { class: "section" }, "Limits"), card);

  function render() {
    problem.show(source.error);
    if (source.value === null) return;
    const { rules, limits: now } = source.value;
    list.show([...rules].sort((a, b) => b.priority - a.priority ||
      a.id - b.id));
    fill(card, facts([
      ...limits.map(([name, label]) =>
        [label, h("span", { class: "num" }, number(now[name] ?? null))]),
      ["Fair share", now.enable_fair_share ? "on" : "off"],
    ]), set);
  }

  return {
    element, title: "Rules",
    show() {
      stop ??= source.watch(render);
      source.refresh(true);
    },
    hide() {
      stop?.();
      stop = null;
    },
    refresh: (now) => source.refresh(now),
    event() {}, // others' changes are seen when it is opened
    keys: { n: () => create_() },
  };
}
