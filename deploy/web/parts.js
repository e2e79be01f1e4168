// What the views are made of.

import { attr, fill, h, keyed, put, svg } from "./dom.js";

// -- icons: drawn, so that they look the same everywhere ----------------------

const icons = {
  jobs: ["M2.5 4h11M2.5 8h11M2.5 12h7"],
  queue: ["M2.5 3.5h11v3h-11zM2.5 9.5h7v3h-7z"],
  approvals: ["M8 1.8l5 2v4c0 3.2-2 5.4-5 6.4-3-1-5-3.2-5-6.4v-4z",
    "M5.8 8l1.6 1.6L10.4 6.4"],
  workers: ["M8 5.4a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2z",
    "M8 1.6v2M8 12.4v2M1.6 8h2M12.4 8h2M3.5 3.5l1.4 1.4M11.1 11.1l1.4 1.4" +
    "M12.5 3.5l-1.4 1.4M4.9 11.1l-1.4 1.4"],
  providers: ["M4.5 12.5a3 3 0 0 1-.4-6 4 4 0 0 1 7.7-.6 3.3 3.3 0 0 1-.4 " +
    "6.6z"],
  trace: ["M3.2 3.2h4.4M5.4 8h5.2M8 12.8h4.8",
    "M7.6 3.2v4.8M10.6 8v4.8"],
  charts: ["M2.5 13.5v-11M2.5 13.5h11", "M4.8 10.4l2.8-3.4 2.2 1.8 3.4-4.6"],
  rules: ["M8 2v11.5M4.5 13.5h7M3 4.2h10",
    "M3.6 4.4L1.8 9h3.6zM12.4 4.4L10.6 9h3.6z"],
  search: ["M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.4 10.4l3.1 3.1"],
  close: ["M4 4l8 8M12 4l-8 8"],
  help: ["M6 6.2a2 2 0 1 1 2.9 1.8c-.6.3-.9.7-.9 1.4M8 11.6v.4",
    "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8z"],
  // States. Their shapes differ, not only their colours.
  pending: ["M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 5v3l2 1.4"],
  uploading: ["M8 13V4M4.5 7.2L8 3.6l3.5 3.6"],
  queued: ["M3 4.5h10M3 8h10M3 11.5h10"],
  running: ["M8 2.5a5.5 5.5 0 1 1-5.5 5.5"],
  completed: ["M3.2 8.4l3.2 3.2 6.4-7"],
  failed: ["M4 4l8 8M12 4l-8 8"],
  cancelled: ["M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM4.2 4.2l7.6 7.6"],
  paused: ["M5.5 3.5v9M10.5 3.5v9"],
  warning: ["M8 2.4l6 10.8H2zM8 6.4v3.2M8 11.4v.3"],
};

export function icon(name, props = {}) {
  return svg("svg", {
    viewBox: "0 0 16 16", class: `icon icon-${name}`, "aria-hidden": "true",
    ...props,
  }, (icons[name] ?? icons.pending).map((d) => svg("path", { d })));
}

// -- states -------------------------------------------------------------------

/** How a word of the API looks: its icon and its tone. */
const looks = {
  pending: ["pending", "idle"], uploading: ["uploading", "busy"],
  queued: ["queued", "busy"], ready: ["uploading", "busy"],
  running: ["running", "live"], completed: ["completed", "good"],
  failed: ["failed", "bad"], cancelled: ["cancelled", "idle"],
  blocked: ["paused", "warn"], approved: ["completed", "good"],
  rejected: ["failed", "bad"], expired: ["cancelled", "warn"],
  starting: ["running", "busy"], restarting: ["running", "warn"],
  stopped: ["paused", "idle"], closed: ["completed", "good"],
  half_open: ["warning", "warn"], open: ["failed", "bad"],
  healthy: ["completed", "good"], degraded: ["warning", "warn"],
  unhealthy: ["failed", "bad"],
};

/** Makes `node` show a state as a pill of icon and text. */
export function pill(node, state, text = String(state).replace("_", " "),
  look = state) {
  const key = `${look} ${text}`;
  if (node.dataset.pill === key) return node;
  node.dataset.pill = key;
  const [shape, tone] = looks[look] ?? ["pending", "idle"];
  fill(node, h("span", { class: `pill ${tone}` }, icon(shape), text));
  return node;
}

/** @returns what a job is to people: blocked is more telling than pending. */
function stateOf(job) {
  return job.status === "pending" && job.queue_status === "blocked"
    ? "blocked" : job.status;
}

/** Shows the state of a job, and its place while it waits. */
export function jobPill(node, job) {
  const state = stateOf(job);
  const place = job.status === "pending" && job.queue_position;
  const text = state === "blocked" ? "needs approval"
    : place ? `pending · ${place}` : state;
  return pill(node, state, text);
}

// -- tables -------------------------------------------------------------------

/**
 * A table whose rows are reused. On a phone its rows become cards.
 * @param columns [{label, class, update(cell, item)}]
 * @param options.keyOf (item) => what stays the same about it
 * @param options.href (item) => where Enter and a click lead
 */
export function table(columns, { keyOf, href, label, empty, rowClass }) {
  const body = h("tbody", { role: "rowgroup" });
  const note = h("p", { class: "empty", hidden: true });
  const element = h("div", { class: "table-box" },
    h("table", { role: "table", "aria-label": label },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
        columns.map((column) => h("th", {
          class: column.class, scope: "col", role: "columnheader",
        }, column.label)))),
      body),
    note);
  const make = (item) => {
    const row = h("tr", { role: "row", class: "fresh" },
      columns.map((column) => h("td", {
        class: column.class, role: "cell", "data-label": column.label,
      })));
    if (href) {
      row.classList.add("leads");
      row.addEventListener("click", (event) => {
        if (event.target.closest("a,button,select,input") === null &&
          getSelection().isCollapsed)
          location.hash = href(row.item);
      });
    }
    row.dataset.key = keyOf(item);
    return row;
  };
  const update = (row, item) => {
    row.item = item;
    columns.forEach((column, i) => column.update(row.cells[i], item));
    if (rowClass) attr(row, "data-mark", rowClass(item));
  };
  const show = (items) => {
    keyed(body, items, keyOf, make, update);
    note.hidden = items.length > 0;
    put(note, empty);
  };
  return { element, body, show };
}

/** A cell whose text is a link to a job. */
export function jobLink(cell, id, text, more = "") {
  let link = cell.firstElementChild;
  if (link === null) {
    link = h("a", { class: "job-link" });
    cell.append(link);
  }
  put(link, text);
  attr(link, "href", `#/jobs/${encodeURIComponent(id)}`);
  attr(link, "title", `${text}\n${id}${more}`);
}

/** A grid of name and value. `rows`: [[name, node or text]]. */
export function facts(rows) {
  return h("dl", { class: "facts" }, rows.filter(([, value]) =>
    value !== null && value !== undefined && value !== "").map(
    ([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

// -- controls -----------------------------------------------------------------

export function button(text, act, props = {}) {
  return h("button", {
    type: "button", on: { click: act }, ...props,
    class: `button ${props.class ?? ""}`,
  }, text);
}

/** One of several. @returns {element, set(value)} */
export function choice(label, options, onChange) {
  const buttons = options.map(([value, text]) => h("button", {
    type: "button", class: "chip", "aria-pressed": "false",
    data: { value }, on: { click: () => onChange(value) },
  }, text));
  return {
    element: h("div", { class: "chips", role: "group", "aria-label": label },
      buttons),
    set(value) {
      for (const one of buttons)
        attr(one, "aria-pressed", String(one.dataset.value === value));
    },
  };
}

/**
 * A share of a limit as a bar with its numbers as text.
 * @param tone "slots" where a full bar is as it should be
 */
export function meter(label, used, limit, text, tone = "") {
  const share = limit > 0 ? Math.min(used / limit, 1) : 0;
  const bar = h("div", { class: "meter-bar" });
  bar.style.width = `${(share * 100).toFixed(1)}%`;
  return h("div", {
    class: `meter ${tone} ${share >= 1 ? "full" : share >= 0.8 ? "high" : ""}`,
  },
  h("div", { class: "meter-head" }, h("span", {}, label),
    h("span", { class: "num" }, text)),
  h("div", {
    class: "meter-track", role: "meter", "aria-label": label,
    "aria-valuemin": 0, "aria-valuemax": limit || 0, "aria-valuenow": used,
  }, bar));
}

export function heading(title, sub, ...controls) {
  return h("header", { class: "view-head" },
    h("h1", {}, title), h("p", { class: "sub" }, sub),
    h("div", { class: "controls" }, controls));
}

// -- what happened ------------------------------------------------------------

/** A place for what could not be read; empty while all is well. */
export function problemNote() {
  const element = h("div", { class: "problem", role: "status", hidden: true });
  return {
    element,
    show(error) {
      // That nothing can be reached is said once, at the top.
      element.hidden = error === null || error.status === 0;
      if (error === null) return;
      fill(element, icon("warning"), error.status === 403
        ? "Your token may not see this." : error.message);
    },
  };
}

const toasts = h("div", {
  class: "toasts", role: "status", "aria-live": "polite",
});
document.body.append(toasts);

/** Says something for a few seconds; errors stay longer. */
export function toast(text, tone = "good", link = null) {
  const node = h("div", { class: `toast ${tone}` },
    icon(tone === "bad" ? "warning" : "completed"), h("span", {}, text),
    link && h("a", { href: link[1] }, link[0]),
    h("button", {
      type: "button", class: "plain", "aria-label": "Dismiss",
      on: { click: () => node.remove() },
    }, icon("close")));
  toasts.append(node);
  while (toasts.childElementCount > 4) toasts.firstElementChild.remove();
  setTimeout(() => node.remove(), tone === "bad" ? 12_000 : 5_000);
}

/**
 * Does `call` and says how it went. While it is under way its button is off.
 * @returns whether it went well
 */
export async function attempt(said, call, source = null) {
  if (source) source.disabled = true;
  try {
    await call();
    toast(said);
    return true;
  } catch (error) {
    toast(error.message, "bad", error.correlationId
      ? ["Trace", `#/trace/${encodeURIComponent(error.correlationId)}`] : null);
    return false;
  } finally {
    if (source) source.disabled = false;
  }
}
