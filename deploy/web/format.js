// Values as people read them. Times are shown in the reader's zone.

let skew = 0;

/** Takes over the server's clock: countdowns are about its time, not ours. */
export function syncClock(serverTime) {
  const difference = Date.parse(serverTime) - Date.now();
  if (Number.isFinite(difference))
    skew = Math.abs(difference) > 2000 ? difference : 0;
}

/** @returns the server's time in ms, as far as it is known. */
export function now() {
  return Date.now() + skew;
}

/** @returns e.g. "850 ms", "12 s", "3 m 05 s", "2 h 10 m", "4 d 3 h". */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0) return "0 s";
  if (seconds > 0 && seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  const s = Math.floor(seconds);
  const two = (x) => String(x).padStart(2, "0");
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${two(s % 60)} s`;
  if (s < 86400)
    return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} m`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** @returns how long ago `time` was, e.g. "12 s ago". */
function ago(time) {
  const seconds = (now() - Date.parse(time)) / 1000;
  if (seconds < 1.5) return "now";
  return `${coarse(seconds)} ago`;
}

/** @returns a span in one unit: it changes seldom and stays short. */
function coarse(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

const clockForm = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const dayForm = new Intl.DateTimeFormat(undefined, {
  month: "short", day: "2-digit",
});

/** @returns the time of day; with the date if that is not today's. */
export function clock(time) {
  if (!time) return "–";
  const date = new Date(time);
  const today = new Date(now()).toDateString() === date.toDateString();
  const text = clockForm.format(date);
  return today ? text : `${dayForm.format(date)} ${text}`;
}

/** @returns the time of day to the millisecond. */
export function exact(time) {
  const ms = String(new Date(time).getMilliseconds()).padStart(3, "0");
  return `${clock(time)}.${ms}`;
}

/** @returns money; small sums keep what makes them differ from nothing. */
export function usd(value) {
  if (value === null || value === undefined) return "–";
  const digits = value !== 0 && Math.abs(value) < 0.1 ? 4 : 2;
  return `$${Number(value).toFixed(digits)}`;
}

export function number(value) {
  return value === null || value === undefined
    ? "–" : Number(value).toLocaleString("en");
}

/** @returns `text`, or a dash for nothing. */
export function or(text) {
  return text === null || text === undefined || text === "" ? "–"
    : String(text);
}

/** @returns "1 job", "2 jobs". */
export function count(n, noun, plural = `${noun}s`) {
  return `${number(n)} ${n === 1 ? noun : plural}`;
}

// Times that pass are renewed by one timer for the whole page.

function renew(node) {
  const { since, until, running } = node.dataset;
  let text = "";
  if (since) text = ago(since);
  else if (running) text = span((now() - Date.parse(running)) / 1000);
  else if (until) {
    const left = (Date.parse(until) - now()) / 1000;
    text = left > 0 ? span(left) : "0 s";
    node.classList.toggle("urgent", left < 600);
  }
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Lets `node` show a time that passes.
 * @param kind "since" (12 s ago), "running" (12 s) or "until" (12 s, urgent in
 * its last ten minutes)
 * @param otherwise shown if there is no time
 */
export function passing(node, kind, time, otherwise = "–") {
  for (const other of ["since", "running", "until"])
    if (other !== kind || !time) delete node.dataset[other];
  if (!time) {
    if (node.textContent !== otherwise) node.textContent = otherwise;
    node.removeAttribute("title");
    return node;
  }
  if (node.dataset[kind] !== time) {
    node.dataset[kind] = time;
    node.title = `${new Date(time).toLocaleString()} · ${time}`;
  }
  renew(node);
  return node;
}

setInterval(() => {
  if (document.hidden) return;
  for (const node of
    document.querySelectorAll("[data-since],[data-running],[data-until]"))
    renew(node);
}, 1000);
