// The actors that do the work, as their supervisor sees them.

import { Source, every, get, part, post } from "./api.js";
import { askFor } from "./dialog.js";
import { fill, h, put } from "./dom.js";
import { number, or, span } from "./format.js";
import {
  attempt, button, heading, pill, problemNote, table,
} from "./parts.js";

/** What each of them is for. */
const duties = {
  log_sink: "writes the log", store: "owns the database",
  store_reader: "reads the database", http_client: "makes outbound calls",
  replicate_simulator: "plays the provider",
  provider_gateway: "talks to the providers",
  provider_desk: "talks to the providers",
  cluster: "other nodes and the lease",
  sse_broadcaster: "streams events", log_reader: "searches the log",
  queue_scheduler: "chooses and dispatches", job_poller: "asks about jobs",
  approval_expirer: "expires approvals", http_gateway: "serves this page",
};

/** Seconds that no message has to wait in a worker that works. */
const HANGS = 5;

/** Those that can be told to look now. */
const refreshable = new Set([
  "job_poller", "approval_expirer", "queue_scheduler",
]);

export function create() {
  let stop = null, rest = null;
  const source = new Source(async () => {
    const [{ workers }, health] = await Promise.all([
      get("/api/tunerd/workers"),
      get("/api/cloud/health").catch(() => null),
    ]);
    return { workers, health };
  });

  const act = (name, what, said) => async (event) => {
    if (await attempt(said, () =>
      post(`/api/tunerd/workers/${part(name)}/${what}`), event.target))
      source.refresh(true);
  };

  async function stopPoller(event) {
    const button_ = event.target;
    const sure = await askFor({
      title: "Stop the job poller?",
      text: "The status of running jobs is not followed until it is started " +
        "again.",
      action: "Stop it", danger: true,
    });
    if (sure) await act("job_poller", "stop",
      "The job poller is stopped")({ target: button_ });
  }

  function showActions(cell, x) {
    if (cell.dataset.key === x.state) return;
    cell.dataset.key = x.state;
    fill(cell, h("div", { class: "row" },
      x.state === "running" && refreshable.has(x.name) && button("Run now",
        act(x.name, "refresh", `${x.name} was told to look`),
        { class: "small" }),
      x.name === "job_poller" && x.state === "running" &&
        button("Stop", stopPoller, { class: "small" }),
      x.name === "job_poller" && x.state === "stopped" && button("Start",
        act(x.name, "start", "The job poller runs"),
        { class: "small primary" })));
  }

  const list = table([
    {
      label: "State", class: "c-status", update: (cell, x) => pill(cell,
        x.state, x.state, x.state === "running" ? "healthy" : x.state),
    },
    {
      label: "Worker", class: "c-worker mono",
      update: (cell, x) => put(cell, x.name),
    },
    {
      label: "Duty", class: "c-duty lo2 muted",
      update: (cell, x) => put(cell, duties[x.name] ?? ""),
    },
    {
      label: "Mailbox age", class: "c-time num", update: (cell, x) => {
        const age = x.mailbox_age_seconds ?? 0;
        put(cell, x.state !== "running" ? "–" : span(age));
        cell.title = "How long a message waits until it is handled";
      },
    },
    {
      label: "Restarts", class: "c-cost num",
      update: (cell, x) => put(cell, number(x.restarts)),
    },
    {
      label: "Last error", class: "c-why", update: (cell, x) => {
        put(cell, or(x.last_error));
        cell.title = x.last_error ?? "";
      },
    },
    { label: "", class: "c-actions", update: showActions },
  ], {
    keyOf: (x) => x.name, label: "Workers", empty: "No workers.",
    rowClass: (x) => x.state === "running" && !(x.mailbox_age_seconds > HANGS)
      ? null : "attention",
  });
  const problem = problemNote();
  const health = h("div", { class: "cards small-cards" });
  const element = h("section", { class: "view", "aria-label": "Workers" },
    heading("Workers", "In the order of their start."),
    problem.element, list.element,
    h("h2", { class: "section" }, "Health"), health);

  function render() {
    problem.show(source.error);
    if (source.value === null) return;
    list.show(source.value.workers);
    const report = source.value.health;
    fill(health, report && [
      h("div", { class: "card" }, h("h3", {}, "tunerd ", report.version),
        pill(h("p"), report.status),
        h("p", { class: "muted num" }, `up ${span(report.uptime_seconds)}`)),
      report.components.filter((x) => !x.name.startsWith("worker_"))
        .map((x) => h("div", { class: "card" },
          h("h3", {}, x.name.replaceAll("_", " ")),
          pill(h("p"), x.status),
          h("p", { class: "muted num" }, x.message ??
            (x.latency_ms === undefined ? ""
              : `answers in ${Number(x.latency_ms).toFixed(1)} ms`)))),
    ]);
  }

  return {
    element, title: "Workers",
    show() {
      stop ??= source.watch(render);
      source.refresh(true);
      rest ??= every(10_000, () => source.refresh()); // health has no events
    },
    hide() {
      rest?.();
      stop?.();
      rest = stop = null;
    },
    refresh: (now) => source.refresh(now),
    event(type) {
      if (type === "worker_status") source.refresh();
    },
  };
}
