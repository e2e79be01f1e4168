#pragma once

#include "actors/approval_expirer/sweep_schedule.hpp"

#include "actors/support/actor.hpp"
#include "actors/support/clocks.hpp"
#include "actors/support/live.hpp"
#include "actors/support/metrics.hpp"
#include "config/approvals.hpp"
#include "messages/interfaces.hpp"

#include <caf/actor_clock.hpp>
#include <caf/typed_response_promise.hpp>

#include <optional>
#include <vector>

namespace tunerd {

/// What the expirer needs to know.
struct approval_expirer_settings {
  /// Read anew by every sweep.
  live<config::approvals> approvals = {};

  /// How long the store may take to answer one batch.
  caf::timespan store_timeout = std::chrono::seconds{10};

  outside out;
  metrics_ptr counts = std::make_shared<metrics>();
};

/// State of the APPROVAL EXPIRER: knows no request and no deadline, only when
/// to ask the store. At most one sweep is under way.
struct approval_expirer_state {
  static inline constexpr const char* name = "approval-expirer";

  using time_point = caf::actor_clock::time_point;

  /// Somebody who waits for a sweep.
  struct caller_waiting {
    context ctx;
    caf::typed_response_promise<approvals_swept> promise;
  };

  /// Batches until nothing is due, and their sums.
  struct sweep {
    context ctx;
    /// Whom it is for.
    std::vector<caller_waiting> callers = {};
    approvals_swept sums = {};
  };

  // -- data (self first, or CAF initialises another member with it) -----------

  pointer<approval_expirer_actor, approval_expirer_state> self;
  approval_expirer_settings settings;
  approval_store_actor store;
  sweep_schedule schedule = sweep_schedule{};
  std::optional<sweep> current = {};
  /// Who came during a sweep and gets one of its own: that one may have passed
  /// what they mean. Leaves with the next sweep; at most `callers_max`.
  std::vector<caller_waiting> waiting = {};
  /// When the timer fires that counts; older ones are ignored.
  std::optional<time_point> armed = {};
  uint64_t generation = 0;

  // -- handlers, in the order of the interface --------------------------------

  void hear(const events_appended& hint);
  caf::result<approvals_swept> expire(const expire_approvals& command);
  void on_tick(const tick& t);

  /// Leaves nobody waiting and ends this actor with `why`.
  void stop(caf::error why);

  // -- steps of a sweep -------------------------------------------------------

  void start();
  void begin_sweep();
  void next_batch();
  void add(const approvals_swept& batch);
  void finish(const caf::optional<caf::timespan>& next_due);
  void fail(const caf::error& err);
  /// Logs what the sweep did, if anything.
  void say_sums() const;
  /// Begins a sweep if somebody waits for one, else sets the timer.
  void go_on();
  void arm();
};

/// Spawn function of the APPROVAL EXPIRER. Sweeps at once, because deadlines
/// may have passed while nobody looked, then at every deadline, soon after
/// every hint, every `settings.approvals.interval`, and at least every
/// `reread_max`. Each sweep takes batch after batch until nothing is due. If
/// the store fails it tries again with backoff, for ever.
/// @param store Expires and warns; its clock judges.
approval_expirer_actor::behavior_type
approval_expirer(pointer<approval_expirer_actor, approval_expirer_state> self,
                 approval_expirer_settings settings,
                 approval_store_actor store);

} // namespace tunerd
