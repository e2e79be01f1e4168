// The table of jobs.

import { Source, get, part } from "./api.js";
import { debounce, h, put } from "./dom.js";
import { count, or, passing, span, usd } from "./format.js";
import {
  button, choice, heading, icon, jobLink, jobPill, problemNote, table,
} from "./parts.js";

const STEP = 100, LIMIT_MAX = 500;

const statuses = [
  ["", "All"], ["pending", "Pending"], ["queued", "Queued"],
  ["running", "Running"], ["completed", "Completed"], ["failed", "Failed"],
  ["cancelled", "Cancelled"],
];

const columns = [
  { label: "Status", class: "c-status", update: jobPill },
  {
    label: "Job", class: "c-name", update: (cell, job) =>
      jobLink(cell, job.job_id, job.config_name ?? "unnamed"),
  },
  {
    label: "Id", class: "c-id lo1 mono",
    update: (cell, job) => put(cell, job.job_id),
  },
  {
    label: "User", class: "c-user",
    update: (cell, job) => put(cell, or(job.user_id)),
  },
  {
    label: "Hardware", class: "c-hardware lo2", update: (cell, job) =>
      put(cell, or(job.hardware_type ?? job.hardware_profile)),
  },
  {
    label: "Created", class: "c-time num", update: (cell, job) =>
      passing(cell, "since", job.created_at),
  },
  { label: "Waited", class: "c-time lo3 num", update: showWait },
  { label: "Ran", class: "c-time num", update: showRun },
  {
    label: "Cost", class: "c-cost lo2 num",
    update: (cell, job) => put(cell, usd(job.cost_usd)),
  },
];

function showWait(cell, job) {
  const end = job.started_at ?? job.completed_at;
  if (end === null && job.is_active)
    return passing(cell, "running", job.created_at);
  passing(cell, "running", null);
  if (end !== null)
    put(cell, span((Date.parse(end) - Date.parse(job.created_at)) / 1000));
}

function showRun(cell, job) {
  if (job.started_at !== null && job.is_active)
    return passing(cell, "running", job.started_at);
  passing(cell, "running", null);
  put(cell, span(job.duration_seconds));
}

/** @returns whether `job` has all `words` in what is shown of it. */
function matches(job, words) {
  const text = [
    job.job_id, job.config_name, job.user_id, job.org_id, job.team_id,
    job.provider, job.hardware_type, job.hardware_profile, job.external_id,
    job.correlation_id, job.error_message, job.status,
  ].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

export function create(app) {
  let status = "", words = [], limit = STEP, stop = null, others = [];

  const source = new Source(() => get("/api/cloud/jobs?" +
    new URLSearchParams({ limit, ...(status && { status }) })));

  const list = table(columns, {
    keyOf: (job) => job.job_id, label: "Jobs", empty: "No jobs here.",
    href: (job) => `#/jobs/${part(job.job_id)}`,
    rowClass: (job) => job.job_id === app.openJob ? "open" : null,
  });
  const problem = problemNote();
  const search = h("input", {
    type: "search", placeholder: "Search id, name, user, error …",
    "aria-label": "Search jobs", id: "search", spellcheck: "false",
    on: {
      input: debounce(150, () => app.go("jobs", { status, q: search.value })),
    },
  });
  const filter = choice("Status", statuses, (value) =>
    app.go("jobs", { status: value, q: search.value }));
  const foot = h("span", { class: "num" });
  const more = button("Show more", () => {
    limit = Math.min(limit + STEP, LIMIT_MAX);
    source.refresh(true);
  }, { hidden: true });
  const element = h("section", { class: "view", "aria-label": "Jobs" },
    heading("Jobs", "Newest first, live.",
      filter.element, h("label", { class: "search" }, icon("search"), search)),
    problem.element, list.element,
    h("footer", { class: "view-foot" }, foot, more));

  function render() {
    problem.show(source.error);
    if (source.value === null) return;
    const { jobs, total } = source.value;
    const found = [...others, ...jobs].filter((job) => matches(job, words));
    list.show(found);
    put(foot, words.length > 0
      ? `${count(found.length, "match", "matches")} in the newest ` +
        `${jobs.length} of ${total}`
      : `${jobs.length} of ${count(total, "job")}`);
    more.hidden = jobs.length >= total || limit >= LIMIT_MAX;
  }

  /** What is not among the newest may still be named by its id. */
  const lookUp = debounce(400, async () => {
    const id = words.length === 1 ? words[0] : "";
    others = [];
    if (!/^[0-9a-z_-]{8,64}$/.test(id) ||
      source.value?.jobs.some((job) => matches(job, words)))
      return render();
    try {
      others = [(await get(`/api/cloud/jobs/${part(id)}`)).job];
    } catch {
      // There is none: the empty table says it.
    }
    render();
  });

  return {
    element, title: "Jobs",
    show(query) {
      const wanted = query.get("status") ?? "";
      if (wanted !== status) {
        status = wanted;
        limit = STEP;
        source.clear();
      }
      const text = query.get("q") ?? "";
      if (search.value !== text) search.value = text;
      words = text.toLowerCase().split(/\s+/).filter(Boolean);
      filter.set(status);
      stop ??= source.watch(render);
      if (source.value === null) source.refresh(true);
      render();
      if (words.length > 0) lookUp();
      else others = [];
    },
    hide() {
      stop?.();
      stop = null;
      source.clear();
    },
    refresh: (now) => source.refresh(now),
    event(type, about) {
      if (type === "job_status_changed")
        source.patch(({ jobs }) => {
          const job = jobs.find((x) => x.job_id === about.job_id);
          if (job === undefined) return false;
          job.status = about.status;
        });
      if (about.job_id !== undefined) source.refresh();
    },
    search: () => search.focus(),
  };
}
