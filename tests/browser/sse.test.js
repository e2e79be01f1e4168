// The parser of the page against the rules of the standard, cut anywhere.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mock, test } from "node:test";

// What is served as a module need not be one to Node.
const source = readFileSync(
  new URL("../../deploy/web/sse.js", import.meta.url));
const { EventParser, EventStream, silenceMax } = await import(
  `data:text/javascript;base64,${source.toString("base64")}`);

function parse(pieces) {
  const events = [], retries = [];
  const parser = new EventParser((x) => events.push(x), (x) => retries.push(x));
  for (const piece of pieces) parser.feed(piece);
  return { events, retries, lastEventId: parser.lastEventId };
}

const cases = {
  "lines end with LF, CR or CRLF": [
    "data: a\n\ndata: b\r\rdata: c\r\n\r\n",
    [["message", "a", ""], ["message", "b", ""], ["message", "c", ""]]],
  "CRLF is one end, not a line and a blank one": [
    "data: a\r\ndata: b\r\n\r\n", [["message", "a\nb", ""]]],
  "data has many lines": [
    "data: a\ndata:b\ndata\n\n", [["message", "a\nb\n", ""]]],
  "only one space is left out": ["data:  a\n\n", [["message", " a", ""]]],
  "comments and unknown fields are nothing": [
    ": hi\nodd: x\ndata: a\n\n", [["message", "a", ""]]],
  "an event without data is none, its name is forgotten": [
    "event: x\n\ndata: a\n\n", [["message", "a", ""]]],
  "a mark at the start is left out, later ones are data": [
    "\ufeffdata: a\n\ndata: \ufeffb\n\n",
    [["message", "a", ""], ["message", "\ufeffb", ""]]],
  "an id stays, a bad one is ignored": [
    "id: 7\ndata: a\n\ndata: b\n\nid: 8\0\ndata: c\n\n",
    [["message", "a", "7"], ["message", "b", "7"], ["message", "c", "7"]]],
  "an id of an event without data moves the cursor": ["id: 9\n\n", []],
  "an event that is not finished is none": ["data: a\n", []],
  "a name counts for one event": [
    "event: gap\ndata: 1\n\ndata: 2\n\n",
    [["gap", "1", ""], ["message", "2", ""]]],
};

for (const [name, [text, expected]] of Object.entries(cases))
  test(name, () => {
    const shape = (x) => x.events.map(({ type, data, id }) => [type, data, id]);
    assert.deepEqual(shape(parse([text])), expected);
    assert.deepEqual(shape(parse(text)), expected, "character by character");
  });

test("retry is a number or nothing", () => {
  const { retries } = parse(["retry: 3000\nretry: x\nretry: -1\nretry:\n"]);
  assert.deepEqual(retries, [3000]);
});

test("however a stream is cut, it says the same", () => {
  let seed = 42; // printed by a failure below
  const random = (n) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % n;
  };
  const parts = ["data: x", "data:y", "event: e", "id: 1", ": c", "retry: 5",
    "", "", "é😀", "data: é😀", "\ufeff"];
  const ends = ["\n", "\r", "\r\n"];
  for (let i = 0; i < 3000; ++i) {
    const began = seed;
    let text = "";
    for (let n = random(12); n > 0; --n)
      text += parts[random(parts.length)] + ends[random(3)];
    const pieces = [];
    for (let at = 0; at < text.length;) {
      const size = 1 + random(5);
      pieces.push(text.slice(at, at + size));
      at += size;
    }
    assert.deepEqual(parse(pieces), parse([text]), `seed ${began}`);
  }
});

test("a line without an end does not grow for ever", () => {
  const parser = new EventParser(() => {});
  assert.throws(() => {
    for (;;) parser.feed("x".repeat(1024 * 1024));
  }, /too long/);
});

test("silence is borne for three of the longest gaps, within bounds", () => {
  assert.equal(silenceMax(0), 45_000);
  assert.equal(silenceMax(15_000), 45_000);
  assert.equal(silenceMax(60_000), 180_000);
  assert.equal(silenceMax(300_000), 900_000);
  assert.equal(silenceMax(8 * 3_600_000), 900_000);
});

test("a server that says something every five minutes is listened to",
  { skip: mock.timers === undefined }, async (t) => { // Node 20
    t.mock.timers.enable({ apis: ["setTimeout"] });
    let time = 0;
    t.mock.method(performance, "now", () => time);
    t.mock.method(Math, "random", () => 0);
    const settled = () => new Promise((resolve) => setImmediate(resolve));
    const pass = async (seconds) => {
      for (; seconds > 0; --seconds) {
        time += 1000;
        t.mock.timers.tick(1000);
        await settled();
      }
    };
    let streams = 0, speak = null;
    const stream = new EventStream({
      async open(lastEventId, signal) {
        ++streams;
        return new Response(new ReadableStream({
          start(controller) {
            speak = () => controller.enqueue(new TextEncoder().encode(":\n"));
            signal.addEventListener("abort", () => controller.error(
              new Error("aborted")));
          },
        }));
      },
      onEvent() {},
      onState() {},
    });
    stream.start();
    for (let i = 0; i < 12; ++i) {
      await pass(300);
      speak();
      await settled();
    }
    const learned = streams;
    assert.ok(learned < 8, `${learned} streams`);
    for (let i = 0; i < 12; ++i) {
      await pass(300);
      speak();
      await settled();
    }
    assert.equal(streams, learned);
    await pass(1000);
    assert.ok(streams > learned, "one that is gone is noticed");
    stream.stop();
  });

test("a stream comes back from its last id", async () => {
  const asked = [], states = [];
  const bodies = ["retry: 100\n\nid: 5\ndata: a\n\n", "id: 6\ndata: b\n\n"];
  await new Promise((resolve) => {
    const stream = new EventStream({
      async open(lastEventId) {
        asked.push(lastEventId);
        if (asked.length === 2) throw new Error("refused");
        const body = bodies.shift();
        if (body === undefined) {
          stream.stop();
          resolve();
        }
        return new Response(body);
      },
      onEvent() {},
      onState: ({ phase }) => states.push(phase),
    });
    stream.start();
  });
  assert.deepEqual(asked, ["", "5", "5", "6"]);
  assert.deepEqual(states, ["paused", "connecting", "live", "waiting",
    "connecting", "waiting", "connecting", "live", "waiting", "connecting",
    "paused"]);
});
