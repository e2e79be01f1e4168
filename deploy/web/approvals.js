// What waits for somebody to agree.

import { Source, get, post } from "./api.js";
import { askFor } from "./dialog.js";
import { fill, h, put } from "./dom.js";
import { clock, count, now, or, passing, usd } from "./format.js";
import {
  attempt, button, choice, heading, jobLink, pill, problemNote, table, toast,
} from "./parts.js";

const path = (x, what) => `/api/approvals/requests/${x.id}/${what}`;

/** Asks for notes and approves. @returns whether it was done. */
export async function approve(x) {
  const said = await askFor({
    title: `Approve ${x.config_name ?? x.job_id}?`,
    text: [x.reason, x.estimated_cost !== null &&
      `Estimated ${usd(x.estimated_cost)}.`].filter(Boolean).join(". "),
    fields: [{ name: "notes", label: "Notes", type: "lines",
      hint: "Kept with the request; may be empty." }],
    action: "Approve",
  });
  return said !== null && attempt(`Job ${x.job_id} may run`, () =>
    post(path(x, "approve"), said.notes ? { notes: said.notes } : {}));
}

/** Asks for the reason and rejects. @returns whether it was done. */
export async function reject(x) {
  const said = await askFor({
    title: `Reject ${x.config_name ?? x.job_id}?`,
    text: "The job is cancelled.",
    fields: [{ name: "reason", label: "Reason", type: "lines",
      required: true, hint: "The requester sees it." }],
    action: "Reject", danger: true,
  });
  return said !== null && attempt(`Job ${x.job_id} is rejected`, () =>
    post(path(x, "reject"), { reason: said.reason }));
}

const hoursAhead = [["1", "1 hour"], ["4", "4 hours"], ["24", "a day"],
  ["72", "3 days"], ["168", "a week"]];

/**
 * @param at Milliseconds since 1970.
 * @returns the choices that give a later deadline than `expiresAt`: the hours
 * count from now, and a deadline can only be put off.
 */
export function extensions(expiresAt, at) {
  const ends = expiresAt ? Date.parse(expiresAt) : 0;
  const margin = 60_000; // to choose in
  return hoursAhead.filter(([hours]) => at + hours * 3_600_000 > ends + margin);
}

/** Asks for how long and extends. @returns whether it was done. */
export async function extend(x) {
  const options = extensions(x.expires_at, now());
  if (options.length === 0) {
    toast("It has a week or more: it cannot be given more time now.", "bad");
    return false;
  }
  const said = await askFor({
    title: "Give it more time?",
    text: x.expires_at ? `It expires at ${clock(x.expires_at)}.` : "",
    fields: [{ name: "hours", label: "Counted from now", options,
      value: (options.find(([hours]) => hours >= 24) ?? options[0])[0] }],
    action: "Extend",
  });
  return said !== null && attempt("The deadline is extended", () =>
    post(path(x, "extend"), { hours: Number(said.hours) }));
}

const kinds = [
  ["pending", "Pending"], ["approved", "Approved"], ["rejected", "Rejected"],
  ["expired", "Expired"], ["cancelled", "Cancelled"], ["", "All"],
];

export function create(app) {
  let status = "pending", stop = null, own = false;

  const source = new Source(async () => {
    const query = new URLSearchParams(
      { limit: 200, ...(status && { status }) });
    if (!own) {
      try {
        return await get(`/api/approvals/requests?${query}`);
      } catch (error) {
        if (error.status !== 403) throw error;
        own = true; // a viewer sees what it asked for itself
      }
    }
    return get(`/api/approvals/me?${query}`);
  });

  function showDeadline(cell, x) {
    if (cell.firstElementChild === null)
      cell.append(h("b", { class: "num" }));
    const time = cell.firstElementChild;
    if (x.status === "pending")
      return passing(time, "until", x.expires_at, "never");
    passing(time, "until", null);
    put(time, x.reviewed_at ? clock(x.reviewed_at) : "–");
    time.title = x.reviewed_by === null ? "" : `by ${x.reviewed_by}`;
  }

  function showActions(cell, x) {
    const key = `${x.status} ${x.expires_at}`;
    if (cell.dataset.key === key) return;
    cell.dataset.key = key;
    const act = (what) => () => what(x).then((done) =>
      done && source.refresh(true));
    fill(cell, x.status === "pending" && h("div", { class: "row" },
      !own && button("Approve", act(approve), { class: "primary small" }),
      !own && button("Reject", act(reject), { class: "small" }),
      !own && x.expires_at &&
        button("Extend", act(extend), { class: "small" })));
  }

  const list = table([
    {
      label: "State", class: "c-status lo2",
      update: (cell, x) => pill(cell, x.status),
    },
    {
      label: "Job", class: "c-name c-short", update: (cell, x) =>
        jobLink(cell, x.job_id, x.config_name ?? x.job_id),
    },
    {
      label: "User", class: "c-user lo2",
      update: (cell, x) => put(cell, or(x.user_id)),
    },
    {
      label: "Reason", class: "c-why wrap", update: (cell, x) => {
        put(cell, [x.reason, x.status !== "pending" && x.review_notes]
          .filter(Boolean).join(" — "));
        cell.title = cell.textContent;
      },
    },
    {
      label: "Estimate", class: "c-cost lo3 num",
      update: (cell, x) => put(cell, usd(x.estimated_cost)),
    },
    {
      label: "Asked", class: "c-time lo1 num",
      update: (cell, x) => passing(cell, "since", x.created_at),
    },
    { label: "Expires in", class: "c-deadline", update: showDeadline },
    { label: "", class: "c-actions", update: showActions },
  ], {
    keyOf: (x) => x.id, label: "Approvals",
    empty: "Nothing here waits for anybody.",
    href: (x) => `#/approvals/${encodeURIComponent(x.job_id)}`,
    rowClass: (x) => x.job_id === app.openJob ? "open" : null,
  });
  const problem = problemNote();
  const filter = choice("Status", kinds, (value) =>
    app.go("approvals", value === "pending" ? {} : { status: value || "all" }));
  const foot = h("span", { class: "num" });
  const element = h("section", { class: "view", "aria-label": "Approvals" },
    heading("Approvals", "The first to expire is on top.", filter.element),
    problem.element, list.element,
    h("footer", { class: "view-foot" }, foot));

  function render() {
    problem.show(source.error);
    if (source.value === null) return;
    const { requests, pending_count: pending } = source.value;
    const deadline = (x) => x.status === "pending"
      ? Date.parse(x.expires_at ?? "9999-01-01T00:00:00Z") : Infinity;
    list.show([...requests].sort((a, b) =>
      deadline(a) - deadline(b) || b.id - a.id));
    put(foot, `${count(pending, "request")} pending`);
  }

  /**
   * The request of the job in the drawer, if one is open: it may hide the rows.
   * Else that of the row that has the focus, or the only one.
   */
  function current() {
    const row = document.activeElement?.closest("tr");
    const all = source.value?.requests.filter((x) => x.status === "pending");
    if (app.openJob !== "")
      return all?.find((x) => x.job_id === app.openJob) ?? null;
    const x = list.body.contains(row) ? row.item
      : all?.length === 1 ? all[0] : null;
    return x?.status === "pending" ? x : null;
  }

  const key = (what) => async () => {
    const x = current();
    if (x !== null && !own && await what(x)) source.refresh(true);
  };

  return {
    element, title: "Approvals",
    show(query) {
      const named = query.get("status");
      const wanted = named === null ? "pending" : named === "all" ? "" : named;
      if (wanted !== status) {
        status = wanted;
        source.clear();
      }
      filter.set(status);
      stop ??= source.watch(render);
      source.refresh(true);
      render();
    },
    hide() {
      stop?.();
      stop = null;
    },
    refresh: (now) => source.refresh(now),
    event(type) {
      if (type.startsWith("approval_") || type === "job_status_changed")
        source.refresh();
    },
    keys: { a: key(approve), x: key(reject), e: key(extend) },
  };
}
