#pragma once

#include "actors/cluster/cluster.hpp"
#include "actors/http_gateway/call_gate.hpp"
#include "actors/provider_gateway/curl_thread.hpp"
#include "actors/sse_broadcaster/sse_fanout.hpp"
#include "actors/store/database.hpp"
#include "actors/supervisor/supervisor.hpp"
#include "actors/support/live.hpp"
#include "actors/support/metrics.hpp"
#include "config/settings.hpp"

#include <memory>
#include <optional>
#include <vector>

// The composition root: which workers there are, in which order they start,
// what each is given and which have a thread of their own. The list in
// workers.cpp is the architecture.

namespace tunerd {

/// The settings that can change while the daemon runs.
struct live_settings {
  live<config::auth> auth;
  live<config::approvals> approvals;
  live<config::polling> polling;
  /// Set by the provider gateway too, from what the API sets.
  live<config::outbound> network;
  live<queue_limits> limits;

  /// Takes them over from `settings`. Any thread.
  void set(const config::settings& settings) const;
};

/// What outlives the incarnations of the workers that use it.
struct resources {
  std::shared_ptr<sql::database> database;
  std::shared_ptr<curl_thread> outbound;
  std::shared_ptr<sse_fanout> streams;
  std::shared_ptr<call_gate> calls;
  std::shared_ptr<const config::secrets> secrets;
  live_settings settings;
  metrics_ptr counts;
  /// The provider is the simulator.
  bool is_simulated = false;
  /// None: nobody shares the database, so this node leads for ever.
  std::optional<cluster_settings> cluster = {};
  outside world;
  timestamp started_at;
  /// Writes the log when its sink cannot be kept alive.
  std::function<void()> on_log_sink_given_up;
};

/// Where each worker is reached, whichever incarnation of it lives.
struct addresses {
  explicit addresses(caf::actor_system& sys);

  log_sink_actor log_sink;
  log_reader_actor log_reader;
  store_reader_actor store_reader;
  store_actor store;
  lease_store_actor lease_store;
  cluster_actor cluster;
  /// The store behind the lease; nobody there if this node leads for ever.
  store_actor leader_store;
  http_client_actor http_client;
  provider_desk_actor provider_gateway;
  sse_broadcaster_actor sse_broadcaster;
  queue_scheduler_actor queue_scheduler;
  job_poller_actor job_poller;
  approval_expirer_actor approval_expirer;
  http_gateway_actor http_gateway;
  supervisor_actor supervisor;
};

/// @returns the workers in start order.
/// @param sys Outlives the workers.
std::vector<worker> make_workers(caf::actor_system& sys,
                                 const config::settings& settings,
                                 const resources& shared, const addresses& at);

} // namespace tunerd
