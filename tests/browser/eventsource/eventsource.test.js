// The streams of tunerd as a client reads them that knows nothing of tunerd.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { EventSource } from "eventsource";

import { Daemon, eventually } from "../daemon.js";

// What is served as a module need not be one to Node.
const { EventParser } = await import(`data:text/javascript;base64,${
  readFileSync(new URL("../../../deploy/web/sse.js", import.meta.url))
    .toString("base64")}`);

const names = ["connection", "heartbeat", "gap", "message", "done",
  "approval_required", "approval_decided", "worker_status"];

/** One EventSource and all it has got. */
class Reader {
  events = [];
  errors = [];
  /** When it asked for a stream, and when it first lost one. */
  asked = [];
  lost = null;
  opened = 0;

  constructor(url, { token, lastEventId } = {}) {
    this.requests = [];
    this.source = new EventSource(url, {
      fetch: (input, init) => {
        const headers = { ...init.headers };
        if (token) headers.Authorization = `Bearer ${token}`;
        // A client that starts where another one ended.
        if (lastEventId) headers["Last-Event-ID"] ??= lastEventId;
        this.requests.push(headers["Last-Event-ID"] ?? "");
        this.asked.push(Date.now());
        return fetch(input, { ...init, headers });
      },
    });
    this.source.onopen = () => { ++this.opened; };
    this.source.onerror = ({ code }) => {
      this.errors.push(code);
      this.lost ??= Date.now();
    };
    for (const name of names)
      this.source.addEventListener(name, (x) => this.events.push({
        name, id: x.lastEventId, text: x.data, at: Date.now(),
        data: name === "done" || !x.data.startsWith("{") ? null
          : JSON.parse(x.data),
      }));
  }

  named(name) {
    return this.events.filter((x) => x.name === name);
  }

  /** Waits for what `matches`. */
  async until(matches, what) {
    return eventually(() => this.events.find(matches), what);
  }

  end() {
    this.source.close();
  }
}

/** What the npm client makes of `text`, the whole of a stream. */
async function clientReads(text) {
  const server = createServer((_, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.end(text);
  });
  await new Promise((done) => { server.listen(0, "127.0.0.1", done); });
  const source = new EventSource(`http://127.0.0.1:${server.address().port}`);
  const seen = [];
  for (const name of ["message", "gap"])
    source.addEventListener(name, (x) =>
      seen.push({ type: name, data: x.data, id: x.lastEventId }));
  await new Promise((done) => { source.onerror = done; });
  source.close();
  server.close();
  return seen;
}

/** The last id at each event of `text`, as the standard has it. */
function lastIds(text) {
  const ids = [];
  let last = "", hasData = false;
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/);
  for (const line of lines.slice(0, -1)) {
    const [, field, value] = /^([^:]*)(?:: ?([^]*))?$/.exec(line);
    if (line === "") {
      if (hasData) ids.push(last);
      hasData = false;
    } else if (field === "data") {
      hasData = true;
    } else if (field === "id" && !value?.includes("\0")) {
      last = value ?? "";
    }
  }
  return ids;
}

const has = (type, job_id) => ({ data }) =>
  data?.type === type && data.job_id === job_id;

const rises = (ids) =>
  assert.ok(ids.every((x, i) => i === 0 || x > ids[i - 1]), ids.join(" "));

const daemon = new Daemon();
const readers = [];

function read(path, options) {
  const reader = new Reader(daemon.url + path, options);
  readers.push(reader);
  return reader;
}

before(() => daemon.start());

after(async () => {
  for (const reader of readers) reader.end();
  await daemon.end();
});

test("a stream begins with its connection, and every event has an id",
  async () => {
    const reader = read("/api/events");
    const first = await reader.until(() => true, "something comes");
    assert.equal(first.name, "connection");
    assert.equal(first.data.type, "connected");
    const { job_id } = await daemon.submit("one");
    await reader.until(({ data }) => data?.type === "job_status_changed"
      && data.job_id === job_id && data.status === "completed",
    "the job completes");
    const ids = reader.events.map(({ id }) => Number(id));
    assert.ok(ids.every(Number.isInteger));
    rises(ids.slice(1));
    const changes = reader.named("message").filter(({ data }) =>
      data.job_id === job_id);
    assert.ok(changes.length >= 3);
    assert.ok(changes.every(({ data }) => data.timestamp.endsWith("Z")));
    reader.end();
  });

test("what proxies must know is in the head", async () => {
  const stop = new AbortController();
  const { headers, status } = await fetch(`${daemon.url}/api/events`,
    { signal: stop.signal });
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), "text/event-stream");
  assert.match(headers.get("cache-control"), /no-store/);
  assert.equal(headers.get("x-accel-buffering"), "no");
  stop.abort();
});

test("after a restart it goes on from its id, nothing twice", async () => {
  const reader = read("/api/events");
  await reader.until(({ name }) => name === "connection", "it is connected");
  const first = (await daemon.submit("before")).job_id;
  await reader.until(has("job_status_changed", first), "the first job");
  await daemon.stop();
  await daemon.start();
  const second = (await daemon.submit("after")).job_id;
  await reader.until(has("job_status_changed", second), "the second job");
  assert.ok(reader.opened >= 2);
  // It did not come back at once.
  assert.ok(reader.asked[1] - reader.lost >= 900);
  assert.notEqual(reader.requests.at(-1), "");
  const ids = reader.events.filter(({ data }) =>
    !["connected", "heartbeat"].includes(data.type)).map(({ id }) => +id);
  rises(ids);
  const all = read("/api/events?last_event_id=0");
  const last = ids.at(-1);
  await all.until(({ id }) => Number(id) >= last, "everything again");
  const begin = ids[0];
  const wanted = all.events.filter(({ name, id }) =>
    !["connection", "heartbeat"].includes(name) && +id >= begin && +id <= last);
  assert.deepEqual(ids, wanted.map(({ id }) => +id));
  reader.end();
  all.end();
});

test("a stop says when to come back, to each another time", async () => {
  const count = 4;
  const bodies = await Promise.all(Array.from({ length: count }, async () => {
    const { body } = await fetch(`${daemon.url}/api/events`);
    const pieces = body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("event: connection"))
      text += (await pieces.read()).value;
    return { text, pieces };
  }));
  await daemon.stop();
  const waits = await Promise.all(bodies.map(async ({ text, pieces }) => {
    for (let x; !(x = await pieces.read()).done;) text += x.value;
    assert.match(text, /\nretry: \d+\n\n$/, "the last it says");
    return Number(text.match(/retry: (\d+)\n\n$/)[1]);
  }));
  await daemon.start();
  assert.ok(waits.every((ms) => ms >= 1000 && ms < 5000), waits.join(" "));
  assert.equal(new Set(waits).size, count, waits.join(" "));
});

test("the header goes before the query, a strange id is a gap", async () => {
  const { job_id } = await daemon.submit("more");
  const live = read("/api/events");
  await live.until(({ data }) => data?.job_id === job_id, "something happens");
  const head = live.events.at(-1).id;
  const reader = read("/api/events?last_event_id=1", { lastEventId: head });
  assert.equal((await reader.until(() => true, "it begins")).id, head);
  for (const strange of ["soon", "9007199254740993", "-1"]) {
    const lost = read(`/api/events?last_event_id=${strange}`);
    const gap = await lost.until(({ name }) => name === "gap", "a gap");
    assert.equal(Number(gap.id), gap.data.to);
    lost.end();
  }
  live.end();
  reader.end();
});

test("filters narrow", async () => {
  const { job_id } = await daemon.submit("mine");
  const other = (await daemon.submit("other")).job_id;
  const reader = read(
    `/api/events?last_event_id=0&types=job_status_changed&job_id=${job_id}`);
  await reader.until(has("job_status_changed", job_id), "its events");
  assert.ok(!reader.events.some(({ data }) => data.job_id === other));
  assert.ok(reader.events.every(({ data }) =>
    ["connected", "heartbeat", "job_status_changed"].includes(data.type)));
  reader.end();
});

test("an admin may read one user's events, others only their own",
  async () => {
    const guarded = new Daemon({ tokens: [
      { name: "root", token: "stk_root", level: "admin", user_id: "root" },
      { name: "eve", token: "stk_eve", level: "researcher",
        user_id: "eve" }] });
    await guarded.start();
    const opened = [];
    const open = (query, token) => {
      const reader = new Reader(
        `${guarded.url}/api/events?last_event_id=0${query}`, { token });
      opened.push(reader);
      return reader;
    };
    try {
      const all = open("", "stk_root");
      const roots = (await guarded.submit("roots")).job_id;
      const over = (id) => ({ data }) => data?.type === "job_status_changed"
        && data.job_id === id && data.status === "completed";
      await all.until(over(roots), "one user's job");
      const eves = (await guarded.submit("eves", {},
        { Authorization: "Bearer stk_eve" })).job_id;
      await all.until(over(eves), "the other user's job");
      for (const [query, token, mine, other] of [
        ["&user_id=eve", "stk_root", eves, roots],
        ["&user_id=eve", "stk_eve", eves, roots],
        ["", "stk_eve", eves, roots]]) {
        const reader = open(query, token);
        await reader.until(over(mine), "the events of the user");
        assert.ok(!reader.events.some(({ data }) => data?.job_id === other));
      }
      const nosy = open("&user_id=root", "stk_eve");
      await eventually(() => nosy.errors.includes(403), "it is refused");
    } finally {
      for (const reader of opened) reader.end();
      await guarded.end();
    }
  });

test("no text that people choose ends a line or an event", async () => {
  const rule = (name) => daemon.call("POST", "/api/approvals/rules",
    { name, condition: "cost_exceeds", threshold: "50" });
  for (const end of ["\n\n", "\r\r", "\r\n", "\u0085"])
    await assert.rejects(rule(`a${end}data: forged${end}`),
      /validation_error/);
  const name = "data: forged\u2028\u2029id: 99\ufeff: d";
  await rule(name);
  const reader = read("/api/events");
  await reader.until(({ name: x }) => x === "connection", "it is connected");
  const { job_id } = await daemon.submit("dear", { estimated_cost: 80 });
  const { data } = await reader.until(has("approval_required", job_id),
    "a request");
  assert.ok(data.reason.startsWith(name), data.reason);
  await daemon.call("POST",
    `/api/approvals/requests/${data.approval_id}/reject`,
    { reason: "no\r\n\r\ndata: forged\rid: 99\n\r\r\n\nevent: gap" });
  await reader.until(has("approval_decided", job_id), "the decision");
  assert.equal(reader.named("gap").length, 0);
  assert.ok(!reader.events.some(({ text }) => text.startsWith("forged")));
  assert.ok(reader.events.every(({ id }) => id !== "99"));
  reader.end();
});

test("the log of a job is a stream that ends with its status", async () => {
  const { job_id } = await daemon.submit("logs");
  await eventually(async () => (await daemon.job(job_id)).is_terminal,
    "the job is over");
  const reader = read(`/api/cloud/jobs/${job_id}/logs/stream`);
  const done = await reader.until(({ name }) => name === "done", "the end");
  reader.end();
  assert.equal(done.text, "completed");
  const { logs } = await daemon.call("GET", `/api/cloud/jobs/${job_id}/logs`);
  const lines = logs.split(/\r\n|\r|\n/);
  if (lines.at(-1) === "") lines.pop();
  assert.deepEqual(reader.named("message").map(({ text }) => text), lines);
});

test("who loses its token loses its stream and is not let in again",
  async () => {
    const guarded = new Daemon({ tokens: [
      { name: "root", token: "stk_root", level: "admin", user_id: "root" },
      { name: "eve", token: "stk_eve", level: "admin", user_id: "eve" }] });
    await guarded.start();
    const open = (token) =>
      new Reader(`${guarded.url}/api/events`, { token });
    const root = open("stk_root"), eve = open("stk_eve");
    try {
      for (const x of [root, eve])
        await x.until(({ name }) => name === "connection", "it is connected");
      guarded.reload([
        { name: "root", token: "stk_root", level: "admin", user_id: "root" }]);
      await eventually(() => eve.errors.includes(401), "it is refused");
      assert.equal(eve.source.readyState, EventSource.CLOSED);
      assert.deepEqual(root.errors, []);
      const { job_id } = await guarded.submit("secret");
      await root.until(has("job_status_changed", job_id), "the other goes on");
      assert.ok(!eve.events.some(({ data }) => data?.job_id === job_id));
    } finally {
      root.end();
      eve.end();
      await guarded.end();
    }
  });

test("the page reads any stream as the client does", async () => {
  const seed = Date.now() % 2147483648;
  let state = seed;
  const random = (n) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return (state >> 8) % n;
  };
  const parts = ["data: x", "data:y", "data:  z", "data", "event: gap",
    "event:", "id: 1", "id", "id: 2\0", ": comment", ":", "retry: 7",
    "retry: 7x",
    "odd: field", "", "", "", "data: é😀", "data: \ufeff"];
  const ends = ["\n", "\r", "\r\n"];
  let events = 0;
  for (let round = 0; round < 200; ++round) {
    let text = random(4) === 0 ? "\ufeff" : "";
    for (let n = random(20); n > 0; --n)
      text += parts[random(parts.length)] + ends[random(3)];
    text += ":\n"; // or it waits whether a last CR is half a CRLF
    const ours = [];
    new EventParser((x) => ours.push(x)).feed(text);
    const theirs = await clientReads(text);
    // The client gives an event without an id of its own none; the standard,
    // the last one.
    const ids = lastIds(text);
    theirs.forEach((x, i) => { x.id ||= ids[i]; });
    assert.deepEqual(ours, theirs, `seed ${seed}: ${JSON.stringify(text)}`);
    events += ours.length;
  }
  assert.ok(events > 100);
});
