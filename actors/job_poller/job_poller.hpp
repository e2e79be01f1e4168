#pragma once

#include "actors/job_poller/poll_queue.hpp"

#include "actors/support/actor.hpp"
#include "actors/support/clocks.hpp"
#include "actors/support/live.hpp"
#include "actors/support/metrics.hpp"
#include "config/polling.hpp"
#include "messages/interfaces.hpp"

#include <caf/actor_clock.hpp>

namespace tunerd {

/// What the poller needs to know.
struct job_poller_settings {
  live<config::polling> polling = {};

  /// All that are configured.
  std::vector<polled_provider> providers = {};

  /// How long the store may take to answer.
  caf::timespan store_timeout = std::chrono::seconds{10};

  /// How long the gateway may take to answer; longer than its own time-out, or
  /// calls that are under way already are made again.
  caf::timespan provider_timeout = std::chrono::seconds{40};

  outside out;
  metrics_ptr counts = std::make_shared<metrics>();
};

/// State of the JOB POLLER: owns nothing that is not read anew each round; it
/// only knows who is being asked.
struct job_poller_state {
  static inline constexpr const char* name = "job-poller";

  using time_point = caf::actor_clock::time_point;

  /// A round under way.
  struct round {
    context ctx;
    /// Jobs whose turn came in it and that are not done.
    size_t open = 0;
    size_t synced = 0;
  };

  // -- data (self first, or CAF initialises another member with it) -----------

  pointer<job_poller_actor, job_poller_state> self;
  job_poller_settings settings;
  job_store_actor store;
  settings_store_actor stored;
  provider_gateway_actor gateway;
  poll_queue queue = poll_queue{};
  polling_decision decision = {};
  polling_ledger ledger = {};

  /// By number. An entry leaves when its last job is done; at most one per job
  /// in the queue.
  std::map<uint64_t, round> rounds = {};
  uint64_t last_round = 0;

  /// Providers without configuration that the last round came across.
  std::set<std::string> strangers = {};

  /// Whether the store is being asked for the active jobs.
  bool listing = false;
  /// Whether its next answer starts a round for all.
  bool full = false;

  /// When the next round starts, and when silence is looked for next.
  time_point next_round = {};
  time_point next_check = {};
  uint64_t generation = 0;

  // -- handlers, in the order of the interface --------------------------------

  polling_status refresh(const refresh_polling& command);
  polling_status report(const context& ctx) const;
  caf::result<jobs_polled> poll_now(const poll_jobs& command);
  void on_tick(const tick& t);

  // -- steps of a start -------------------------------------------------------

  /// Decides, says so, polls at once and sets the timer.
  void start();
  void say_decision() const;
  void arm();

  // -- steps of a round -------------------------------------------------------

  void poll(bool for_all);
  void begin_round(const context& ctx, const std::vector<job>& active);
  void meet_strangers(const std::vector<job>& active);
  void drop_finished(const std::vector<job>& active);
  void ask_next(const std::string& provider);
  void apply(const due_job& x, const provider_job& seen);
  void give_up(const due_job& x, const caf::error& err);
  void finished(const due_job& x, bool synced);
  void leave_round(const due_job& x, bool synced);
};

/// Spawn function of the JOB POLLER. Every `settings.polling.interval`, first
/// at once, it asks the providers about all active jobs and tells the store
/// what they say. A failure of one job is a DEBUG line and its next turn comes
/// with the next round; nothing is retried in between.
/// @param store Lists the active jobs and applies what was seen.
/// @param stored Knows `cloud_job_polling_enabled` and the webhook URLs that
/// were set over the API; read at start and by `refresh_polling`.
/// @param gateway Asked about each job.
job_poller_actor::behavior_type
job_poller(pointer<job_poller_actor, job_poller_state> self,
           job_poller_settings settings, job_store_actor store,
           settings_store_actor stored,
           provider_gateway_actor gateway);

} // namespace tunerd
