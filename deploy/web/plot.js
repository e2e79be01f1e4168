// Small charts in SVG, drawn at the size they are shown in.

import { fill, h, svg } from "./dom.js";

const HEIGHT = 180, LEFT = 50, RIGHT = 10, TOP = 10, BOTTOM = 22;

/** @returns a round number at or above `value`, whose half is round, too. */
export function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10])
    if (value <= step * power * (1 + 1e-9)) return step * power;
  return 10 * power;
}

/** @returns a round span in s at or above `seconds`. */
export function roundSpan(seconds) {
  for (const span of [2, 4, 6, 10, 20, 30, 60, 120, 240, 360, 600, 1200, 1800,
    3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800])
    if (seconds <= span) return span;
  return 86_400 * roundUp(seconds / 86_400);
}

/** @returns times that are round in the reader's zone: at most about `most`. */
function timeTicks(from, to, most = 6) {
  const steps = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800,
    21_600, 43_200, 86_400, 172_800, 604_800].map((s) => 1000 * s);
  const step = steps.find((s) => (to - from) / s <= most) ?? steps.at(-1);
  const zone = new Date(from).getTimezoneOffset() * 60_000;
  const ticks = [];
  const first = Math.ceil((from - zone) / step) * step + zone;
  for (let t = first; t <= to; t += step) ticks.push(t);
  return ticks;
}

function timeLabel(t, range) {
  const date = new Date(t);
  const two = (x) => String(x).padStart(2, "0");
  if (range > 2 * 86_400_000)
    return `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const text = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return range < 600_000 ? `${text}:${two(date.getSeconds())}` : text;
}

/**
 * A figure with a chart that is drawn anew when its size or its data change.
 * @param draw (frame, data): adds to `frame.plot`
 */
class Chart {
  #data = null;
  #width = 0;
  #tip = h("div", { class: "tip num", hidden: true });
  #box;
  #legend;
  #rows = h("div", { class: "table-view" });

  constructor({ title, legend = [], draw, hover, values }) {
    this.draw = draw;
    this.hover = hover;
    this.values = values;
    this.#box = h("div", { class: "plot" });
    this.#legend = h("div", { class: "legend" }, legend.map(([tone, text]) =>
      h("span", {}, h("i", { class: `key ${tone}` }), text)));
    this.title = title;
    this.details = h("details", { class: "values", on: {
      toggle: () => this.#table(),
    } }, h("summary", {}, "As a table"), this.#rows);
    this.element = h("figure", { class: "card chart" },
      h("figcaption", {}, h("h2", {}, title), this.#legend),
      h("div", { class: "plot-box" }, this.#box, this.#tip), this.details);
    new ResizeObserver(() => this.#render()).observe(this.#box);
    this.#box.addEventListener("pointermove", (e) => this.#point(e));
    this.#box.addEventListener("pointerleave", () => this.#unpoint());
  }

  show(data) {
    this.#data = data;
    this.#width = 0;
    this.#render();
    this.#table();
  }

  #render() {
    const width = Math.floor(this.#box.clientWidth);
    if (this.#data === null || width < 80 || width === this.#width) return;
    this.#width = width;
    const { from, to, top, label } = this.#data;
    const right = width - RIGHT, bottom = HEIGHT - BOTTOM;
    const x = (t) => LEFT + (t - from) / (to - from || 1) * (right - LEFT);
    const y = (v) => bottom - v / top * (bottom - TOP);
    const grid = [0, 0.5, 1].map((share) => {
      const at = y(top * share);
      return [
        svg("line", { class: "grid", x1: LEFT, x2: right, y1: at, y2: at }),
        svg("text", { class: "axis", x: LEFT - 6, y: at + 4,
          "text-anchor": "end" }, label(top * share))];
    });
    const ticks = (this.#data.ticks ?? timeTicks(from, to,
      Math.max(2, Math.floor(width / 90)))).map((t) => svg("text", {
      class: "axis", x: x(t), y: HEIGHT - 6, "text-anchor": "middle",
    }, this.#data.tickLabel?.(t) ?? timeLabel(t, to - from)));
    const plot = svg("g");
    const cursor = svg("line", { class: "cursor", y1: TOP, y2: bottom,
      visibility: "hidden" });
    this.frame = { x, y, plot, left: LEFT, right, top: TOP, bottom, cursor };
    this.draw(this.frame, this.#data);
    fill(this.#box, svg("svg", {
      width, height: HEIGHT, role: "img",
      "aria-label": `${this.title}. ${this.#data.summary ?? ""}`,
    }, grid, ticks, plot, cursor));
  }

  #point(event) {
    if (this.frame === undefined || this.#data === null) return;
    const box = this.#box.getBoundingClientRect();
    const { left, right } = this.frame;
    const at = Math.min(Math.max(event.clientX - box.left, left), right);
    const { from, to } = this.#data;
    const said = this.hover(
      from + (at - left) / (right - left) * (to - from), this.#data);
    if (said === null) return this.#unpoint();
    fill(this.#tip, said.map((line) => h("div", {}, line)));
    this.#tip.hidden = false;
    const beyond = at > box.width / 2;
    this.#tip.style.left = beyond ? "" : `${at + 10}px`;
    this.#tip.style.right = beyond ? `${box.width - at + 10}px` : "";
    this.frame.cursor.setAttribute("x1", at);
    this.frame.cursor.setAttribute("x2", at);
    this.frame.cursor.setAttribute("visibility", "visible");
  }

  #unpoint() {
    this.#tip.hidden = true;
    this.frame?.cursor.setAttribute("visibility", "hidden");
  }

  /** The same values for those who cannot see or point. */
  #table() {
    if (!this.details.open || this.#data === null) return;
    const [head, ...rows] = this.values(this.#data);
    fill(this.#rows, h("table", {}, h("thead", {}, h("tr", {}, head.map((x) =>
      h("th", { scope: "col" }, x)))), h("tbody", {}, rows.map((row) =>
      h("tr", {}, row.map((x) => h("td", { class: "num" }, x)))))));
  }
}

/** @returns the value of `points` [[t, v]], a step function, at `t`. */
export function stepAt(points, t) {
  let low = 0, high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] <= t) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 0 : points[low - 1][1];
}

function stepPath(points, { x, y }, from, to) {
  let path = `M${x(from).toFixed(1)},${y(stepAt(points, from)).toFixed(1)}`;
  for (const [t, v] of points)
    if (t > from && t <= to)
      path += `H${x(t).toFixed(1)}V${y(v).toFixed(1)}`;
  return `${path}H${x(to).toFixed(1)}`;
}

/**
 * Lines that jump from value to value.
 * data: {from, to, top, label, series: [{tone, name, points}], limit, text}
 */
export function stepChart({ title, legend, values }) {
  return new Chart({
    title, legend, values,
    draw(frame, { from, to, series, limit, top }) {
      const { plot, x, y, left, right, bottom } = frame;
      if (limit > 0 && limit <= top)
        plot.append(svg("line", { class: "limit", x1: left, x2: right,
          y1: y(limit), y2: y(limit) }));
      for (const { tone, points } of series) {
        const path = stepPath(points, frame, from, to);
        plot.append(
          svg("path", { class: `area ${tone}`,
            d: `${path}V${bottom}H${x(from).toFixed(1)}Z` }),
          svg("path", { class: `line ${tone}`, d: path }));
      }
    },
    hover: (t, { series, text }) => [text(t),
      ...series.map((one) => `${one.name}: ${stepAt(one.points, t)}`)],
  });
}

/**
 * One dot per thing.
 * data: {from, to, top, label, dots: [{t, v, text}], line: [[t, v]]}
 */
export function dotChart({ title, legend, values }) {
  return new Chart({
    title, legend, values,
    draw({ plot, x, y }, { dots, line }) {
      for (const { t, v } of dots)
        plot.append(svg("circle", { class: "dot", cx: x(t).toFixed(1),
          cy: y(v).toFixed(1), r: 2.5 }));
      if (line.length > 1)
        plot.append(svg("path", { class: "line strong", d: line.map(
          ([t, v], i) =>
            `${i === 0 ? "M" : "L"}${x(t).toFixed(1)},${y(v).toFixed(1)}`)
          .join("") }));
    },
    hover(t, { dots, from, to }) {
      let best = null;
      for (const dot of dots)
        if (best === null || Math.abs(dot.t - t) < Math.abs(best.t - t))
          best = dot;
      return best !== null && Math.abs(best.t - t) < (to - from) / 20
        ? best.text : null;
    },
  });
}

/**
 * Bars.
 * data: {from: 0, to: bars.length, top, label, bars: [{name, v, text}]}
 */
export function barChart({ title, legend, values }) {
  return new Chart({
    title, legend, values,
    draw({ plot, x, y, bottom }, { bars }) {
      const width = x(1) - x(0);
      const gap = Math.min(width * 0.25, 4);
      bars.forEach(({ v }, i) => {
        const at = y(v);
        plot.append(svg("rect", { class: "bar", x: x(i) + gap / 2,
          width: Math.max(width - gap, 1), y: at,
          height: Math.max(bottom - at, v > 0 ? 1 : 0), rx: 1.5 }));
      });
    },
    hover: (t, { bars }) =>
      bars[Math.min(Math.floor(t), bars.length - 1)]?.text ?? null,
  });
}
