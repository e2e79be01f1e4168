// The HTTP API as functions: the token, errors, and calls that are not made
// too often.

const TOKEN = "tunerd.token";
const TIMEOUT = 35_000;
/** Longer than that nobody is told to stay away. */
const RETRY_AFTER_MAX = 600;

/** Why a call failed, for people. */
class ApiError extends Error {
  constructor(status, code, message, retryAfter, correlationId) {
    super(message);
    Object.assign(this, { status, code, retryAfter, correlationId });
  }
}

let ask = async () => null;
let asking = null;

/**
 * @param callback (problem) => Promise<string>: shows the prompt for a token
 */
export function onTokenNeeded(callback) {
  ask = callback;
}

export function hasToken() {
  return sessionStorage.getItem(TOKEN) !== null;
}

export function forgetToken() {
  sessionStorage.removeItem(TOKEN);
}

/** However many calls are refused at once: one prompt, which all wait for. */
function newToken(refused, problem) {
  if (sessionStorage.getItem(TOKEN) !== refused)
    return Promise.resolve(); // somebody was faster
  asking ??= ask(problem).then((token) => {
    sessionStorage.setItem(TOKEN, token);
  }).finally(() => { asking = null; });
  return asking;
}

/** What is left of this token's rate; none while there is no limit. */
export const rate = { limit: null, remaining: null, resetAt: 0 };

function noteRate(response) {
  const limit = response.headers.get("X-RateLimit-Limit");
  if (limit === null) return;
  rate.limit = Number(limit);
  rate.remaining = Number(response.headers.get("X-RateLimit-Remaining"));
  rate.resetAt = 1000 * Number(response.headers.get("X-RateLimit-Reset"));
}

/** @returns whether what is left of the rate is for people only. */
export function isScarce() {
  return rate.limit !== null && rate.remaining < rate.limit / 5 &&
    Date.now() < rate.resetAt;
}

/** @returns the least time between two automatic reads of one thing. */
function pause() {
  if (rate.limit === null) return 350;
  const share = rate.remaining / rate.limit;
  const spread = 60_000 / Math.max(rate.limit, 1);
  return spread * (share > 0.5 ? 4 : share > 0.2 ? 8 : 24);
}

/**
 * Calls `act` every `ms` while the tab is seen; a third as often where there
 * is a rate to keep to. @returns how to end that
 */
export function every(ms, act) {
  let turn = 0;
  const timer = setInterval(() => {
    if (document.hidden || (rate.limit !== null && ++turn % 3 !== 0)) return;
    act();
  }, ms);
  return () => clearInterval(timer);
}

/** @param signal Ends it; without one it ends after `TIMEOUT`. */
async function send(method, path, { body, headers = {}, signal } = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const all = { ...headers };
  if (token !== null) all.Authorization = `Bearer ${token}`;
  if (body !== undefined) all["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method, headers: all, signal: signal ?? AbortSignal.timeout(TIMEOUT),
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store", credentials: "omit", redirect: "error",
    });
  } catch (error) {
    if (signal?.aborted && error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", error.name === "TimeoutError"
      ? "tunerd did not answer in time" : "tunerd cannot be reached", 0, "");
  }
  noteRate(response);
  if (response.status === 401) {
    await response.body?.cancel();
    await newToken(token, token === null ? "" : "tunerd knows no such token.");
    // The time that a person took does not count: it begins anew.
    return send(method, path, { body, headers, signal });
  }
  if (!response.ok) throw await failure(response);
  return response;
}

async function failure(response) {
  let body = {};
  try {
    body = await response.json();
  } catch {
    // Whatever stands in between did not speak JSON.
  }
  return new ApiError(
    response.status, body.error ?? "error",
    body.message ?? `HTTP ${response.status}`,
    Number(response.headers.get("Retry-After") ?? 0),
    response.headers.get("X-Correlation-ID") ?? "");
}

async function json(method, path, body) {
  return (await send(method, path, { body })).json();
}

export const get = (path) => json("GET", path);
export const post = (path, body) => json("POST", path, body);
export const patch = (path, body) => json("PATCH", path, body);
export const put = (path, body) => json("PUT", path, body);
export const del = (path) => json("DELETE", path);

/** @returns the text of what is not JSON. */
export async function getText(path) {
  return (await send("GET", path)).text();
}

/** Opens a stream of events. */
export function open(path, lastEventId, signal) {
  const headers = { Accept: "text/event-stream" };
  if (lastEventId) headers["Last-Event-ID"] = lastEventId;
  return send("GET", path, { headers, signal });
}

/** Part of a path. */
export const part = encodeURIComponent;

/**
 * Something that is read again and again: one read at a time, no more often
 * than `pause()`, and again afterwards if it was asked for meanwhile. Where
 * the server says how long to stay away, nobody asks earlier.
 */
export class Source {
  #load; #listeners;
  #timer = 0; #busy = false; #dirty = false; #began = 0; #version = 0;
  #telling = 0;
  #notBefore = 0; #pause;
  value = null;
  error = null;

  /** @param pauseMin Least milliseconds between two automatic reads. */
  constructor(load, pauseMin = 0) {
    this.#load = load;
    this.#pause = pauseMin;
    this.#listeners = new Set();
  }

  /** Calls `listener(this)` after each read. @returns how to end that. */
  watch(listener) {
    this.#listeners.add(listener);
    if (this.value !== null || this.error !== null) listener(this);
    return () => this.#listeners.delete(listener);
  }

  get isWatched() {
    return this.#listeners.size > 0;
  }

  /** Reads it soon. `now`: a person asked for it. */
  refresh(now = false) {
    if (!this.isWatched) return;
    if (this.#busy) {
      this.#dirty = true;
      return;
    }
    if (this.#timer !== 0 && !now) return;
    clearTimeout(this.#timer);
    const soonest = now ? 0
      : this.#began + Math.max(pause(), this.#pause);
    this.#timer = setTimeout(() => this.#read(),
      Math.max(0, Math.max(soonest, this.#notBefore) - Date.now()));
  }

  /** Forgets what was read: it is about something else now. */
  clear() {
    ++this.#version;
    this.value = null;
    this.error = null;
  }

  /** Changes what was read before it is read again. */
  patch(change) {
    if (this.value === null || change(this.value) === false) return;
    // Events may come by the hundred: they are shown together.
    this.#telling ||= setTimeout(() => {
      this.#telling = 0;
      this.#tell();
    }, 50);
  }

  async #read() {
    this.#timer = 0;
    this.#busy = true;
    this.#dirty = false;
    this.#began = Date.now();
    const version = this.#version;
    const [value, error] = await this.#load().then(
      (found) => [found, null], (problem) => [null, problem]);
    this.#busy = false;
    const away = Math.min(error?.retryAfter || 0, RETRY_AFTER_MAX);
    if (away > 0) this.#notBefore = Date.now() + 1000 * away;
    if (version === this.#version) {
      this.error = error;
      if (error === null) this.value = value; // else what was read stays
      this.#tell();
    }
    if (this.#dirty || away > 0) this.refresh(version !== this.#version);
  }

  #tell() {
    for (const listener of [...this.#listeners]) listener(this);
  }
}
