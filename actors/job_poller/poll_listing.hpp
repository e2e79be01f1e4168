#pragma once

#include "actors/job_poller/due_job.hpp"

#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

// Many jobs by few calls: a walk over the pages of their provider's list. No
// CAF actors, no clock, no I/O.

namespace tunerd {

/// A job of ours on a page.
struct sighting {
  due_job subject;
  provider_job seen;
};

/// A walk over the list, newest first, until every wanted job was seen or the
/// rest is cheaper to ask for one by one. One page follows from the one before
/// it (the cursor), so there is never more than one question at a time.
class poll_listing {
public:
  /// @param ctx That of the round which began it.
  explicit poll_listing(context ctx) : ctx_(std::move(ctx)) {
  }

  /// Looks for `x`, too. Only before the first page.
  /// @returns false, leaving `x` alone, if its external id is wanted already.
  bool want(due_job&& x);

  /// @returns those of the page that are wanted; they are not any more.
  std::vector<sighting> read(const provider_job_page& page);

  /// Looks no longer for `external_id`. @returns its job, if it was wanted.
  std::optional<due_job> drop(const std::string& external_id);

  /// Looks no longer for those not in `active`, ids of jobs. @returns them.
  std::vector<due_job>
  keep_only(const std::unordered_set<std::string_view>& active);

  /// @returns whether no further page is worth its call.
  bool is_over() const;

  /// Ends it. @returns those not seen, stalest first.
  std::vector<due_job> rest();

  /// The question for the next page. @pre !is_over()
  list_provider_jobs question(const std::string& provider) const {
    return {ctx_, provider, created_after_, cursor_};
  }

  /// @returns how many are still wanted.
  size_t wanted() const noexcept {
    return wanted_.size();
  }

  /// @returns how many pages were read.
  size_t pages() const noexcept {
    return pages_;
  }

private:
  struct entry {
    /// Its place in the order of staleness.
    size_t place = 0;
    due_job subject;
  };

  context ctx_;
  /// By external id. Leaves when seen.
  std::unordered_map<std::string, entry> wanted_;
  timestamp created_after_ = timestamp::max();
  std::string cursor_;
  size_t pages_ = 0;
  /// Pages that saved no call.
  size_t wasted_ = 0;
  size_t places_ = 0;
};

} // namespace tunerd
