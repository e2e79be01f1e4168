#pragma once

#include "actors/job_poller/poll_lane.hpp"

#include "actors/support/actor.hpp"
#include "actors/support/clocks.hpp"
#include "actors/support/live.hpp"
#include "actors/support/metrics.hpp"
#include "config/polling.hpp"
#include "messages/interfaces.hpp"

#include <caf/actor_clock.hpp>
#include <caf/typed_response_promise.hpp>

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
/// only knows who is being asked, and who waits for that.
struct job_poller_state {
  static inline constexpr const char* name = "job-poller";

  using time_point = caf::actor_clock::time_point;

  /// A round under way: of those whose turn has come, or for one `poll_jobs`.
  struct round {
    context ctx;
    /// Jobs in it that are not done; reading them from the store is one more.
    size_t open = 0;
    size_t synced = 0;
    /// Who waits for it, and until when; none for a turn.
    std::optional<caf::typed_response_promise<jobs_polled>> asker = {};
    time_point until = {};
  };

  /// Who waits for a decision.
  struct status_asker {
    context ctx;
    caf::typed_response_promise<polling_status> promise;
  };

  /// Generations of the timers that look after the commands and the lanes; the
  /// rounds' are larger.
  static constexpr uint64_t command_tick = 0;
  static constexpr uint64_t lane_tick = 1;

  // -- data (self first, or CAF initialises another member with it) -----------

  pointer<job_poller_actor, job_poller_state> self;
  job_poller_settings settings;
  job_store_actor store;
  settings_store_actor stored;
  provider_gateway_actor gateway;
  /// One per configured provider.
  std::map<std::string, poll_lane> lanes = {};
  /// When a lane has something to do next; none if no timer is set for it.
  std::optional<time_point> lanes_due = {};

  /// What the store said last of the settings.
  stored_polling known = {};
  /// Whether it did not answer when it was asked last.
  bool unread = false;
  /// Whether it is being asked.
  bool reading = false;
  polling_decision decision = {};
  /// Whether `decision` was ever made.
  bool decided = false;
  /// Answered when the store has been read; at most `askers_max`.
  std::vector<status_asker> served = {};
  /// Came meanwhile and want it read again; at most `askers_max`.
  std::vector<status_asker> waiting = {};

  polling_ledger ledger = {};

  /// By number. An entry leaves when its last job is done, or its time is up;
  /// at most one per job in the lanes and `commands_max` for commands.
  std::map<uint64_t, round> rounds = {};
  uint64_t last_round = 0;
  /// Job id to a round for a command that found it in its lane already. An
  /// entry leaves with the job or the round; at most 500 per command.
  std::multimap<std::string, uint64_t> joined = {};
  /// Whether a timer looks after the commands.
  bool minding = false;

  /// Providers without configuration that the last round came across.
  std::set<std::string> strangers = {};
  /// Providers that answer nobody's polls: said once. An entry leaves when one
  /// of its polls succeeds; at most one per provider.
  std::set<std::string> failing = {};
  /// Providers whose jobs could not all be asked within the interval: said
  /// once. An entry leaves with the first round that finds none left over; at
  /// most one per provider.
  std::set<std::string> late = {};

  /// Whether the store is being asked for the active jobs.
  bool listing = false;
  /// Whether its next answer starts a round for all, and since when it is due.
  bool full = false;
  time_point full_since = {};
  /// Rounds for all since polling was started.
  uint32_t full_rounds = 0;

  /// When the next round starts, and when silence is looked for next.
  time_point next_round = {};
  time_point next_check = {};
  /// Of the timer of the rounds.
  uint64_t generation = lane_tick;

  // -- handlers, in the order of the interface --------------------------------

  caf::result<polling_status> refresh(const refresh_polling& command);
  caf::result<polling_status> status(const get_polling_status& query);
  caf::result<jobs_polled> poll_now(const poll_jobs& command);
  void on_tick(const tick& t);

  /// Leaves nobody waiting and ends this actor with `why`.
  void stop(caf::error why);

  // -- steps of a decision ----------------------------------------------------

  void read_settings(const context& ctx);
  void read_providers(const context& ctx, const settings_found& found);
  void settings_unread(const caf::error& err);
  /// Decides by what is known. Starts anew if somebody wants that or it makes
  /// a difference.
  void decide();
  /// Says what was decided, polls at once and sets the timer.
  void start();
  void say_decision() const;
  polling_status report(const context& ctx) const;
  /// @returns whether anybody is ever asked unless commanded.
  bool polls() const;
  void arm();

  // -- steps of a round (poll_round.cpp) --------------------------------------

  void poll(bool for_all);
  void begin_round(const context& ctx, const std::vector<job>& active);
  void meet_strangers(const std::vector<job>& active);
  void drop_finished(const std::vector<job>& active);
  void say_who_is_late();
  /// Lets the lanes have those jobs whose turn it is.
  void begin_turns(uint64_t number, const std::vector<const job*>& chosen,
                   caf::timespan window);
  bool can_ask(const job& x) const;
  /// Takes `x` out of every round that it is in.
  void leave_rounds(const due_job& x, bool synced);
  void leave_rounds(const std::vector<due_job>& xs);
  void leave_round(uint64_t number, bool synced);
  void close(std::map<uint64_t, round>::iterator i);

  // -- questions and answers (poll_calls.cpp) ---------------------------------

  /// Asks whatever is due now, and sets the timer for what is due later.
  void ask_due();
  /// The same, since a timer says so.
  void mind_lanes();
  void ask_about(const due_job& x);
  void ask_for(const list_provider_jobs& page);
  void apply_page(const std::string& provider, const provider_job_page& page);
  void give_up_page(const std::string& provider, const caf::error& err);
  void answered(const due_job& x, const provider_job& seen);
  /// Tells the store, unless it knows: what showed no change since the store
  /// was told costs it nothing. @returns whether that was so; then the job's
  /// turn is over.
  bool apply(const due_job& x, const provider_job& seen);
  void give_up(const due_job& x, const caf::error& err);
  void miss(const due_job& x);
  void say_failing(const std::string& provider, const caf::error& err);
  /// Its turn is over.
  void conclude(const due_job& x, bool synced);
  /// The same, and asks whoever is next.
  void finished(const due_job& x, bool synced);

  // -- steps of a command (poll_command.cpp) ----------------------------------

  void hurry(uint64_t number, const std::set<std::string>& wanted,
             const std::vector<job>& active);
  void refuse(uint64_t number, const caf::error& err);
  /// Answers the commands whose time is up and sets the timer for the rest.
  void mind_commands();
};

/// Spawn function of the JOB POLLER. Every `settings.polling.interval`, first
/// at once, it asks the providers about all active jobs and tells the store
/// what they say: how and when within the interval is up to the `poll_lane`.
/// A failure of one job is a DEBUG line and its next turn comes with the next
/// round; nothing is retried in between, unless the provider asks us to wait.
/// @param store Lists the active jobs and applies what was seen.
/// @param stored Knows `cloud_job_polling_enabled` and the webhook URLs that
/// were set over the API; read at start and by `refresh_polling`, and each
/// round while it does not answer. Empty: nothing is stored.
/// @param gateway Asked about each job.
job_poller_actor::behavior_type
job_poller(pointer<job_poller_actor, job_poller_state> self,
           job_poller_settings settings, job_store_actor store,
           settings_store_actor stored, provider_gateway_actor gateway);

} // namespace tunerd
