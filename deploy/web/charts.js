// How it went: depth, slots, waits and cost, from what jobs say about
// themselves. So there is a past as soon as the page is opened.

import { Source, get } from "./api.js";
import { h, put } from "./dom.js";
import { clock, count, now, span, usd } from "./format.js";
import { choice, heading, problemNote } from "./parts.js";
import { barChart, dotChart, roundSpan, roundUp, stepAt, stepChart }
  from "./plot.js";

const ranges = [
  ["15m", "15 min", 900], ["1h", "1 h", 3600], ["6h", "6 h", 21_600],
  ["24h", "24 h", 86_400], ["7d", "7 d", 604_800],
];

const parse = (time) => time === null ? null : Date.parse(time);

/**
 * How many of `jobs` waited and ran at each time.
 * @returns {waiting, running}: step functions [[ms, count]]
 */
export function history(jobs) {
  const changes = { waiting: [], running: [] };
  for (const job of jobs) {
    if (job.queue_status === "blocked") continue; // for a person, not a slot
    const created = parse(job.created_at), started = parse(job.started_at);
    const ended = parse(job.completed_at);
    changes.waiting.push([created, 1]);
    if (started !== null || ended !== null)
      changes.waiting.push([started ?? ended, -1]);
    if (started !== null) {
      changes.running.push([started, 1]);
      if (ended !== null) changes.running.push([ended, -1]);
    }
  }
  const sum = (list) => {
    list.sort((a, b) => a[0] - b[0]);
    const points = [];
    let value = 0;
    for (const [t, step] of list) {
      value += step;
      if (points.at(-1)?.[0] === t) points.at(-1)[1] = value;
      else points.push([t, value]);
    }
    return points;
  };
  return { waiting: sum(changes.waiting), running: sum(changes.running) };
}

function peak(points, from, to) {
  let most = 0;
  for (let i = 0; i < points.length; ++i)
    if (points[i][0] <= to && (points[i + 1]?.[0] ?? Infinity) >= from)
      most = Math.max(most, points[i][1]);
  return most;
}

/** @returns the `share` quantile of sorted `values`. */
function quantile(values, share) {
  return values.length === 0 ? null
    : values[Math.min(Math.floor(share * values.length), values.length - 1)];
}

/** @returns the median of `dots` in each of `parts` equal spans. */
function medians(dots, from, to, parts) {
  const line = [];
  const width = (to - from) / parts;
  for (let i = 0; i < parts; ++i) {
    const begin = from + i * width;
    const here = dots.filter((x) => x.t >= begin && x.t < begin + width)
      .map((x) => x.v).sort((a, b) => a - b);
    if (here.length > 0) line.push([begin + width / 2, quantile(here, 0.5)]);
  }
  return line;
}

/** @returns [[date, USD]] of the last `days` days (UTC), gaps filled. */
export function daily(byDay, days, today) {
  const list = [];
  for (let i = days - 1; i >= 0; --i) {
    const date = new Date(today - i * 86_400_000).toISOString().slice(0, 10);
    list.push([date, byDay[date] ?? 0]);
  }
  return list;
}

/** Costs per day: of the queue's statistics, else of the report for leads. */
async function readCosts(stats) {
  if (stats.cost_by_day) return stats.cost_by_day;
  try {
    const { cost_by_day: days } = await get("/api/metrics?days=30");
    return Object.fromEntries(days.map(({ date, cost }) => [date, cost]));
  } catch (error) {
    if (error.status === 403) return null;
    throw error;
  }
}

export function create(app) {
  let range = "1h", stop = null, timer = 0;
  const source = new Source(async () => {
    const [{ jobs, total }, stats] = await Promise.all([
      get("/api/cloud/jobs?limit=500"), get("/api/queue/stats"),
    ]);
    return { jobs, total, stats, costs: await readCosts(stats) };
  });

  const load = stepChart({
    title: "Waiting and running",
    legend: [["waiting", "waiting"], ["running", "running"],
      ["limit", "slots"]],
    values: ({ from, to, series }) => [["Time", "Waiting", "Running"],
      ...Array.from({ length: 13 }, (_, i) => {
        const t = from + (to - from) * i / 12;
        return [clock(t), ...series.map((x) => stepAt(x.points, t))];
      })],
  });
  const waits = dotChart({
    title: "Wait until the start",
    legend: [["dot", "a job"], ["strong", "median"]],
    values: ({ line }) => [["Time", "Median wait"],
      ...line.map(([t, v]) => [clock(t), span(v)])],
  });
  const costs = barChart({
    title: "Cost per day", legend: [["bar", "USD, days in UTC"]],
    values: ({ bars }) => [["Day", "USD"],
      ...bars.map(({ name, v }) => [name, usd(v)])],
  });
  const figures = h("div", { class: "figures" });
  const note = h("p", { class: "muted" });
  const problem = problemNote();
  const filter = choice("Range", ranges.map(([value, text]) => [value, text]),
    (value) => app.go("charts", { range: value }));
  const element = h("section", { class: "view", "aria-label": "Charts" },
    heading("Charts", "Made from the newest 500 jobs.", filter.element),
    problem.element, figures,
    h("div", { class: "charts" }, load.element, waits.element, costs.element),
    note);

  const boxes = new Map();
  function figure(name, value, more = "") {
    let box = boxes.get(name);
    if (box === undefined) {
      box = [h("b", { class: "num" }), h("small", { class: "num" })];
      boxes.set(name, box);
      figures.append(h("div", { class: "figure" }, h("span", {}, name), box));
    }
    put(box[0], value);
    put(box[1], more);
  }

  function showLoad({ jobs, stats }, from, to) {
    const { waiting, running } = history(jobs);
    const limit = stats.max_concurrent ?? 0;
    const most = Math.max(peak(waiting, from, to), peak(running, from, to));
    load.show({
      from, to, limit, label: (v) => String(Math.round(v * 10) / 10),
      top: roundUp(Math.max(most, Math.min(limit, 2 * most), 2)),
      series: [{ tone: "waiting", name: "waiting", points: waiting },
        { tone: "running", name: "running", points: running }],
      text: clock, summary: `At most ${most} at once.`,
    });
  }

  function showWaits({ jobs }, from, to) {
    const dots = jobs.filter((x) => x.started_at !== null).map((job) => {
      const t = Date.parse(job.started_at);
      const v = Math.max((t - Date.parse(job.created_at)) / 1000, 0);
      return { t, v, text: [clock(t), `${job.config_name ?? job.job_id}`,
        `waited ${span(v)}`] };
    }).filter((x) => x.t >= from && x.t <= to).sort((a, b) => a.t - b.t);
    const sorted = dots.map((x) => x.v).sort((a, b) => a - b);
    const half = quantile(sorted, 0.5), most = quantile(sorted, 0.95);
    waits.show({
      from, to, dots, line: medians(dots, from, to, 16),
      top: roundSpan(sorted.at(-1) ?? 1), label: (v) => span(v),
      summary: `Median ${span(half)}, 95 % below ${span(most)}.`,
    });
    figure("Median wait", span(half), `${count(dots.length, "start")}`);
    figure("95 % waited less than", span(most));
  }

  function showCosts({ costs: byDay }) {
    costs.element.hidden = byDay === null;
    if (byDay === null) return;
    const list = daily(byDay, 30, now());
    const top = roundUp(Math.max(...list.map(([, v]) => v), 1));
    costs.show({
      from: 0, to: list.length, top, label: usd,
      bars: list.map(([name, v]) => ({ name, v, text: [name, usd(v)] })),
      ticks: [0.5, 7.5, 14.5, 21.5, 29.5],
      tickLabel: (t) => list[Math.floor(t)][0].slice(5),
      summary: `${usd(list.reduce((sum, [, v]) => sum + v, 0))} in 30 days.`,
    });
    figure("Cost today", usd(list.at(-1)[1]), "UTC");
    figure("Cost, 30 days", usd(list.reduce((sum, [, v]) => sum + v, 0)));
  }

  function render() {
    problem.show(source.error);
    if (source.value === null) return;
    const { jobs, total, stats } = source.value;
    const to = now();
    const from = to - 1000 * ranges.find(([value]) => value === range)[2];
    figure("Running", String(stats.running),
      stats.max_concurrent ? `of ${stats.max_concurrent} slots` : "");
    figure("Waiting", String(stats.queue_depth),
      stats.avg_wait_seconds === null ? ""
        : `wait ${span(stats.avg_wait_seconds)} on average`);
    showLoad(source.value, from, to);
    showWaits(source.value, from, to);
    showCosts(source.value);
    const oldest = jobs.length === 0 ? null : jobs.at(-1).created_at;
    put(note, total > jobs.length && Date.parse(oldest) > from
      ? `Complete since ${clock(oldest)}: ${total - jobs.length} older jobs ` +
        "are not part of the two charts above." : "");
  }

  return {
    element, title: "Charts",
    show(query) {
      const wanted = query.get("range");
      range = ranges.some(([value]) => value === wanted) ? wanted : "1h";
      filter.set(range);
      stop ??= source.watch(render);
      source.refresh(true);
      clearInterval(timer);
      timer = setInterval(() => { // time passes
        if (!document.hidden) render();
      }, 5000);
      render();
    },
    hide() {
      clearInterval(timer);
      stop?.();
      stop = null;
    },
    refresh: (at_once) => source.refresh(at_once),
    event(type) {
      if (type === "job_status_changed") source.refresh();
    },
  };
}
