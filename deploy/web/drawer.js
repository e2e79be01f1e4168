// All about one job, beside whatever view is open.

import { Source, del, every, get, part, post } from "./api.js";
import { approve, extend, reject } from "./approvals.js";
import { askFor } from "./dialog.js";
import { fill, h, put, refill } from "./dom.js";
import { clock, or, passing, span, usd } from "./format.js";
import { LogTail } from "./logs.js";
import {
  attempt, button, facts, icon, jobPill, problemNote,
} from "./parts.js";
import { reasons } from "./queue.js";

function time(iso) {
  return iso ? h("time", { datetime: iso, title: iso }, clock(iso)) : null;
}

function link(url) {
  const safe = /^https?:\/\//i.test(url ?? "");
  return safe ? h("a", { href: url, rel: "noreferrer noopener",
    target: "_blank" }, url) : url;
}

/** What happened when, as a line of steps. */
function steps(job) {
  const list = [
    ["created", job.created_at], ["started", job.started_at],
    [job.is_terminal ? job.status : "end", job.completed_at],
  ];
  return h("ol", { class: "steps" }, list.map(([name, at], i) => h("li", {
    class: `${at ? "done" : ""} ${i === 2 && at ? job.status : ""}`,
  }, h("b", {}, name), h("span", { class: "num" }, at ? clock(at) : "–"))));
}

function allFacts(job) {
  const ran = h("span");
  if (job.started_at && job.is_active) passing(ran, "running", job.started_at);
  else put(ran, span(job.duration_seconds));
  return facts([
    ["User", [or(job.user_id), job.org_id && ` · org ${job.org_id}`,
      job.team_id && ` · team ${job.team_id}`]],
    ["Provider", or(job.provider)],
    ["Provider's id", job.external_id && h("code", {}, job.external_id)],
    ["Hardware", job.hardware_type ?? job.hardware_profile],
    ["Queue", or(job.queue_status)],
    ["Attempt", job.attempt],
    ["Ran", ran],
    ["Cost", usd(job.cost_usd)],
    ["Completed", time(job.completed_at)],
    ["Output", job.output_url && link(job.output_url)],
    ["Correlation id", job.correlation_id && h("a", {
      href: `#/trace/${part(job.correlation_id)}`, class: "mono",
    }, job.correlation_id)],
    ["Error", job.error_message &&
      h("span", { class: "error-text" }, job.error_message)],
  ]);
}

export function createDrawer(app) {
  let id = "", stop = null, followed = "", opener = null;
  const log = new LogTail();
  const problem = problemNote();
  const head = h("div", { class: "drawer-title" });
  const state = h("span");
  const actions = h("div", { class: "drawer-actions" });
  const body = h("div", { class: "drawer-facts" });
  const why = h("div", { class: "drawer-part" });
  const request = h("div", { class: "drawer-part" });
  const progress = h("div", { class: "drawer-part" });
  const element = h("aside", {
    class: "drawer", "aria-label": "Job", tabindex: -1, hidden: true,
  },
  h("div", { class: "drawer-head" }, head, state,
    h("button", {
      type: "button", class: "plain", "aria-label": "Close (Esc)",
      on: { click: () => app.closeJob() },
    }, icon("close"))),
  problem.element, actions, request, why, progress, body, log.element);

  const source = new Source(async () => {
    const asked = id;
    const { job } = await get(`/api/cloud/jobs/${part(asked)}`);
    const [reason, approval, done] = await Promise.all([
      job.status === "pending" && job.queue_status !== "blocked"
        ? get(`/api/queue/why/${part(asked)}`).catch(() => null) : null,
      job.queue_status === "blocked"
        ? get(`/api/approvals/requests/job/${part(asked)}`).catch(() => null)
        : null,
      job.status === "running"
        ? get(`/api/cloud/jobs/${part(asked)}/inline-progress`)
          .catch(() => null) : null,
    ]);
    return { job, reason, approval, done };
  });

  async function cancel(event) {
    const { job } = source.value;
    const sure = await askFor({
      title: `Cancel ${job.config_name ?? job.job_id}?`,
      text: job.external_id ? "It is stopped at the provider, too."
        : "It leaves the queue.",
      action: "Cancel the job", danger: true,
    });
    if (sure && await attempt(`Job ${job.job_id} is cancelled`, () =>
      post(`/api/cloud/jobs/${part(job.job_id)}/cancel`), event?.target))
      source.refresh(true);
  }

  async function remove(event) {
    const { job } = source.value;
    const sure = await askFor({
      title: `Delete ${job.config_name ?? job.job_id}?`,
      text: "Its record and its log are gone then.",
      action: "Delete the job", danger: true,
    });
    if (sure && await attempt(`Job ${job.job_id} is deleted`, () =>
      del(`/api/cloud/jobs/${part(job.job_id)}`), event?.target)) {
      app.closeJob();
      app.refresh(true);
    }
  }

  function actionsOf(job) {
    return [
      job.is_active && button("Cancel", cancel, { class: "danger" }),
      job.is_terminal && button("Delete", remove, { class: "danger" }),
      job.correlation_id && h("a", {
        class: "button", href: `#/trace/${part(job.correlation_id)}`,
      }, "Trace"),
      h("button", {
        type: "button", class: "button", on: {
          click: async () => {
            await attempt("The id is copied",
              () => navigator.clipboard.writeText(job.job_id));
          },
        },
      }, "Copy id"),
    ];
  }

  function approvalPart(x) {
    return x && h("div", { class: "callout warn" },
      h("h3", {}, "Waits for approval"),
      h("p", {}, or(x.reason)),
      x.expires_at && h("p", { class: "muted" }, "Expires in ",
        passing(h("b", { class: "num" }), "until", x.expires_at)),
      h("div", { class: "row" },
        button("Approve", () => approve(x).then(source.refresh.bind(source)),
          { class: "primary" }),
        button("Reject", () => reject(x).then(source.refresh.bind(source))),
        x.expires_at && button("Extend", () =>
          extend(x).then(source.refresh.bind(source)))));
  }

  function showProgress(x) {
    const percent = x?.progress ?? null;
    fill(progress, x && (percent !== null || x.stage || x.last_log) &&
      h("div", { class: "progress" },
        h("div", { class: "meter-head" },
          h("span", {}, x.stage ?? "Progress"),
          h("span", { class: "num" },
            percent === null ? "" : `${Math.round(percent)} %`)),
        percent !== null && h("progress", { max: 100, value: percent,
          "aria-label": "Progress" }),
        x.last_log && h("p", { class: "mono muted clip" }, x.last_log)));
  }

  function render() {
    problem.show(source.error);
    if (source.error?.status === 404) {
      fill(head, h("h2", {}, "No such job"), h("code", {}, id));
      return refill(actions, "none", () => null);
    }
    if (source.value === null) return;
    const { job, reason, approval, done } = source.value;
    if (job.job_id !== id) return;
    fill(head, h("h2", {}, job.config_name ?? "unnamed"),
      h("code", {}, job.job_id));
    jobPill(state, job);
    refill(actions, job.status, () => actionsOf(job));
    refill(request, JSON.stringify(approval), () => approvalPart(approval));
    const waits = job.status === "pending" ? reason : null;
    refill(why, JSON.stringify(waits), () => waits && h("div",
      { class: "callout" }, h("h3", {}, "Why it waits"), reasons(waits)));
    showProgress(job.status === "running" ? done : null);
    const { duration_seconds: _, ...known } = job; // passes by itself
    refill(body, JSON.stringify(known), () => [steps(job), allFacts(job)]);
    // The log of a job that ended meanwhile is read once more, to its end.
    const log_of = `${job.job_id} ${job.is_terminal}`;
    if (followed !== log_of && !(job.is_terminal && followed.startsWith(
      `${job.job_id} `) && log.element.querySelector(".log").textContent)) {
      followed = log_of;
      log.follow(job);
    }
  }

  every(5000, () => { // a log and its progress send no events
    if (id !== "" && source.value?.job.is_active) source.refresh();
  });

  return {
    element,
    get isOpen() { return id !== ""; },
    open(wanted) {
      if (id === wanted) return;
      if (id === "") opener = document.activeElement;
      id = wanted;
      followed = "";
      source.clear();
      for (const node of [head, state, actions, body, why, request, progress]) {
        fill(node);
        delete node.dataset.key;
      }
      delete state.dataset.pill;
      problem.show(null);
      log.stop();
      element.hidden = false;
      document.body.classList.add("has-drawer");
      stop ??= source.watch(render);
      source.refresh(true);
      element.focus({ preventScroll: true });
    },
    close() {
      if (id === "") return;
      id = "";
      log.stop();
      stop?.();
      stop = null;
      source.clear();
      element.hidden = true;
      document.body.classList.remove("has-drawer");
      if (opener?.isConnected) opener.focus({ preventScroll: true });
    },
    refresh: (now) => { if (id !== "") source.refresh(now); },
    event(type, about) {
      if (id !== "" && about.job_id === id) source.refresh();
    },
    keys: {
      c: () => source.value?.job.is_active && cancel(),
      l: () => log.focus(),
      t: () => source.value?.job.correlation_id &&
        (location.hash = `#/trace/${part(source.value.job.correlation_id)}`),
      w: () => why.scrollIntoView({ block: "nearest" }),
    },
  };
}
