#include "actors/http_gateway/costs_seen.hpp"
#include "actors/http_gateway/http_gateway.hpp"
#include "actors/http_gateway/queries.hpp"

#include <nlohmann/json.hpp>

// The routes below /api/queue, and what they share with those of jobs.

namespace tunerd {

using nlohmann::ordered_json;

namespace {

/// The six, and our own if they are set.
ordered_json all_limits_json(const queue_limits& x) {
  auto body = limits_json(x);
  if (x.org_max_concurrent != 0)
    body["org_max_concurrent"] = x.org_max_concurrent;
  if (x.provider_max_concurrent != 0)
    body["provider_max_concurrent"] = x.provider_max_concurrent;
  return body;
}

/// @returns `stats` without the names of others: counts are everybody's, who
/// they belong to is an admin's.
queue_stats as_seen_by(const caller& who, queue_stats stats) {
  stats.costs = costs_seen_by(who, std::move(stats.costs));
  if (who.level != caller_level::admin)
    std::erase_if(stats.by_user, [&who](const auto& entry) {
      return entry.first != who.user_id;
    });
  return stats;
}

ordered_json usd_by(const std::map<std::string, int64_t>& sums) {
  auto result = ordered_json::object();
  for (const auto& [name, micros] : sums)
    result[name] = usd_json(caf::optional<int64_t>{micros});
  return result;
}

ordered_json all_stats_json(const queue_stats& x, const queue_limits& limits) {
  auto body = stats_json(x, limits);
  body["cost_by_user"] = usd_by(x.costs.by_user);
  body["cost_by_org"] = usd_by(x.costs.by_org);
  body["cost_by_day"] = usd_by(x.costs.by_day);
  return body;
}

} // namespace

void http_gateway_state::show_queue(const call& x) {
  auto parsed = rest::parse_list_queue(x->query_parameters);
  auto* wanted = accept(x, parsed);
  if (wanted == nullptr)
    return;
  auto& query = wanted->message;
  query.ctx = x->ctx;
  query.who = x->who;
  self->ask(
    store, settings.store_timeout, query,
    [this, x, notes = wanted->warnings](const queue_page& page) {
      with_places(x, page.entries, 0, [=, this](const queue_positions& places) {
        ordered_json body = {{"entries", ordered_json::array()},
                             {"total_pending", page.total_pending},
                             {"total_running", page.total_running}};
        for (const auto& job : page.entries)
          body["entries"].push_back(entry_json(job, view_of(job, places)));
        answer(x, rest::with_warnings(std::move(body), notes));
      });
    },
    refusing(x));
}

void http_gateway_state::show_stats(const call& x) {
  self->ask(
    store, settings.store_timeout, get_queue_stats{x->ctx, x->who},
    [this, x](const queue_stats& stats) {
      self->ask(
        store, settings.store_timeout, get_limits{x->ctx},
        [this, x, stats](const limits_in_force& y) {
          answer(x, all_stats_json(as_seen_by(x->who, stats), y.limits));
        },
        refusing(x));
    },
    refusing(x));
}

void http_gateway_state::show_limits(const call& x) {
  self->ask(
    store, settings.store_timeout, get_limits{x->ctx},
    [this, x](const limits_in_force& y) {
      answer(x, all_limits_json(y.limits));
    },
    refusing(x));
}

void http_gateway_state::change_limits(const call& x, const std::string& body) {
  auto parsed = rest::parse_set_limits(body);
  auto* wanted = accept(x, parsed);
  if (wanted == nullptr)
    return;
  auto& command = wanted->message;
  command.ctx = x->ctx;
  command.who = x->who;
  self->ask(
    store, settings.store_timeout, command,
    [this, x, notes = wanted->warnings](const limits_in_force& y) {
      ordered_json reply = {{"success", true}};
      reply.update(all_limits_json(y.limits));
      answer(x, rest::with_warnings(std::move(reply), notes));
    },
    refusing(x, "conflict"));
}

void http_gateway_state::with_places(
  const call& x, const std::vector<job>& jobs, int64_t event_id,
  std::function<void(const queue_positions&)> then) {
  get_queue_positions query{x->ctx, {}, event_id};
  for (const auto& job : jobs)
    if (job.queue == queue_status::pending)
      query.job_ids.push_back(job.id);
  if (query.job_ids.empty())
    return then({});
  self->ask(
    scheduler, settings.position_timeout, query,
    [then](const queue_positions& places) { then(places); },
    [then](const caf::error&) { then({}); });
}

job_view http_gateway_state::view_of(const job& subject,
                                     const queue_positions& places) const {
  job_view view{.now = settings.world.now(),
                .starvation_threshold = settings.queue.starvation_threshold};
  if (auto i = places.positions.find(subject.id); i != places.positions.end())
    view.position = i->second;
  return view;
}

} // namespace tunerd
