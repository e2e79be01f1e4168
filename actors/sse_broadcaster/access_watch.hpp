#pragma once

#include "actors/support/live.hpp"
#include "config/auth.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

namespace tunerd {

/// Knows which streams end because a reload took away what let them in. What
/// it replaced counts for a few seconds: so long may a stream be on its way
/// from who let it in.
class access_watch {
public:
  explicit access_watch(live<config::auth> rules);

  /// Looks at the rules. Once a second.
  void look();

  /// @returns whether the rules were replaced a moment ago, so that there may
  /// be streams to end.
  bool has_news() const noexcept {
    return !replaced_.empty();
  }

  /// @param token Name of the token that let a stream in; empty for none.
  /// @returns whether that stream ends.
  bool is_over(const std::string& token) const;

private:
  using rules_ptr = std::shared_ptr<const config::auth>;

  struct replaced {
    rules_ptr rules;
    uint64_t at = 0;
  };

  live<config::auth> rules_;
  rules_ptr now_;
  uint64_t looks_ = 0;
  /// At most one per look; leaves when a stream can no longer be on its way.
  std::deque<replaced> replaced_;
};

} // namespace tunerd
