// Where jobs run: breakers, budgets, spending, polling.

import { Source, every, get, getText, part, put as putJson } from "./api.js";
import { fill, h, put } from "./dom.js";
import { clock, number, or, span, usd } from "./format.js";
import {
  attempt, button, choice, facts, heading, meter, pill, problemNote,
} from "./parts.js";

/** @returns [{name, labels, value}] of the text format of Prometheus. */
export function parseMetrics(text) {
  const found = [];
  for (const line of text.split("\n")) {
    const match = /^([a-z_:]\w*)(?:\{(.*)\})? (\S+)$/i.exec(line);
    if (match === null) continue;
    const labels = {};
    for (const [, name, value] of
      (match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
      labels[name] = value.replace(/\\(.)/g, (_, c) => c === "n" ? "\n" : c);
    found.push({ name: match[1], labels, value: Number(match[3]) });
  }
  return found;
}

/** A right that the caller lacks is no trouble here: that part stays empty. */
const unless403 = (call) => call.catch((error) => {
  if (error.status === 403 || error.status === 404) return null;
  throw error;
});

/** What there is of a budget at most, however long nobody called. */
const burst = (perMinute) => Math.max(1, Math.floor(perMinute / 10));

export function create() {
  let stop = null, rest = null;
  const source = new Source(async () => {
    const [{ providers }, { circuit_breakers: breakers }, polling, stats, text]
      = await Promise.all([
        get("/api/cloud/providers"), get("/api/cloud/circuit-breakers"),
        unless403(get("/api/cloud/polling/status")), get("/api/queue/stats"),
        unless403(getText("/metrics")),
      ]);
    const costs = await Promise.all(providers.map((x) => unless403(
      get(`/api/cloud/metrics/cost-limit?provider=${part(x.name)}`))));
    return {
      providers, breakers, polling, stats, costs,
      metrics: parseMetrics(text ?? ""),
    };
  });
  const problem = problemNote();
  const slots = h("div", { class: "meters" });
  const cards = h("div", { class: "cards" });
  const element = h("section", { class: "view", "aria-label": "Providers" },
    heading("Providers", "Circuit breakers, budgets and spending."),
    problem.element, slots, cards);

  function breakerPart(x) {
    const state = h("span");
    pill(state, x.state, `breaker ${x.state.replace("_", " ")}`);
    return h("div", { class: "breaker" }, h("code", {}, x.name), state,
      h("p", { class: "muted num" },
        `${number(x.failure_count)} failures, ` +
        `${number(x.success_count)} successes`,
        x.last_failure && `; last failed ${clock(x.last_failure)}`,
        x.retry_after && `; tried again in ${span(x.retry_after)}`));
  }

  function costPart(x) {
    if (x === null) return null;
    if (!x.enabled)
      return h("div", { class: "meter" }, h("div", { class: "meter-head" },
        h("span", {}, "Spent, no limit set"),
        h("span", { class: "num" }, usd(x.current_spend))));
    return [
      meter(`Spent, ${x.period}`, x.current_spend, x.limit_amount,
        `${usd(x.current_spend)} of ${usd(x.limit_amount)}`),
      h("p", { class: "muted" }, x.message ?? (x.action === "block"
        ? "Submissions above it are refused." : "Only warns.")),
    ];
  }

  const calls = { create: "Submissions", other: "Other calls" };

  function budgetPart(budgets) {
    return budgets.map((x) => meter(
      `${calls[x.kind] ?? x.kind} that may be made now`, x.left,
      burst(x.per_minute),
      `${number(x.left)}; ${number(x.per_minute)} a minute`, "slots"));
  }

  async function validate(name, event) {
    await attempt(`The credential of ${name} is good`, async () => {
      const found = await get(`/api/cloud/providers/${part(name)}/validate`);
      if (!found.valid) throw new Error(found.error ?? "It is not accepted");
    }, event.target);
  }

  function providerCard(x, cost) {
    const { breakers, stats } = source.value;
    return h("article", { class: "card", "aria-label": x.name },
      h("div", { class: "card-head" }, h("h2", {}, x.name),
        pill(h("span"), x.is_configured ? "healthy" : "degraded",
          x.is_configured ? "configured" : "no token")),
      breakers.filter((y) => y.name.startsWith(x.name.replaceAll("_", "-")))
        .map(breakerPart),
      budgetPart(x.budgets ?? []), costPart(cost),
      facts([
        ["Address", x.base_url && h("span", { class: "mono" }, x.base_url)],
        ["Jobs at once", stats.provider_max_concurrent &&
          `${number(stats.provider_max_concurrent)} at most`],
        ["Webhooks", x.webhook_url ?? "none: it is polled"],
        ["Default hardware", or(x.default_hardware_profile)],
      ]),
      button("Check the credential", (event) => validate(x.name, event)));
  }

  function traffic() {
    const value = (name) => source.value.metrics.find((x) => x.name === name)
      ?.value;
    const rows = [
      ["Calls", "tunerd_provider_calls_total"],
      ["failed", "tunerd_provider_call_failures_total"],
      ["answered 429", "tunerd_provider_throttled_total"],
      ["Submissions", "tunerd_dispatches_total"],
      ["in doubt now", "tunerd_attempts_in_doubt"],
      ["unresolved", "tunerd_attempts_unresolved"],
      ["Polls", "tunerd_polls_total"],
      ["Webhooks", "tunerd_webhooks_received_total"],
    ].filter(([, name]) => value(name) !== undefined);
    return rows.length === 0 ? null : h("article", {
      class: "card", "aria-label": "Traffic",
    }, h("div", { class: "card-head" }, h("h2", {}, "Traffic"),
      h("span", { class: "muted" }, "since the start")),
    facts(rows.map(([label, name]) =>
      [label, h("span", { class: "num" }, number(value(name)))])));
  }

  const preference = choice("Polling", [
    ["true", "On"], ["null", "Auto"], ["false", "Off"],
  ], async (value) => {
    await attempt("Polling is set", () => putJson("/api/cloud/polling/setting",
      { enabled: JSON.parse(value) }));
    source.refresh(true);
  });
  const pollingState = h("span");
  const pollingText = h("p", { class: "muted num" });
  const pollingCard = h("article", { class: "card", "aria-label": "Polling" },
    h("div", { class: "card-head" }, h("h2", {}, "Polling"), pollingState),
    pollingText, preference.element);

  function showPolling(x) {
    pill(pollingState, x.is_active ? "running" : "stopped",
      x.is_active ? "active" : "off");
    preference.set(String(x.preference));
    put(pollingText, `Every ${span(x.interval_seconds)}, decided by ` +
      ({ enterprise: "the configuration file", setting: "this setting",
        auto: "whether there are webhooks" }[x.source] ?? x.source) + ".");
  }

  function showSlots({ running, max_concurrent: most }) {
    fill(slots, meter("Slots in use, all providers", running, most ?? 0,
      `${number(running)} of ${most ?? "∞"}`, "slots"));
  }

  function render() {
    problem.show(source.error);
    if (source.value === null) return;
    const { providers, costs, polling, stats } = source.value;
    showSlots(stats);
    if (polling !== null) showPolling(polling);
    fill(cards, providers.map((x, i) => providerCard(x, costs[i])),
      polling !== null && pollingCard, traffic());
  }

  return {
    element, title: "Providers",
    show() {
      stop ??= source.watch(render);
      source.refresh(true);
      rest ??= every(10_000, () => { // breakers and budgets have no events
        if (!element.contains(document.activeElement)) source.refresh();
      });
    },
    hide() {
      rest?.();
      stop?.();
      rest = stop = null;
    },
    refresh: (now) => source.refresh(now),
    event() {},
  };
}
