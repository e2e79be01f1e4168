// All that is known under one correlation id, as one line of time.

import { Source, get, part } from "./api.js";
import { fill, h, put, svg } from "./dom.js";
import { count, exact, span } from "./format.js";
import { choice, heading, icon, problemNote } from "./parts.js";

const ROWS_MAX = 1000;

/** Each part of tunerd has its logger: what follows the common prefix. */
function laneOf(logger) {
  return `log: ${logger.replace(/^simpletuner\.cloud\./, "")}`;
}

function toneOf(status) {
  return { completed: "good", approved: "good", failed: "bad",
    rejected: "bad", cancelled: "idle", expired: "warn", running: "live",
    blocked: "warn" }[status] ?? "busy";
}

function eventText(x) {
  const { status, previous_status: before, reason, worker, state } = x.data;
  if (x.type === "job_status_changed")
    return before ? `${before} → ${status}` : `now ${status}`;
  return [x.type.replaceAll("_", " "), status ?? state, worker, reason]
    .filter(Boolean).join(": ");
}

/**
 * Puts the answer of /api/tunerd/trace into order.
 * @returns {spans: [{lane, from, to, text, tone}], points: [{at, lane, level,
 * text, detail, tone}]}, times in ms
 */
export function timeline(trace) {
  const spans = [], points = [];
  for (const job of trace.jobs) {
    const name = job.config_name ?? job.job_id;
    const marks = trace.events.filter((x) => x.job_id === job.job_id &&
      x.type === "job_status_changed");
    let [status, from] = ["pending", job.created_at];
    for (const mark of marks) {
      spans.push({ lane: "job", from, to: mark.timestamp, tone: toneOf(status),
        text: `${name}: ${status}` });
      [status, from] = [mark.data.status, mark.timestamp];
    }
    spans.push({ lane: "job", from, tone: toneOf(status),
      to: job.is_terminal ? from : null, text: `${name}: ${status}` });
  }
  for (const x of trace.attempts)
    spans.push({ lane: "attempt", from: x.claimed_at, to: x.closed_at,
      tone: toneOf(x.state), text: `attempt ${x.attempt}: ${x.state}` +
        (x.external_id ? `, ${x.external_id}` : "") });
  for (const x of trace.approvals)
    spans.push({ lane: "approval", from: x.created_at,
      to: x.reviewed_at ?? (x.status === "expired" ? x.expires_at : null),
      tone: toneOf(x.status), text: `approval ${x.status}` +
        (x.reason ? `: ${x.reason}` : "") });
  for (const x of trace.events)
    points.push({ at: x.timestamp, lane: "event", level: "EVENT",
      text: eventText(x), tone: toneOf(x.data.status),
      detail: { id: x.id, ...x.data } });
  for (const x of trace.audit)
    points.push({ at: x.timestamp, lane: "audit", level: "AUDIT",
      tone: "busy", text: [x.action, x.subject].filter(Boolean).join(" "),
      detail: { user: x.user_id, token: x.token, details: x.details } });
  for (const x of trace.log?.lines ?? [])
    points.push({ at: x.timestamp, lane: laneOf(x.logger), level: x.level,
      text: x.message, detail: x.fields,
      tone: { WARNING: "warn", ERROR: "bad", CRITICAL: "bad" }[x.level] ??
        "idle" });
  const ms = (time) => time ? Date.parse(time) : null;
  return {
    spans: spans.map((x) => ({ ...x, from: ms(x.from), to: ms(x.to) })),
    points: points.map((x) => ({ ...x, at: ms(x.at) }))
      .sort((a, b) => a.at - b.at),
  };
}

const LANE = 26, NAME = 116, PAD = 12;

/** @returns a round step in s that makes at most about `most` of `range`. */
function roundStep(range, most) {
  const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120,
    300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400];
  return steps.find((s) => range / s <= most) ?? 86_400 * Math.ceil(range /
    86_400 / most);
}

/** Draws lanes over time; a click on a point leads to its row. */
function draw(box, { spans, points }, onPick) {
  const width = Math.max(box.clientWidth, 320);
  const times = [...points.map((x) => x.at),
    ...spans.flatMap((x) => [x.from, x.to])].filter((t) => t !== null);
  const from = Math.min(...times);
  const to = Math.max(...times, from + 100);
  const lanes = [...new Set(["job", "attempt", "approval", "event",
    ...points.map((x) => x.lane)])].filter((lane) =>
    [...spans, ...points].some((x) => x.lane === lane));
  const x = (t) => NAME + (t - from) / (to - from) * (width - NAME - PAD);
  const y = (lane) => lanes.indexOf(lane) * LANE + LANE / 2 + 4;
  const height = lanes.length * LANE + 30;
  const step = roundStep((to - from) / 1000, (width - NAME) / 90);
  const label = (t) => {
    const s = (t - from) / 1000;
    return `+${step < 1 ? `${s.toFixed(step < 0.1 ? 2 : 1)} s` : span(s)}`;
  };
  const ticks = Array.from(
    { length: Math.floor((to - from) / 1000 / step + 1e-6) + 1 },
    (_, i) => from + 1000 * i * step);
  fill(box, svg("svg", {
    width, height, role: "img", "aria-label":
      `Timeline of ${count(lanes.length, "lane")} over ` +
      `${span((to - from) / 1000)}; the table below has the same.`,
  },
  ticks.map((t) => [
    svg("line", { class: "grid", x1: x(t), x2: x(t), y1: 4, y2: height - 22 }),
    svg("text", { class: "axis", x: x(t), y: height - 6, "text-anchor":
      t === from ? "start" : x(t) > width - 40 ? "end" : "middle" }, label(t)),
  ]),
  lanes.map((lane) => [
    svg("text", { class: "lane", x: 0, y: y(lane) + 4 }, lane),
    svg("line", { class: "rail", x1: NAME, x2: width - PAD, y1: y(lane),
      y2: y(lane) }),
  ]),
  spans.map((s) => svg("rect", {
    class: `span ${s.tone} ${s.to === null ? "open-end" : ""}`,
    x: x(s.from), y: y(s.lane) - 7, height: 14, rx: 3,
    width: Math.max(x(s.to ?? to) - x(s.from), 2),
  }, svg("title", {}, s.text))),
  points.slice(0, ROWS_MAX).map((p, i) => svg("circle", {
    class: `point ${p.tone}`, cx: x(p.at), cy: y(p.lane), r: 4,
    on: { click: () => onPick(i) },
  }, svg("title", {}, `${exact(p.at)} ${p.text}`)))));
}

function detailText(detail) {
  return Object.entries(detail ?? {})
    .filter(([key, value]) => value !== null && value !== undefined &&
      value !== "" && !["type", "timestamp", "correlation_id"].includes(key))
    .map(([key, value]) => `${key}=${typeof value === "object"
      ? JSON.stringify(value) : value}`).join("  ");
}

export function create(app) {
  let id = "", stop = null, view = null, all = false;
  const source = new Source(() => get(`/api/tunerd/trace/${part(id)}`));
  const input = h("input", {
    type: "search", placeholder: "Correlation id", id: "trace-id",
    "aria-label": "Correlation id", spellcheck: "false", class: "mono",
  });
  const form = h("form", { class: "search", on: {
    submit: (event) => {
      event.preventDefault();
      if (input.value.trim() !== "")
        location.hash = `#/trace/${part(input.value.trim())}`;
    },
  } }, icon("search"), input,
  h("button", { type: "submit", class: "button" }, "Trace"));
  const detail = choice("Detail", [["", "Info"], ["all", "Debug, too"]],
    (value) => {
      all = value === "all";
      detail.set(value);
      render();
    });
  detail.set("");
  const problem = problemNote();
  const summary = h("p", { class: "trace-sum num" });
  const lanes = h("div", { class: "card lanes" });
  const rows = h("ol", { class: "trace-rows" });
  const note = h("p", { class: "muted" });
  const hint = h("p", { class: "empty" },
    "Everything that belongs to a request carries its correlation id: in the " +
    "answer's header X-Correlation-ID, with each job, event and log line.");
  const element = h("section", { class: "view", "aria-label": "Trace" },
    heading("Trace", "One request across all actors.", detail.element, form),
    problem.element, hint, summary, lanes, note, rows);

  function pick(i) {
    const row = rows.children[i];
    row?.scrollIntoView({ block: "center" });
    row?.focus({ preventScroll: true });
  }

  function showRows(points) {
    const first = points[0]?.at ?? 0;
    fill(rows, points.slice(0, ROWS_MAX).map((p) => h("li", {
      tabindex: -1, class: p.tone,
    },
    h("time", { class: "num", title: exact(p.at) },
      `+${((p.at - first) / 1000).toFixed(3)}`),
    h("span", { class: "lane" }, p.lane),
    h("span", { class: "level" }, p.level),
    h("span", { class: "text" }, p.text,
      h("small", { class: "mono" }, detailText(p.detail))))));
  }

  function render() {
    problem.show(source.error);
    hint.hidden = id !== "";
    const shown = source.value !== null && source.error === null;
    for (const part_ of [summary, lanes, note, rows]) part_.hidden = !shown;
    if (!shown) return;
    const trace = source.value;
    view = timeline(trace);
    if (!all) view.points = view.points.filter((x) => x.level !== "DEBUG");
    const times = view.points.map((x) => x.at);
    fill(summary, h("code", {}, trace.correlation_id), " · ",
      trace.jobs.map((job) => [h("a", { href: `#/trace/${part(id)}/${
        part(job.job_id)}` }, job.config_name ?? job.job_id), " · "]),
      count(view.points.length, "entry", "entries"),
      times.length > 1 && ` in ${span((times.at(-1) - times[0]) / 1000)}`);
    put(note, [
      trace.log?.message, trace.log?.truncated && "There are more log lines.",
      view.points.length > ROWS_MAX && `The first ${ROWS_MAX} are shown.`,
    ].filter(Boolean).join(" "));
    draw(lanes, view, pick);
    showRows(view.points);
  }

  new ResizeObserver(() => {
    if (view !== null && !lanes.hidden && lanes.clientWidth > 0)
      draw(lanes, view, pick);
  }).observe(element);

  return {
    element, title: "Trace",
    show(query, rest) {
      const wanted = rest[0] ?? "";
      stop ??= source.watch(render);
      if (wanted !== id) {
        id = wanted;
        source.clear();
        view = null;
        input.value = id;
        if (id !== "") source.refresh(true);
      }
      render();
      if (id === "") input.focus();
    },
    hide() {
      stop?.();
      stop = null;
      id = "";
    },
    refresh: (now) => { if (id !== "") source.refresh(now); },
    event(type, about) {
      if (about.correlation_id === id && id !== "") source.refresh();
    },
    search: () => input.focus(),
  };
}
