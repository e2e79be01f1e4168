#pragma once

#include "messages/dispatch.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

// What becomes of an attempt of which nobody knows whether the provider has it
// (DESIGN 5.4). Pure.
//
// Problem: providers offer no idempotency key, so submitting again may pay
// twice, and not submitting again may lose the job. The only evidence is the
// provider's list, which shows a job late and loses its input after a while.

namespace tunerd {

/// An attempt in doubt, or one that is watched: it seemed not to be there.
struct doubt {
  open_attempt attempt;
  /// The request reached the provider before this time or never.
  timestamp settled = {};
};

enum class verdict : uint8_t {
  /// Nothing can be said yet; look at a later listing.
  wait,
  /// It is at the provider: `finding::seen`.
  adopt,
  /// It surely is not at the provider.
  resubmit,
  /// No later listing will show more than this one: a person must decide.
  unresolved,
};

/// What a listing says about one attempt.
struct finding {
  doubt subject;
  verdict decision = verdict::wait;
  /// Set only for `adopt`.
  provider_job seen = {};
};

/// What else is known when a listing is judged.
struct evidence {
  /// How long after its arrival a job may still be missing in a listing.
  caf::timespan visibility_window = std::chrono::seconds{30};
  /// External ids that belong to other attempts.
  std::set<std::string> adopted = {};
  /// Attempts with external ids that the store refused them: another's.
  std::set<std::pair<int64_t, std::string>> refused = {};
  /// Fingerprints of attempts that are under way or being written down now: a
  /// job that looks like one of them may be theirs.
  std::set<std::string> under_way = {};
  /// Requests to this provider are under way: a job that does not show whose
  /// it is may be one of theirs.
  bool has_strangers = false;
};

/// One listing of one provider's jobs, compared with the attempts in doubt
/// there as its pages arrive. Keeps only the jobs that say something about an
/// attempt, without their inputs.
class provider_listing {
public:
  /// A job older than its attempt's claim by more than this is another's.
  static constexpr auto slack = std::chrono::minutes{5};

  /// @param begun When the first page was asked for.
  /// @param doubts Not empty.
  provider_listing(timestamp begun, std::vector<doubt> doubts);

  /// @returns from when on the provider must list its jobs.
  timestamp created_after() const;

  /// @returns whether the jobs of later pages are too old to matter, provided
  /// that they come newest first.
  bool add(const std::vector<provider_job>& page);

  /// Says that there are no more pages. Without it, or `give_up`, only `adopt`
  /// and `wait` are possible.
  void complete();

  /// Says that the pages do not show all jobs and never will. Then only
  /// `adopt`, `wait` and, after the visibility window, `unresolved` are
  /// possible.
  void give_up();

  /// @returns whether that job is, or may be, one of the attempts.
  bool concerns(const std::string& external_id) const;

  /// @returns a verdict for each attempt. Attempts with equal fingerprints are
  /// interchangeable, but no external id is given out twice, and only the
  /// oldest of them gets a verdict other than `wait`.
  std::vector<finding> judge(const evidence& known) const;

private:
  struct candidate {
    provider_job seen;
    /// Attempts whose fingerprint it has.
    std::set<int64_t> equal = {};
    /// Attempts it could be, but does not show it.
    std::set<int64_t> unclear = {};
  };

  void compare(const provider_job& seen);

  timestamp begun_;
  /// Those in doubt first, since they hold slots, and of these the oldest
  /// claim: it takes the oldest job.
  std::vector<doubt> doubts_;
  bool complete_ = false;
  bool hopeless_ = false;
  /// Bounded by the pages the owner asks for.
  std::vector<candidate> candidates_;
};

} // namespace tunerd
