#pragma once

#include "messages/cluster.hpp"

#include <cstdint>
#include <optional>
#include <string>

// The problem: one node acts for all of them, and never two at once, although
// nodes crash, freeze for minutes and have wrong clocks, and answers of the
// store come late or never.
//
// The obstacles: a frozen node does not know that it was frozen, and a clock of
// the wall jumps. So no two clocks are ever compared. Each node has one that
// only moves forward, counts the time it was suspended (CLOCK_BOOTTIME), and
// runs about as fast as those of the others.
//
// The idea: the lease is a row with a counter that each renewal raises.
//
//   * Its holder trusts it for less than its length, from when it *asked* for
//     the renewal, before the counter can have risen.
//   * Another node takes it only from a row that has stood still for the whole
//     length, from when it *learnt* of it, after the counter has risen; and
//     only if it still stands so (the store compares).
//
// So whatever was late, the trust is over before somebody takes the lease. Each
// taking raises the epoch. A transaction of the holder locks the row at its
// epoch first, so what was decided under an older one changes nothing.

namespace tunerd {

/// How long a lease holds: the same on all nodes.
struct lease_rules {
  caf::timespan length = std::chrono::seconds{3};

  /// From the asking on. The rest is for clocks that run a little slower.
  caf::timespan trusted() const {
    return length / 6 * 5;
  }

  /// Between two renewals.
  caf::timespan renewed_every() const {
    return length / 3;
  }

  /// Between two looks, and after a question that failed.
  caf::timespan looked_every() const {
    return length / 6;
  }
};

/// What one node knows of the lease, and what follows. All times are of its
/// own clock (see above). One question is under way at a time.
class lease {
public:
  /// @param me Names this run of this node; nobody else ever has it.
  lease(std::string me, lease_rules rules);

  /// @returns whether this node may act now.
  bool holds(caf::timespan now) const {
    return leading_ && now < trusted_until_;
  }

  /// @returns the epoch at which it acts, or acted last.
  int64_t epoch() const noexcept {
    return epoch_;
  }

  /// @returns when it stops to hold unless it is renewed.
  caf::timespan trusted_until() const noexcept {
    return trusted_until_;
  }

  /// @returns what the store said last; none before.
  const std::optional<lease_row>& seen() const noexcept {
    return seen_;
  }

  /// @returns when to call `next`: something is to be asked, or the trust is
  /// over. None while only an answer is awaited.
  std::optional<caf::timespan> due() const;

  /// @returns what to ask the store now; none if nothing is due.
  std::optional<lease_wish> next(caf::timespan now);

  /// Asks for the end of this node's lease, whatever else is under way: what is
  /// answered to that no longer counts. @returns whether it has one to end.
  bool give_back();

  /// The store has answered: this is the row now, and what was wished for was
  /// done.
  void answered(caf::timespan now, const lease_row& row, bool done);

  /// The store has not answered, or with an error. It may have done it.
  void failed(caf::timespan now);

  /// The store has refused a transaction at `epoch`.
  void refused(int64_t epoch);

private:
  bool may_take(caf::timespan now) const;
  void learn(caf::timespan now, const lease_row& row);
  /// Waits before the next question.
  void pause(caf::timespan now);

  std::string me_;
  lease_rules rules_;
  std::optional<lease_row> seen_ = {};
  /// When `seen_` was learnt first.
  caf::timespan seen_since_ = {};
  bool leading_ = false;
  int64_t epoch_ = 0;
  caf::timespan trusted_until_ = {};
  std::optional<lease_wish> asked_ = {};
  caf::timespan asked_at_ = {};
  caf::timespan due_ = {};
  bool given_back_ = false;
};

} // namespace tunerd
