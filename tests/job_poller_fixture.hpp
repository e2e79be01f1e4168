#pragma once

#include "actors/job_poller/job_poller.hpp"

#include "tests/deterministic.hpp"
#include "tests/log_capture.hpp"

#include <algorithm>
#include <random>

namespace tunerd::test {

inline job make_job(const std::string& id,
                    const std::string& provider = "replicate",
                    job_status status = job_status::queued) {
  job result{.id = id, .provider = provider, .status = status};
  result.hardware_profile = "h100";
  result.correlation_id = "corr-" + id;
  result.external_id = "ext-" + id;
  return result;
}

inline provider_job says(const std::string& raw,
                         caf::optional<job_status> status) {
  provider_job result{};
  result.raw_status = raw;
  result.status = status;
  return result;
}

/// A poller between a store and a provider that do as they are told.
struct poller_fixture : deterministic {
  poller_fixture() {
    settings.out = {.now =
                      [this] {
                        scope = current_context();
                        return now();
                      },
                    .random = rng};
    settings.providers = {{.name = "replicate"}};
    store = spawn(
      [this](job_store_actor::pointer me) { return store_behavior(me); });
    gateway = spawn([this](provider_gateway_actor::pointer me) {
      return gateway_behavior(me);
    });
  }

  job_store_actor::behavior_type store_behavior(job_store_actor::pointer me) {
    const auto refuse = [] { return make_error(ec::conflict, "not used"); };
    using found = caf::result<job_found>;
    return {
      [=](const submit_job&) -> caf::result<job_submitted> { return refuse(); },
      [=](const get_job&) -> found { return refuse(); },
      [=](const list_jobs&) -> caf::result<job_list> { return refuse(); },
      [=](const end_job&) -> found { return refuse(); },
      [=](const delete_job&) -> found { return refuse(); },
      [this](const apply_status& x) -> caf::result<status_applied> {
        applied.push_back(x);
        if (store_fails)
          return make_error(ec::database_error, "disk full");
        return status_applied{x.ctx, {}};
      },
      [this](const report_missing_job& x) -> caf::result<status_applied> {
        missing.push_back(x);
        return status_applied{x.ctx, {}};
      },
      [this, me](const list_active_jobs& x) -> caf::result<job_list> {
        listings.push_back(x.ctx);
        if (store_fails)
          return make_error(ec::database_error, "disk full");
        if (store_is_slow)
          return me->make_response_promise<job_list>(); // Never kept.
        return job_list{x.ctx, active, static_cast<int64_t>(active.size())};
      },
      [=](const apply_webhook&) -> caf::result<webhook_applied> {
        return refuse();
      },
      [=](const import_jobs&) -> caf::result<jobs_imported> {
        return refuse();
      },
      [=](const get_job_logs&) -> caf::result<job_logs_found> {
        return refuse();
      },
    };
  }

  provider_gateway_actor::behavior_type
  gateway_behavior(provider_gateway_actor::pointer me) {
    const auto refuse = [] { return make_error(ec::conflict, "not used"); };
    return {
      [=](const prepare_job&) -> caf::result<job_prepared> { return refuse(); },
      [this](const submit_to_provider& x) { // Here: `release`.
        for (auto& [question, promise] : std::exchange(promises, {}))
          promise.deliver(provider_job_found{question.ctx, seen});
        return submission_outcome{x.ctx};
      },
      [this, me](const get_provider_job& x) -> caf::result<provider_job_found> {
        asked.push_back(x);
        if (held.count(x.provider) + held.count(x.external_id) == 0)
          return answer(x);
        auto promise = me->make_response_promise<provider_job_found>();
        promises.emplace_back(x, promise);
        return promise;
      },
      [this](const list_provider_jobs& x) { return list(x); },
      [=](const cancel_provider_job&) -> caf::result<provider_job_cancelled> {
        return refuse();
      },
    };
  }

  caf::result<provider_job_found> answer(const get_provider_job& x) const {
    if (failure)
      return *failure;
    auto result = seen;
    result.external_id = x.external_id;
    return provider_job_found{x.ctx, result};
  }

  /// Pages of 100 of the active jobs, newest first, without those in
  /// `unlisted`.
  caf::result<provider_job_page> list(const list_provider_jobs& x) {
    lists.push_back(x);
    if (list_failure)
      return *list_failure;
    auto left = x.cursor.empty() ? active.size() : std::stoul(x.cursor);
    provider_job_page page{.ctx = x.ctx, .jobs = {}};
    for (; left > 0 && page.jobs.size() < 100; --left) {
      const auto& id = active[left - 1].external_id;
      if (unlisted.count(id) > 0)
        continue;
      page.jobs.push_back(seen);
      page.jobs.back().external_id = id;
      if (ended.count(id) > 0)
        page.jobs.back().status = job_status::completed;
    }
    page.next = left > 0 ? std::to_string(left) : "";
    return page;
  }

  /// @returns `count` active jobs.
  std::vector<job> many(int count) const {
    std::vector<job> result;
    for (int i = 0; i < count; ++i)
      result.push_back(make_job(std::to_string(i)));
    return result;
  }

  /// Lets held calls of `provider` answer.
  void release(const std::string& provider) {
    held.erase(provider);
    // A promise may only be kept by its actor.
    caf::anon_send(gateway, submit_to_provider{{}, provider, {}, {}});
    settle();
  }

  settings_store_actor::behavior_type
  stored_behavior(settings_store_actor::pointer me) {
    return {
      [this, me](const get_settings& x) -> caf::result<settings_found> {
        read.push_back(x);
        if (store_fails)
          return make_error(ec::database_error, "disk full");
        if (settings_are_slow) {
          settings_promises.emplace_back(
            x, me->make_response_promise<settings_found>());
          return settings_promises.back().second;
        }
        return find(x);
      },
      [this](const put_settings& x) { // Here: `release_settings`.
        for (auto& [query, promise] : std::exchange(settings_promises, {}))
          promise.deliver(find(query));
        return settings_found{x.ctx};
      },
    };
  }

  settings_found find(const get_settings& x) const {
    settings_found result{x.ctx};
    for (const auto& [key, value] : values)
      if (key.starts_with(x.prefix))
        result.values.emplace(key, value);
    return result;
  }

  void release_settings() {
    settings_are_slow = false;
    caf::anon_send(stored, put_settings{});
    settle();
  }

  /// From now on pollers have a store for settings, `values`.
  void add_settings_store() {
    stored = spawn(
      [this](settings_store_actor::pointer me) { return stored_behavior(me); });
  }

  void start() {
    settings.polling = polling;
    aut = spawn(job_poller, settings, store, stored, gateway);
    settle();
  }

  polling_status refresh(const std::string& id = "corr-9") {
    return ask<polling_status>(aut, refresh_polling{{id}});
  }

  int64_t poll(std::vector<std::string> ids) {
    const auto answer
      = ask<jobs_polled>(aut, poll_jobs{{"corr-7"}, std::move(ids)});
    CHECK(answer.ctx.correlation_id == "corr-7");
    return answer.synced;
  }

  polling_status status() {
    return ask<polling_status>(aut, get_polling_status{{"corr-1"}});
  }

  /// Ids of the jobs asked about since the last call, sorted.
  std::vector<std::string> who_was_asked() {
    std::vector<std::string> result;
    for (const auto& x : std::exchange(asked, {}))
      result.push_back(x.external_id.substr(4));
    std::sort(result.begin(), result.end());
    return result;
  }

  using names = std::vector<std::string>;

  std::mt19937_64 rng{7};
  config::polling polling;
  job_poller_settings settings;
  job_store_actor store;
  settings_store_actor stored;
  provider_gateway_actor gateway;
  job_poller_actor aut;

  // Knobs of the two.
  std::vector<job> active;
  bool store_fails = false;
  bool store_is_slow = false;
  std::map<std::string, std::string> values;
  bool settings_are_slow = false;
  provider_job seen = says("processing", job_status::running);
  std::optional<caf::error> failure;
  /// Providers and external ids whose answers wait.
  std::set<std::string> held;
  /// External ids that pages leave out, or show as completed.
  std::set<std::string> unlisted;
  std::set<std::string> ended;
  std::optional<caf::error> list_failure;

  // What they were told.
  std::vector<context> listings;
  /// In force when the poller read the time of day.
  context scope;
  std::vector<apply_status> applied;
  std::vector<report_missing_job> missing;
  std::vector<get_provider_job> asked;
  std::vector<list_provider_jobs> lists;
  std::vector<get_settings> read;
  std::vector<
    std::pair<get_settings, caf::typed_response_promise<settings_found>>>
    settings_promises;
  std::vector<std::pair<get_provider_job,
                        caf::typed_response_promise<provider_job_found>>>
    promises;
};

} // namespace tunerd::test
