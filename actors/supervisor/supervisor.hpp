#pragma once

#include "actors/supervisor/restart_policy.hpp"

#include "actors/support/actor.hpp"
#include "actors/support/clocks.hpp"
#include "actors/support/metrics.hpp"
#include "messages/cluster_interfaces.hpp"

#include <caf/actor_clock.hpp>
#include <caf/typed_response_promise.hpp>

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

// The supervisor works towards a wish instead of through a script: a crash, an
// answer to an exit or a timer only changes what is wished or known, and `step`
// does what comes next. So any order of crashes and stops has one answer:
//
//   ending   one worker at a time, the last in start order first; the next one
//            is asked after its DOWN (or after it was given up)
//   starting in start order, once nothing is left to end, the backoff is over
//            and everything the worker restarts with is alive
//
// What people want of a worker is part of the wish, too (`wanted`); who said so
// is answered when the wish has come true.
//
// Beside that it measures how long messages wait in the mailbox of each worker:
// whoever hangs is not down, and seen by nothing else.

namespace tunerd {

/// One worker of the daemon and how to start it.
struct worker {
  std::string name;

  /// Spawns an incarnation. Called on the supervisor's thread at start-up and
  /// after every crash; must not block. Throwing counts as a crash.
  std::function<caf::actor()> start;

  /// Its stable address, told every incarnation; empty if it has none.
  caf::actor address = {};

  /// Earlier workers whose restart also restarts this one, because it caches
  /// what they hold.
  std::vector<std::string> restarts_with = {};

  /// Whether the daemon ends when it crashes too often. If not, it stays down
  /// until the daemon is started again.
  bool essential = true;

  /// Whether people may stop and start it. Stopped, its address answers
  /// `worker_restarting` and those that restart with it live on without it.
  bool may_be_stopped = false;

  /// Whether it runs only while this node leads. Otherwise its address answers
  /// with the stand-in.
  bool leader_only = false;

  /// Called once when it has crashed too often and is not essential, e.g. to
  /// send the log to stderr from now on. May be empty. Must not throw.
  std::function<void()> on_given_up = {};
};

/// How the supervisor treats its workers.
struct supervisor_settings {
  restart_policy policy = {};

  /// Time to end for all workers together, when the daemon stops as when some
  /// are restarted. Each is asked, may take half of what is left, is killed,
  /// may take half of the rest to obey, and is then named and given up.
  std::chrono::milliseconds grace{10'000};

  /// Time between two looks at the mailboxes.
  std::chrono::milliseconds probe_interval{5'000};

  outside out;
  metrics_ptr counts = std::make_shared<metrics>();

  /// Whether this node leads for ever, since it is alone. If not, it waits to
  /// be told.
  bool leads = true;
};

/// The SUPERVISOR with what the CLUSTER tells it.
using supervisor_worker = supervisor_actor::extend_with<role_listener_actor>;

/// State of the SUPERVISOR: what it knows of each worker, and the wish.
struct supervisor_state {
  static inline constexpr const char* name = "supervisor";

  using time_point = caf::actor_clock::time_point;

  /// The question that waits in the mailbox of a worker; at most one that is
  /// waited for.
  struct mailbox_probe {
    /// Since when an answer is due. None: there is no question.
    std::optional<time_point> since = {};
    /// How long the last answer took.
    caf::timespan waited{0};
    /// How long this one may take before it is asked again.
    caf::timespan patience{0};
    /// Of the last question; answers to earlier ones are ignored.
    uint64_t number = 0;
  };

  /// One worker and its life so far.
  struct supervised {
    worker what;
    worker_state status;
    /// Of what happened to it last: start, crash or stop.
    context ctx = {};
    /// Empty while there is no incarnation.
    caf::actor handle = {};
    /// Whether it was ever up.
    bool ran = false;
    /// Alive, and must be replaced because of a worker it restarts with.
    bool replace = false;
    /// Crashed too often; stays down.
    bool given_up = false;
    /// False while people want it to be down.
    bool wanted = true;
    /// People stopped it: its next start is no restart.
    bool excused = false;
    /// Not started before.
    time_point due = {};
    /// Oldest first. An entry leaves when it is older than the window; at most
    /// `restarts_max` + 1.
    std::deque<time_point> crashes = {};
    mailbox_probe probe = {};
  };

  /// The one worker that was asked to end.
  struct leaving_worker {
    size_t index;
    time_point until;
    bool killed = false;
  };

  /// What somebody wants of a worker and waits for.
  struct order {
    context ctx;
    size_t index;
    worker_action action;
    /// When it is answered with an error.
    time_point until;
    caf::typed_response_promise<worker_list> promise;
  };

  // -- data (self first, or CAF initialises another member with it) -----------

  pointer<supervisor_worker, supervisor_state> self;
  supervisor_settings settings;
  event_log_actor events;
  bool leads = true;
  /// At which it leads; 0 if it leads for ever.
  int64_t epoch = 0;
  /// Of the workers that only the leader has; empty while it leads.
  caf::actor stand_in = {};
  /// Of the daemon's start, then of its stop.
  context ctx = {};
  /// In start order.
  std::vector<supervised> workers = {};
  std::optional<leaving_worker> leaving = {};
  /// When everything that is to end now must have ended.
  time_point deadline = {};
  bool stopping = false;
  /// Not yet true; at most `orders_max`.
  std::vector<order> orders = {};
  /// With what the supervisor quits.
  caf::error reason = {};
  /// Names of those that did not even obey `kill`. At most one per worker.
  std::vector<std::string> stuck = {};
  /// When the timer fires that counts; older ones are ignored.
  std::optional<time_point> armed = {};
  uint64_t generation = 0;
  /// When the mailboxes are looked at next.
  time_point probes_due = {};

  // -- handlers, in the order of the interface --------------------------------

  worker_list report(const context& query) const;

  caf::result<worker_list> control(const control_worker& command);

  void on_tick(const tick& t);

  void change_role(const role_changed& x);

  void on_down(const caf::down_msg& down);

  /// Ends all workers, then this actor, with `why`. Nobody is left waiting.
  /// Idempotent: the first
  /// reason counts.
  void stop(caf::error why);

  // -- towards the wish -------------------------------------------------------

  void step();
  void start_due();
  bool may_start(const supervised& x) const;
  /// @returns whether people and the role of this node want `x` to run.
  bool is_wanted(const supervised& x) const;
  /// @returns whether `x` lives and was not asked to end.
  bool is_up(const supervised& x) const;
  bool start(supervised& x);
  std::optional<size_t> last_to_end() const;
  void end(size_t index);
  void patience_over();
  void finish();
  /// Sets the timer for whatever is due first.
  void arm();

  // -- what changes the wish --------------------------------------------------

  void crashed(supervised& x, std::string text);
  /// @returns whether `x` may be restarted; if not, says and does what follows.
  bool forgivable(supervised& x);
  void restart_with(const supervised& origin);
  /// Lets `x`, which only a leader has, begin anew or end.
  void follow_role(supervised& x);
  /// Lets what is to end now take its time.
  void grant_grace();
  void ended(supervised& x);

  // -- what people want (orders.cpp) ------------------------------------------

  /// @returns why `command` cannot be obeyed; none if it can.
  caf::error objection(const control_worker& command,
                       const supervised* x) const;
  void want(supervised& x, worker_action action);
  bool is_so(const order& x) const;
  /// @returns why `x` will not come true; none if it still may.
  caf::error hopeless(const order& x) const;
  /// Answers those that have come true, and those that will not.
  void answer_orders();

  // -- how long messages wait (mailbox_probes.cpp) ----------------------------

  /// Asks every worker that is up and was not asked already, if it is time.
  void probe_mailboxes();
  void probe(supervised& x, caf::timespan patience);
  void probe_answered(size_t index, uint64_t number);
  void probe_failed(size_t index, uint64_t number, const caf::error& err);
  /// There is no mailbox any more.
  static void forget_probe(supervised& x);
  caf::timespan mailbox_age(const supervised& x) const;

  // -- what others are told ---------------------------------------------------

  void tell_address(const supervised& x);
  /// @returns who answers for `x` while it does not run; empty for nobody.
  caf::actor stand_in_of(const supervised& x) const;
  /// Appends the state of `x` to the event log; a failure is only logged.
  void announce(const supervised& x);

  supervised* find(const std::string& worker_name);
};

/// Spawn function of the SUPERVISOR. Starts `workers` in order and restarts
/// alone each one that ends unasked, with backoff, telling its address every
/// incarnation.
///
/// An exit message stops the workers in reverse order, then the supervisor
/// quits with the reason of that message, or, if a worker did not end, with an
/// error that names it; either at the latest `settings.grace` after. It quits
/// with an error by itself when an essential worker crashes too often.
/// @param events Gets a `worker_status` event for each change; may be empty.
/// @throws std::invalid_argument if a worker restarts with one that is not
/// listed before it.
supervisor_worker::behavior_type
supervisor(pointer<supervisor_worker, supervisor_state> self,
           std::vector<worker> workers, supervisor_settings settings,
           event_log_actor events);

} // namespace tunerd
