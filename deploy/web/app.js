// The frame around the views: where one is, the link to tunerd, the keyboard.

import { Source, every, forgetToken, get, hasToken, onTokenNeeded, open, part }
  from "./api.js";
import { create as approvals } from "./approvals.js";
import { create as charts } from "./charts.js";
import { askToken, showShortcuts } from "./dialog.js";
import { attr, fill, h, put } from "./dom.js";
import { createDrawer } from "./drawer.js";
import { clock, now, number, syncClock } from "./format.js";
import { create as jobs } from "./jobs.js";
import { icon } from "./parts.js";
import { create as providers } from "./providers.js";
import { create as queue } from "./queue.js";
import { create as rules } from "./rules.js";
import { EventStream } from "./sse.js";
import { create as trace } from "./trace.js";
import { create as workers } from "./workers.js";

/** A hidden tab keeps its stream this long, then it resumes when it is seen:
 * browsers have six connections to a host, for all tabs together. */
const HIDDEN_MAX = 60_000;

const app = { go, closeJob, refresh, openJob: "", stats: null };
const views = { jobs: jobs(app), queue: queue(app), approvals: approvals(app),
  workers: workers(app), providers: providers(app), trace: trace(app),
  charts: charts(app), rules: rules(app) };
const drawer = createDrawer(app);
let current = null;

onTokenNeeded(async (problem) => {
  const token = await askToken(problem);
  showLeave();
  return token;
});

// -- where one is -------------------------------------------------------------

/** Goes to a view; values that are empty or unset are left out. */
function go(name, values = {}) {
  const query = new URLSearchParams(
    Object.entries(values).filter(([, value]) => value)).toString();
  location.hash = `#/${name}${query && `?${query}`}`;
}

function place() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/").map(decode);
  return { name: name in views ? name : "jobs", rest,
    query: new URLSearchParams(query) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function closeJob() {
  const { name, rest } = place();
  const before = name === "trace" ? rest.slice(0, 1) : [];
  location.hash = ["#", name, ...before.map(part)].join("/") + lastQuery;
}

let lastQuery = "";

function route() {
  const { name, rest, query } = place();
  const job = (name === "trace" ? rest[1] : rest[0]) ?? "";
  // The filter of the view stays while a job is open.
  if (job === "") lastQuery = query.size > 0 ? `?${query}` : "";
  const next = views[name];
  app.openJob = job;
  if (next !== current) {
    current?.hide();
    fill(main, next.element);
    lastQuery = job === "" ? lastQuery : "";
    current = next;
    for (const link of nav.querySelectorAll("a"))
      attr(link, "aria-current", link.dataset.view === name ? "page" : null);
  }
  next.show(job === "" ? query : new URLSearchParams(lastQuery), rest);
  if (job === "") drawer.close();
  else drawer.open(job);
  title();
}

function refresh(at_once = false) {
  current.refresh(at_once);
  drawer.refresh(at_once);
  numbers.refresh(at_once);
}

// -- navigation and numbers ---------------------------------------------------

const main = document.getElementById("main");
const nav = document.getElementById("nav");
const badges = {};
fill(nav, h("ul", {}, Object.entries(views).map(([name, view], i) => {
  badges[name] = h("span", { class: "badge num" });
  return h("li", {}, h("a", {
    href: `#/${name}`, data: { view: name },
    title: `${view.title} (${i + 1})`,
  }, icon(name), h("span", { class: "name" }, view.title), badges[name]));
})));
document.body.append(drawer.element);
fill(document.getElementById("help"), icon("help"));
document.getElementById("help").addEventListener("click", showShortcuts);

let mayCount = true; // how many approvals are pending: leads only
const numbers = new Source(async () => {
  const [stats, approvals_] = await Promise.all([
    get("/api/queue/stats"),
    mayCount ? get("/api/approvals/requests/pending/count").catch((error) => {
      if (error.status === 403) mayCount = false;
      return null;
    }) : null,
  ]);
  return { stats, pending: approvals_?.pending_count ?? null };
}, 2_000);

const figures = Object.fromEntries([
  ["running", "running"], ["waiting", "waiting"], ["blocked", "to approve"],
].map(([key, name]) => [key, [h("b", { class: "num" }, "–"), name]]));
fill(document.getElementById("numbers"), Object.entries(figures).map(
  ([key, [value, name]]) => h("span", { class: `number ${key}` }, value, " ",
    h("small", {}, name))));

numbers.watch(({ value }) => {
  if (value === null) return;
  const { stats, pending } = value;
  const limit = stats.max_concurrent;
  put(figures.running[0],
    `${number(stats.running)}${limit ? ` / ${limit}` : ""}`);
  put(figures.waiting[0], number(stats.queue_depth));
  const blocked = pending ?? stats.by_status.blocked;
  put(figures.blocked[0], number(blocked));
  attr(figures.blocked[0].parentElement, "data-some", blocked > 0 ? "" : null);
  put(badges.queue, stats.queue_depth > 0 ? number(stats.queue_depth) : "");
  put(badges.approvals, blocked > 0 ? number(blocked) : "");
  title(blocked);
  app.stats = stats;
  current.numbers?.();
});

let lastBlocked = 0;
function title(blocked = lastBlocked) {
  lastBlocked = blocked;
  document.title = `${blocked > 0 ? `(${blocked}) ` : ""}${current.title}` +
    ` · tunerd${link.phase === "live" ? "" : " · offline"}`;
}

every(15_000, () => numbers.refresh());

// -- the link -----------------------------------------------------------------

const link = { phase: "connecting", retryAt: 0, lastHeard: null, error: "" };
const linkBox = document.getElementById("link");

function showLink() {
  const waiting = link.phase === "waiting" || link.phase === "connecting";
  const first = link.lastHeard === null;
  const data = first ? "" : ` · as of ${clock(link.lastHeard)}`;
  const seconds = Math.max(0, Math.ceil((link.retryAt - Date.now()) / 1000));
  const text = link.phase === "live" ? "Live"
    : link.phase === "paused" ? `Paused${data}`
      : link.phase === "waiting" ? `Stale${data} · again in ${seconds} s`
        : first ? "Connecting …" : `Stale${data} · reconnecting …`;
  attr(linkBox, "data-phase", link.phase);
  attr(linkBox, "title", link.phase === "waiting" ? link.error : null);
  put(linkBox, text);
  document.body.classList.toggle("stale", waiting && !first);
}

const stream = new EventStream({
  open: (lastEventId, signal) => open("/api/events", lastEventId, signal),
  onState(state) {
    const was = link.phase;
    if (was === "live") link.lastHeard = new Date(now()).toISOString();
    Object.assign(link, state);
    showLink();
    title();
    // What happened meanwhile is replayed, but not all that changes is told.
    if (state.phase === "live") refresh(true);
  },
  onEvent({ type, data }) {
    let about;
    try {
      about = JSON.parse(data);
    } catch {
      return; // not one of ours
    }
    if (about.timestamp) syncClock(about.timestamp);
    if (type === "heartbeat" || type === "connection") return;
    if (type === "gap") return refresh(true);
    const kind = about.type ?? type;
    current.event(kind, about);
    drawer.event(kind, about);
    if (kind !== "worker_status") numbers.refresh();
  },
});

setInterval(() => { if (link.phase === "waiting") showLink(); }, 1000);
window.addEventListener("online", () => stream.hurry());

let hiding = 0;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (document.hidden) {
    hiding = setTimeout(() => stream.stop(), HIDDEN_MAX);
  } else if (link.phase !== "live" && link.phase !== "connecting") {
    stream.start();
  } else {
    refresh();
  }
});

// -- the keyboard -------------------------------------------------------------

function moveRow(step) {
  const links = [...main.querySelectorAll("tbody a.job-link, .trace-rows li")];
  if (links.length === 0) return;
  const row = document.activeElement.closest("tr, .trace-rows li");
  const at = links.findIndex((x) => row !== null &&
    (x === row || row.contains(x)));
  const to = at < 0 ? (step > 0 ? 0 : links.length - 1)
    : Math.min(Math.max(at + step, 0), links.length - 1);
  links[to].focus();
}

const keys = {
  "?": showShortcuts,
  "/": () => (current.search ?? (() => go("jobs")))(),
  j: () => moveRow(1),
  k: () => moveRow(-1),
  r: () => refresh(true),
  Escape: () => drawer.isOpen && closeJob(),
};
Object.keys(views).forEach((name, i) => { keys[i + 1] = () => go(name); });

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey ||
    document.querySelector("dialog[open]") !== null) return;
  const typing = event.target.closest("input,textarea,select");
  if (typing !== null) {
    if (event.key === "Escape") typing.blur();
    return;
  }
  const act = (drawer.isOpen ? drawer.keys[event.key] : undefined) ??
    current.keys?.[event.key] ?? keys[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act();
});

// -- start --------------------------------------------------------------------

/** Lets one forget the token, once there is one. */
function showLeave() {
  if (nav.querySelector(".leave") !== null) return;
  nav.append(h("button", {
    type: "button", class: "plain leave", on: {
      click: () => {
        forgetToken();
        location.reload();
      },
    },
  }, "Forget the token"));
}

if (hasToken()) showLeave();

window.addEventListener("hashchange", route);
route();
stream.start();
