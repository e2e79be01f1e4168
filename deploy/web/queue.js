// The queue: what runs, what waits, why, and for how long.

import { Source, get, isScarce, part, post, rate } from "./api.js";
import { attr, fill, h, put } from "./dom.js";
import { clock, count, number, or, passing, span, usd } from "./format.js";
import {
  attempt, button, heading, jobLink, meter, pill, problemNote, table,
} from "./parts.js";

const levels = [
  [0, "low"], [10, "normal"], [20, "high"], [30, "urgent"], [40, "critical"],
];

/** One constraint of /api/queue/why in words. */
function reasonText(x) {
  const share = x.limit === null ? "" : `${x.used}/${x.limit}`;
  switch (x.kind) {
    case "approval": return "needs approval";
    case "not_before": return x.until ? `not before ${clock(x.until)}`
      : "waits before it is tried again";
    case "provider_unavailable": return `${or(x.scope)} is unavailable`;
    case "submissions": return `submissions under way ${share}`;
    case "in_doubt": return "its last submission is in doubt";
    case "unresolved": return "its last submission needs a decision";
    case "limit": return x.scope === "global" ? `all slots taken ${share}`
      : `${or(x.scope)} limit ${share}`;
    case "turn": return "others go first";
    default: return [x.kind, x.scope, share].filter(Boolean).join(" ");
  }
}

/** The answer of /api/queue/why, all of it. */
export function reasons(why) {
  const wait = why.estimated_wait_seconds;
  return [
    h("ol", { class: "reasons" }, why.constraints.length === 0
      ? h("li", {}, "Nothing keeps it: it starts next.")
      : why.constraints.map((x) => h("li", {}, reasonText(x),
        x.holders.length > 0 && h("div", { class: "holders" }, "held by ",
          x.holders.slice(0, 8).map((id) => h("a", {
            class: "mono", href: `#/jobs/${part(id)}`,
          }, id)),
          x.holders.length > 8 && ` and ${x.holders.length - 8} more`)))),
    h("p", { class: "muted num" },
      why.position === null ? "" : `Place ${why.position}. `,
      wait === null ? "No estimate yet." : `Starts in about ${span(wait)}.`),
  ];
}

/**
 * Why the rows in sight wait: asked for one by one, the nearest first, and
 * seldom enough not to use up the caller's rate.
 */
class Explanations {
  #known = new Map(); // job id -> {why, at, place}
  #busy = false;
  #wanted = [];

  constructor(onChange) {
    this.onChange = onChange;
  }

  of(entry) {
    return this.#known.get(entry.job_id)?.why ?? null;
  }

  /** Asks about `entries`, in their order. */
  want(entries) {
    const most = rate.limit === null ? 25 : 5;
    this.#wanted = entries.slice(0, most);
    const ids = new Set(entries.map((x) => x.job_id));
    for (const id of this.#known.keys())
      if (!ids.has(id)) this.#known.delete(id);
    this.#next();
  }

  async #next() {
    if (this.#busy || isScarce()) return;
    const [moved, stayed] = rate.limit === null ? [0, 5_000] : [15_000, 60_000];
    const entry = this.#wanted.find((x) => {
      const known = this.#known.get(x.job_id);
      return known === undefined || Date.now() - known.at >
        (known.place === x.position ? stayed : moved);
    });
    if (entry === undefined) return;
    this.#busy = true;
    const known = {
      why: this.of(entry), at: Date.now(), place: entry.position,
    };
    try {
      known.why = await get(`/api/queue/why/${part(entry.job_id)}`);
    } catch {
      // It has left meanwhile, or the scheduler restarts: asked again later.
    }
    this.#known.set(entry.job_id, known);
    this.#busy = false;
    this.onChange();
    setTimeout(() => this.#next(), rate.limit === null ? 20 : 500);
  }
}

/** Entries of one call, and calls for one look. */
const PAGE = 200, PAGES_MAX = 10;

/** @returns several pages as one: an entry that moved is in two of them. */
export function joined(pages) {
  const entries = new Map();
  for (const page of pages)
    for (const x of page.entries) entries.set(x.job_id, x);
  return { ...pages[0], entries: [...entries.values()],
    isCut: pages.at(-1).entries.length === PAGE };
}

export function create(app) {
  let stop = null, pages = 1;
  const source = new Source(async () => {
    const [limits, ...found] = await Promise.all([
      get("/api/queue/concurrency"),
      ...Array.from({ length: pages }, (_, i) =>
        get(`/api/queue?limit=${PAGE}&offset=${i * PAGE}`)),
    ]);
    return { ...joined(found), limits };
  });
  const explanations = new Explanations(() => render());

  async function setPriority(entry, select) {
    const value = select.value === "" ? null : Number(select.value);
    await attempt(value === null
      ? `Job ${entry.job_id} has its own priority again`
      : `Job ${entry.job_id} has priority ${value}`,
    () => post(`/api/queue/${part(entry.job_id)}/priority`,
      { priority: value }), select);
    source.refresh(true);
  }

  function showPriority(cell, entry) {
    let select = cell.querySelector("select");
    if (select === null) {
      select = h("select", {
        class: "priority",
        on: { change: () => setPriority(cell.entry, select) },
      });
      cell.append(select, h("span", { class: "effective num" }));
    }
    cell.entry = entry;
    const own = entry.priority_override;
    const named = levels.some(([value]) => value === own);
    const options = [["", `${entry.priority_name} ${entry.priority}`],
      ...levels.map(([value, name]) =>
        [String(value), `→ ${name} ${value}`])];
    if (own !== null && !named)
      options.push([String(own), `→ ${own}`]);
    const key = JSON.stringify(options);
    if (select.dataset.key !== key && document.activeElement !== select) {
      select.dataset.key = key;
      fill(select, options.map(([value, text]) =>
        h("option", { value }, text)));
    }
    attr(select, "aria-label", `Priority of ${entry.job_id}`);
    const wanted = own === null ? "" : String(own);
    if (select.value !== wanted && document.activeElement !== select)
      select.value = wanted;
    select.disabled = entry.status === "running";
    const base = own ?? entry.priority;
    put(cell.lastElementChild, entry.effective_priority === base ? ""
      : `now ${entry.effective_priority}`);
    attr(cell.lastElementChild, "title",
      "It rises while it waits");
  }

  function showWhy(cell, entry) {
    if (entry.status === "blocked") return put(cell, "needs approval");
    if (entry.status !== "pending")
      return put(cell, entry.status === "ready" ? "is being submitted" : "");
    const why = explanations.of(entry);
    if (why === null) return put(cell, "…");
    put(cell, why.constraints.length === 0 ? "starts next"
      : why.constraints.map(reasonText).join("; "));
    attr(cell, "title", cell.textContent);
  }

  function showEta(cell, entry) {
    const wait = explanations.of(entry)?.estimated_wait_seconds;
    put(cell, entry.status !== "pending" ? "" :
      wait === null || wait === undefined ? "–" : `≈ ${span(wait)}`);
  }

  const list = table([
    {
      label: "Place", class: "c-place num",
      update: (cell, x) => put(cell, x.position),
    },
    { label: "State", class: "c-status", update: (c, x) => pill(c, x.status) },
    {
      label: "Job", class: "c-name", update: (cell, x) =>
        jobLink(cell, x.job_id, x.config_name ?? "unnamed"),
    },
    {
      label: "User", class: "c-user lo2",
      update: (cell, x) => put(cell, or(x.user_id)),
    },
    { label: "Priority", class: "c-priority", update: showPriority },
    { label: "Why it waits", class: "c-why lo3", update: showWhy },
    { label: "Starts in", class: "c-time num", update: showEta },
    {
      label: "In queue", class: "c-time lo2 num", update: (cell, x) =>
        x.status === "running" ? passing(cell, "running", null, "")
          : passing(cell, "running", x.queued_at),
    },
    {
      label: "Estimate", class: "c-cost lo1 num",
      update: (cell, x) => put(cell, usd(x.estimated_cost)),
    },
  ], {
    keyOf: (x) => x.job_id, label: "Queue", empty: "The queue is empty.",
    href: (x) => `#/queue/${part(x.job_id)}`,
    rowClass: (x) => x.job_id === app.openJob ? "open" : null,
  });
  const problem = problemNote();
  const slots = h("div", { class: "meters" });
  const foot = h("span", { class: "num" });
  const more = button("Show more", () => {
    ++pages;
    source.refresh(true);
  }, { class: "small", hidden: true });
  const element = h("section", { class: "view", "aria-label": "Queue" },
    heading("Queue", "In the order of dispatch. Priorities change at once."),
    problem.element, slots, list.element,
    h("footer", { class: "view-foot" }, foot, more));

  function showSlots({ limits, total_running: running, entries }) {
    const users = new Map();
    for (const x of entries)
      if (x.status === "running" || x.status === "ready")
        users.set(x.user_id, (users.get(x.user_id) ?? 0) + 1);
    const busiest = [...users].sort((a, b) => b[1] - a[1]).slice(0, 3);
    const most = limits.user_max_concurrent;
    fill(slots,
      meter("All slots", running, limits.max_concurrent ?? 0,
        `${number(running)} of ${limits.max_concurrent ?? "∞"}`, "slots"),
      busiest.map(([user, used]) => meter(`User ${or(user)}`, used, most ?? 0,
        `${used} of ${most ?? "∞"}`, "slots")));
  }

  const order = { ready: 0, running: 0, pending: 1, blocked: 2 };

  function render() {
    problem.show(source.error);
    if (source.value === null) return;
    const { entries, isCut, total_pending: waiting, total_running: running }
      = source.value;
    const sorted = [...entries].sort((a, b) =>
      order[a.status] - order[b.status] ||
      (a.position ?? Infinity) - (b.position ?? Infinity) || a.id - b.id);
    list.show(sorted);
    showSlots(source.value);
    more.hidden = !isCut || pages >= PAGES_MAX;
    put(foot, `${number(running)} running, ${number(waiting)} waiting` +
      (app.stats === null ? ""
        : `; ${count(app.stats.by_status.blocked, "approval")} pending`) +
      (isCut ? `; the first ${number(entries.length)} are shown` : ""));
  }

  return {
    element, title: "Queue",
    show() {
      stop ??= source.watch(() => {
        render();
        explanations.want((source.value?.entries ?? [])
          .filter((x) => x.status === "pending")
          .sort((a, b) => (a.position ?? Infinity) - (b.position ?? Infinity)));
      });
      source.refresh(true);
      render();
    },
    hide() {
      stop?.();
      stop = null;
      pages = 1;
    },
    numbers: render,
    refresh: (now) => source.refresh(now),
    event(type, about) {
      if (about.job_id !== undefined) source.refresh();
    },
    keys: {
      p: () => document.activeElement?.closest("tr")?.querySelector("select")
        ?.focus(),
    },
  };
}
