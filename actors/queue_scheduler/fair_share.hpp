#pragma once

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

// Who takes the next turn. Deficit round robin where each job costs one slot
// and each weight is 1: no deficit is ever left over, so what remains is whom
// it served last. Pure.

namespace tunerd {

/// The turns of one party (an org, a team or a user of a team), by effective
/// priority. The party with the lower number goes first; a turn takes it to
/// the end, a new party begins there. So between two turns of a party each
/// other of its kind has at most one, and who cannot run is passed over at no
/// cost to anyone.
class turns {
public:
  explicit turns(int64_t born = 0) : born_(born) {
  }

  /// @returns the number at this priority: of its last turn, or its first.
  int64_t at(int32_t priority) const {
    if (last_.first == priority)
      return last_.second;
    for (const auto& [level, number] : earlier_)
      if (level == priority)
        return number;
    return born_;
  }

  void take(int32_t priority, int64_t number) {
    if (last_.first != priority) {
      if (last_.first != none)
        earlier_.push_back(last_);
      std::erase_if(earlier_,
                    [&](const auto& x) { return x.first == priority; });
    }
    last_ = {priority, number};
  }

private:
  static constexpr auto none = std::numeric_limits<int32_t>::min();

  int64_t born_;
  /// The last turn, with its priority; it is the one asked for most.
  std::pair<int32_t, int64_t> last_ = {none, 0};
  /// The last turns at the other priorities.
  std::vector<std::pair<int32_t, int64_t>> earlier_;
};

/// Parties of one kind that wait at one priority.
struct contender {
  /// Jobs.
  int64_t count = 0;
  /// See `turns::at`.
  int64_t turn = 0;
};

/// @returns which turn of all in `parties` is the `nth` one (1 = next) of that
/// whose number is `own`. The closed form of running the rotation: each other
/// party has a turn before each of ours, the last one only if it stands before
/// us, and no more than it has jobs.
int64_t turn_among(const std::vector<contender>& parties, int64_t own,
                   int64_t nth);

} // namespace tunerd
