#pragma once

#include "actors/sse_broadcaster/sse_encoder.hpp"
#include "messages/callers.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// Who gets which event, and from where. Pure.

namespace tunerd {

/// What a subscriber asked for and may see.
struct subscription {
  caller who;
  /// Empty means all.
  std::vector<std::string> types = {};
  /// Empty means all.
  std::string job_id = {};
};

/// @returns whether `frame` goes to `subscriber`.
bool wants(const subscription& subscriber, const event_frame& frame);

/// Where a subscriber wants its stream to start.
struct stream_start {
  enum class kind : uint8_t {
    /// With what is appended from now on.
    live,
    /// With the first event above `after`.
    after_id,
    /// Nobody knows: live, after a gap.
    malformed,
  };
  kind from = kind::live;
  int64_t after = 0;
};

/// @param last_event_id As received; empty means live.
stream_start parse_start(const std::string& last_event_id);

/// What the log answers a subscriber that has everything up to some id.
struct replay_plan {
  /// What is missing before the events, if anything.
  std::optional<event_gap> gap = {};
  /// What the subscriber has dealt with after the gap and the events.
  int64_t upto = 0;
};

/// @param after The last id the subscriber has.
/// @param page What the log holds above it.
replay_plan plan_replay(int64_t after, const event_page& page);

} // namespace tunerd
