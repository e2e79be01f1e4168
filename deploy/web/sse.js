// Server-sent events over fetch: EventSource cannot send a token, and a token
// does not belong into a URL.

/** Longer lines are no events of ours. */
const LINE_MAX = 4 * 1024 * 1024;

/** Parses a text/event-stream as the HTML standard says. */
export class EventParser {
  #line = "";
  #afterCr = false;
  #first = true;
  #data = [];
  #type = "";
  /** The cursor: where a new stream goes on. */
  lastEventId = "";

  /**
   * @param onEvent ({type, data, id})
   * @param onRetry (milliseconds)
   */
  constructor(onEvent, onRetry = () => {}) {
    this.onEvent = onEvent;
    this.onRetry = onRetry;
  }

  /** Forgets an event that was not finished; keeps the cursor. */
  reset() {
    this.#line = "";
    this.#afterCr = false;
    this.#first = true;
    this.#data = [];
    this.#type = "";
  }

  /** Takes the next piece of the stream, cut anywhere. */
  feed(text) {
    if (this.#first && text.length > 0) {
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
      this.#first = false;
    }
    let begin = 0;
    for (let i = 0; i < text.length; ++i) {
      const c = text[i];
      const wasCr = this.#afterCr;
      this.#afterCr = c === "\r";
      if (c === "\n" && wasCr) {
        begin = i + 1;
      } else if (c === "\n" || c === "\r") {
        this.#take(this.#line + text.slice(begin, i));
        this.#line = "";
        begin = i + 1;
      }
    }
    this.#line += text.slice(begin);
    if (this.#line.length > LINE_MAX) throw new Error("line too long");
  }

  #take(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment
    const name = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#type = value;
    else if (name === "id" && !value.includes("\0")) this.lastEventId = value;
    else if (name === "retry" && /^[0-9]+$/.test(value))
      this.onRetry(Number(value));
  }

  #dispatch() {
    const data = this.#data;
    const type = this.#type || "message";
    this.#data = [];
    this.#type = "";
    if (data.length > 0)
      this.onEvent({ type, data: data.join("\n"), id: this.lastEventId });
  }
}

/**
 * Reads a response as events until it ends.
 * @param onBytes called whenever anything arrives
 */
export async function readEvents(response, parser, onBytes = () => {}) {
  parser.reset();
  const reader = response.body.pipeThrough(new TextDecoderStream("utf-8", {
    ignoreBOM: true, // the parser knows it
  })).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    onBytes();
    parser.feed(value);
  }
}

/**
 * How often the server says something is its own choice: 15 s usually, up to
 * five minutes. After three of the longest gaps seen it is gone.
 * @param gap milliseconds @returns milliseconds
 */
export const silenceMax = (gap) => Math.min(Math.max(3 * gap, 45_000), 900_000);

const DELAY_MAX = 30_000;

/**
 * A stream that comes back: after the server's `retry`, doubled with every
 * failure up to 30 s and spread at random, from the last id that was seen.
 *
 * `onState` is told {phase: "connecting" | "live" | "waiting" | "paused",
 * since, retryAt, error}.
 */
export class EventStream {
  #open; #onEvent; #onState;
  #retry = 3000;
  #failures = 0;
  #timer = 0;
  #watchdog = 0;
  #longest = 0;
  #heard = 0;
  #abort = null;
  #run = 0;
  #parser;

  /** @param open (lastEventId, signal) => Promise<Response> of status 200 */
  constructor({ open, onEvent, onState }) {
    this.#open = open;
    this.#onEvent = onEvent;
    this.#onState = onState;
    this.#parser = new EventParser(
      (event) => this.#onEvent(event),
      (ms) => { this.#retry = Math.min(Math.max(ms, 100), DELAY_MAX); });
  }

  start() {
    this.stop();
    this.#connect();
  }

  /** Closes it; `start` goes on where it was. */
  stop(phase = "paused") {
    ++this.#run;
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    this.#abort?.abort();
    this.#abort = null;
    this.#onState({ phase });
  }

  /** Tries again at once if it waits. */
  hurry() {
    if (this.#abort === null) this.start();
  }

  async #connect() {
    const run = ++this.#run;
    const abort = new AbortController();
    this.#abort = abort;
    this.#onState({ phase: "connecting", failures: this.#failures });
    let problem = "the server closed the stream";
    try {
      this.#watch(abort);
      const response = await this.#open(this.#parser.lastEventId, abort.signal);
      if (run !== this.#run) return;
      this.#watch(abort, true);
      this.#failures = 0;
      this.#onState({ phase: "live" });
      await readEvents(response, this.#parser, () => {
        this.#note();
        this.#watch(abort, true);
      });
    } catch (error) {
      problem = error.message;
    }
    if (run !== this.#run) return;
    clearTimeout(this.#watchdog);
    abort.abort();
    this.#abort = null;
    this.#wait(problem);
  }

  /** Notes for how long nothing was said; a machine that slept says little. */
  #note() {
    const gap = performance.now() - this.#heard;
    this.#longest = Math.max(this.#longest,
      Math.min(gap, silenceMax(this.#longest)));
  }

  /** @param isOpen Whether the silence is that of an open stream. */
  #watch(abort, isOpen = false) {
    clearTimeout(this.#watchdog);
    this.#heard = performance.now();
    this.#watchdog = setTimeout(() => {
      // Else a server that says less could never be listened to.
      if (isOpen) this.#note();
      abort.abort();
    }, silenceMax(this.#longest));
  }

  #wait(problem) {
    const most = Math.min(this.#retry * 2 ** this.#failures, DELAY_MAX);
    const delay = most * (0.25 + 0.75 * Math.random());
    this.#failures = Math.min(this.#failures + 1, 10);
    this.#onState({
      phase: "waiting", retryAt: Date.now() + delay, error: problem,
    });
    this.#timer = setTimeout(() => this.#connect(), delay);
  }
}
