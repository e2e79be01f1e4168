#include "runtime/workers.hpp"

#include "actors/approval_expirer/approval_expirer.hpp"
#include "actors/http_gateway/http_gateway.hpp"
#include "actors/job_poller/job_poller.hpp"
#include "actors/log_reader/log_reader.hpp"
#include "actors/log_sink/log_sink.hpp"
#include "actors/provider_gateway/http_client.hpp"
#include "actors/provider_gateway/provider_gateway.hpp"
#include "actors/queue_scheduler/queue_scheduler.hpp"
#include "actors/sse_broadcaster/sse_broadcaster.hpp"
#include "actors/store/lease_store.hpp"
#include "actors/store/store.hpp"
#include "actors/store/store_reader.hpp"
#include "actors/support/stable_address.hpp"

#include <algorithm>

namespace tunerd {

namespace {

queue_limits limits_of(const config::queue& section) {
  queue_limits result;
  result.max_concurrent = section.max_concurrent;
  result.user_max_concurrent = section.user_max_concurrent;
  result.team_max_concurrent = section.team_max_concurrent;
  result.org_max_concurrent = section.org_max_concurrent;
  result.provider_max_concurrent = section.provider_max_concurrent;
  result.enable_fair_share = section.enable_fair_share;
  return result;
}

/// @returns the secrets of the process, and of the file where it may name one.
secret_source source_of(const config::settings& settings,
                        std::shared_ptr<const config::secrets> secrets) {
  return [own = settings.replicate_section.webhook_secret,
          secrets = std::move(secrets)](const std::string& name) {
    if (name == "CLOUD_WEBHOOK_SECRET" && !own.empty())
      return std::optional<std::string>{own};
    return secrets->find(name);
  };
}

/// The time the gateway needs at most, and some for the way.
caf::timespan beyond(caf::timespan limit) {
  return limit + std::chrono::seconds{5};
}

/// @returns `settings` for a store whose commands the present lease covers.
store_settings fenced(store_settings settings, const cluster_settings& x,
                      const cluster_actor& keeper) {
  const auto epoch = x.lead->epoch();
  settings.fence = {
    .holder = x.me.incarnation, .epoch = epoch, .on_refused = [keeper, epoch] {
      caf::anon_send(keeper, lease_refused{epoch});
    }};
  return settings;
}

/// Adds the workers of a node among others, before those that need them.
void add_cluster(std::vector<worker>& workers, caf::actor_system& sys,
                 const store_settings& for_store, const cluster_settings& own,
                 const std::vector<event_listener_actor>& listeners,
                 const addresses& at) {
  const auto as_actor
    = [](const auto& handle) { return caf::actor_cast<caf::actor>(handle); };
  const auto before = [&workers](const std::string& name) {
    return std::find_if(workers.begin(), workers.end(),
                        [&name](const worker& x) { return x.name == name; });
  };
  workers.insert(
    before("http_client"),
    {{.name = "lease_store",
      .start =
        [=, &sys] {
          return as_actor(sys.spawn<caf::detached>(lease_store, for_store));
        },
      .address = as_actor(at.lease_store)},
     {.name = "cluster",
      .start =
        [=, &sys] {
          return as_actor(sys.spawn(
            cluster, own, at.lease_store,
            caf::actor_cast<role_listener_actor>(at.supervisor), listeners));
        },
      .address = as_actor(at.cluster)}});
  workers.insert(before("queue_scheduler"),
                 {.name = "leader_store",
                  .start =
                    [=, &sys] {
                      return as_actor(sys.spawn<caf::detached>(
                        store, fenced(for_store, own, at.cluster),
                        at.store_reader, listeners));
                    },
                  .address = as_actor(at.leader_store),
                  .leader_only = true});
}

} // namespace

void live_settings::set(const config::settings& settings) const {
  auth.set(settings.auth_section);
  approvals.set(settings.approvals_section);
  polling.set(settings.polling_section);
  limits.set(limits_of(settings.queue_section));
}

addresses::addresses(caf::actor_system& sys)
  : log_sink(spawn_address<log_sink_actor>(sys)),
    log_reader(spawn_address<log_reader_actor>(sys)),
    store_reader(spawn_address<store_reader_actor>(sys)),
    store(spawn_address<store_actor>(sys)),
    lease_store(spawn_address<lease_store_actor>(sys)),
    cluster(spawn_address<cluster_actor>(sys)),
    leader_store(spawn_address<store_actor>(sys)),
    http_client(spawn_address<http_client_actor>(sys)),
    provider_gateway(spawn_address<provider_desk_actor>(sys)),
    sse_broadcaster(spawn_address<sse_broadcaster_actor>(sys)),
    queue_scheduler(spawn_address<queue_scheduler_actor>(sys)),
    job_poller(spawn_address<job_poller_actor>(sys)),
    approval_expirer(spawn_address<approval_expirer_actor>(sys)),
    http_gateway(spawn_address<http_gateway_actor>(sys)),
    supervisor(spawn_address<supervisor_actor>(sys)) {
}

std::vector<worker> make_workers(caf::actor_system& sys,
                                 const config::settings& settings,
                                 const resources& shared, const addresses& at) {
  const auto as_actor
    = [](const auto& handle) { return caf::actor_cast<caf::actor>(handle); };
  const store_settings for_store{.db = shared.database,
                                 .limits = shared.settings.limits,
                                 .world = shared.world,
                                 .approvals = shared.settings.approvals,
                                 .retention = settings.retention_section};
  const provider_gateway_settings for_providers{
    .replicate = settings.replicate_section,
    .simpletuner_io = settings.simpletuner_io_section,
    .outbound = settings.outbound_section,
    .secrets = source_of(settings, shared.secrets),
    .world = shared.world,
    .counts = shared.counts,
    .network = shared.settings.network,
    .webhook_tolerance = settings.replicate_section.webhook_tolerance,
    .keeps_base_url = shared.is_simulated};
  const auto call_timeout
    = beyond(provider_call_max(settings.outbound_section));
  const queue_scheduler_settings for_scheduler{
    .queue = settings.queue_section,
    .visibility_windows
    = {{"replicate", settings.replicate_section.visibility_window},
       {"simpletuner_io", settings.simpletuner_io_section.visibility_window}},
    .submit_timeout = beyond(submission_max(settings.outbound_section)),
    .call_timeout = call_timeout,
    .process_started = shared.started_at,
    .world = shared.world,
    .counts = shared.counts};
  job_poller_settings for_poller{
    .polling = shared.settings.polling,
    .providers
    = {{.name = "replicate",
        .has_webhook_url = !settings.replicate_section.webhook_url.empty(),
        .max_in_flight = settings.replicate_section.max_in_flight}},
    .provider_timeout = call_timeout,
    .out = shared.world,
    .counts = shared.counts};
  if (const auto& x = settings.simpletuner_io_section; !x.refresh_token.empty())
    for_poller.providers.push_back({.name = "simpletuner_io",
                                    .max_in_flight = x.max_in_flight,
                                    .has_list = false, // no cursor, no order
                                    .sends_webhooks = false});

  const http_gateway_settings for_gateway{.http = settings.http_section,
                                          .auth = shared.settings.auth,
                                          .queue = settings.queue_section,
                                          .world = shared.world,
                                          .counts = shared.counts,
                                          .started_at = shared.started_at,
                                          .call_timeout = call_timeout};
  const sse_settings for_streams{
    .sse = settings.sse_section, .env = shared.world, .counts = shared.counts};
  const approval_expirer_settings for_expirer{.approvals
                                              = shared.settings.approvals,
                                              .out = shared.world,
                                              .counts = shared.counts};
  const log_reader_settings for_log_reader{
    .file = [] { return current_log_settings().file; }};
  const std::vector<event_listener_actor> listeners{
    caf::actor_cast<event_listener_actor>(at.sse_broadcaster),
    caf::actor_cast<event_listener_actor>(at.queue_scheduler),
    caf::actor_cast<event_listener_actor>(at.approval_expirer)};

  // What only the leader does goes through the store that knows the lease.
  const auto shares = shared.cluster.has_value();
  const auto& leaders = shares ? at.leader_store : at.store;
  const std::string leaders_name = shares ? "leader_store" : "store";

  // Detached: whoever waits for the disk.
  std::vector<worker> result{
    {.name = "log_sink",
     .start
     = [=, &sys] { return as_actor(sys.spawn<caf::detached>(log_sink)); },
     .address = as_actor(at.log_sink),
     .essential = false,
     .on_given_up = shared.on_log_sink_given_up},
    {.name = "log_reader",
     .start =
       [=, &sys] {
         return as_actor(sys.spawn<caf::detached>(log_reader, for_log_reader));
       },
     .address = as_actor(at.log_reader),
     .essential = false},
    {.name = "store_reader",
     .start =
       [=, &sys] {
         return as_actor(sys.spawn<caf::detached>(store_reader, for_store));
       },
     .address = as_actor(at.store_reader)},
    {.name = "store",
     .start =
       [=, &sys] {
         return as_actor(sys.spawn<caf::detached>(store, for_store,
                                                  at.store_reader, listeners));
       },
     .address = as_actor(at.store)},
    {.name = "http_client",
     .start
     = [=, &sys] { return as_actor(sys.spawn(http_client, shared.outbound)); },
     .address = as_actor(at.http_client)},
    {.name = "provider_gateway",
     .start =
       [=, &sys] {
         return as_actor(
           sys.spawn(provider_gateway, for_providers, at.http_client,
                     caf::actor_cast<settings_store_actor>(at.store)));
       },
     .address = as_actor(at.provider_gateway)},
    {.name = "sse_broadcaster",
     .start =
       [=, &sys] {
         return as_actor(sys.spawn(sse_broadcaster, for_streams,
                                   caf::actor_cast<event_log_actor>(at.store),
                                   shared.streams));
       },
     .address = as_actor(at.sse_broadcaster)},
    {.name = "queue_scheduler",
     .start =
       [=, &sys] {
         return as_actor(sys.spawn(queue_scheduler, for_scheduler, leaders,
                                   at.provider_gateway));
       },
     .address = as_actor(at.queue_scheduler),
     .restarts_with = {leaders_name},
     .leader_only = true},
    {.name = "job_poller",
     .start =
       [=, &sys] {
         return as_actor(sys.spawn(
           job_poller, for_poller, caf::actor_cast<job_store_actor>(leaders),
           caf::actor_cast<settings_store_actor>(at.store),
           at.provider_gateway));
       },
     .address = as_actor(at.job_poller),
     .may_be_stopped = true,
     .leader_only = true},
    {.name = "approval_expirer",
     .start =
       [=, &sys] {
         return as_actor(
           sys.spawn(approval_expirer, for_expirer,
                     caf::actor_cast<approval_store_actor>(leaders)));
       },
     .address = as_actor(at.approval_expirer),
     .leader_only = true},
    {.name = "http_gateway",
     .start =
       [=, &sys] {
         return as_actor(sys.spawn(
           http_gateway, for_gateway, shared.calls, at.store,
           at.queue_scheduler, at.provider_gateway, at.job_poller,
           at.approval_expirer, at.sse_broadcaster, at.log_sink, at.log_reader,
           caf::actor_cast<caf::weak_actor_ptr>(at.supervisor)));
       },
     .address = as_actor(at.http_gateway)},
  };
  if (shares)
    add_cluster(result, sys, for_store, *shared.cluster, listeners, at);
  return result;
}

} // namespace tunerd
