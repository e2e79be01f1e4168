#pragma once

#include "actors/http_gateway/routes.hpp"
#include "config/auth.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

namespace tunerd::rest {

/// Calls that count together.
enum class rate_class : uint8_t { submit, cancel, webhook, other };

/// How many calls a client may make in any span of that length.
struct rate {
  rate_class kind = rate_class::other;
  int32_t calls = 100;
  std::chrono::nanoseconds period = std::chrono::seconds{60};
};

/// @returns the rate of a route, or of paths that lead nowhere (`to` is none);
/// none for what is free: everything while there are no tokens or
/// `rate_limit_calls` is 0; health and events always.
std::optional<rate> rate_of(std::optional<endpoint> to,
                            const config::auth& rules);

/// What the limiter says about one call.
struct rate_verdict {
  bool allowed = true;
  /// Calls that are left now.
  int32_t remaining = 0;
  /// Until the oldest call that counts is forgotten and makes room.
  std::chrono::nanoseconds reset = std::chrono::nanoseconds{0};
};

/// Counts calls per client in a sliding window, exactly: in no span of a
/// period does it allow more than the rate. Refused calls do not count.
///
/// A client leaves an hour after its last call, and when there are too many
/// clients or calls to remember: then the one idle longest is forgotten. It
/// starts afresh, so an attacker with that many addresses gains nothing that
/// more addresses would not give. Not thread-safe.
class rate_limiter {
public:
  using time_point = std::chrono::steady_clock::time_point;

  struct limits {
    size_t clients_max = 10'000;
    /// Of all clients; 16 bytes each.
    size_t calls_max = 4'000'000;
  };

  rate_limiter() : rate_limiter(limits{}) {
  }

  explicit rate_limiter(limits bounds) : bounds_(bounds) {
  }

  /// Judges a call of `client` and counts it if it is allowed.
  rate_verdict admit(const std::string& client, const rate& limit,
                     time_point now);

  /// @returns how many clients it remembers.
  size_t clients() const noexcept {
    return clients_.size();
  }

private:
  struct entry {
    std::string client;
    time_point last_call = {};
    /// By class; the oldest call first.
    std::array<std::deque<time_point>, 4> calls = {};
  };

  using entries = std::list<entry>;

  entry& touch(const std::string& client, time_point now);
  void forget_idle(time_point now);
  void forget_last();

  limits bounds_;
  /// The client that called last is the first.
  entries order_ = {};
  std::unordered_map<std::string, entries::iterator> clients_ = {};
  size_t calls_ = 0;
};

} // namespace tunerd::rest
