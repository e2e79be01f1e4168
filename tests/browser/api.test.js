// How the page reads again and again, without a browser.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const source = readFileSync(
  new URL("../../deploy/web/api.js", import.meta.url));
const { Source, get, onTokenNeeded } = await import(
  `data:text/javascript;base64,${source.toString("base64")}`);

const kept = new Map();
globalThis.sessionStorage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, value),
};

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

test("what is dear to read is read less often", async () => {
  const reads = [];
  const numbers = new Source(async () => { reads.push(Date.now()); }, 900);
  const stop = numbers.watch(() => {});
  for (let i = 0; i < 60; ++i) {
    numbers.refresh();
    await sleep(20);
  }
  stop();
  assert.equal(reads.length, 2);
  assert.ok(reads[1] - reads[0] >= 890, `${reads[1] - reads[0]} ms`);
});

test("nobody asks again before the time that the server named", async () => {
  const reads = [];
  const one = new Source(async () => {
    reads.push(Date.now());
    if (reads.length === 1)
      throw Object.assign(new Error("429"), { retryAfter: 1 });
    return "fine";
  });
  const stop = one.watch(() => {});
  one.refresh(true);
  await sleep(50);
  one.refresh(true); // not even if a person asks
  one.refresh();
  await sleep(700);
  assert.equal(reads.length, 1);
  await sleep(600);
  stop();
  assert.equal(one.value, "fine");
  assert.ok(reads[1] - reads[0] >= 990, `${reads[1] - reads[0]} ms`);
});

test("the time for a prompt is not that of the call", async () => {
  const signals = [];
  globalThis.fetch = async (path, { headers, signal }) => {
    signals.push(signal);
    return headers.Authorization === undefined
      ? new Response("{}", { status: 401 }) : new Response("{\"a\": 1}");
  };
  onTokenNeeded(async () => "stk_1");
  assert.deepEqual(await get("/api/jobs"), { a: 1 });
  assert.equal(signals.length, 2);
  assert.notEqual(signals[0], signals[1]);
});
