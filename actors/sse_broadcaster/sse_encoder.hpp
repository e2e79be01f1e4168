#pragma once

#include "messages/events.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

// How events look on a stream. Pure. A frame is a block of lines that ends
// with a blank one; its data is one line of JSON by construction.

namespace tunerd {

/// One event as all its subscribers get it, with what decides who they are.
struct event_frame {
  int64_t id = 0;
  std::string type;
  std::string job_id;
  std::string user_id;
  std::string org_id;
  std::string bytes;
};

/// Shared by the ring and whoever is in the middle of writing it.
using event_frame_ptr = std::shared_ptr<const event_frame>;

/// Why ids cannot be replayed.
enum class gap_reason : uint8_t {
  /// The subscriber named no id that we could have given it.
  malformed_id,
  /// It named one that is larger than any id given.
  future_id,
  /// The event log does not hold them any more.
  expired,
};

/// A range of ids that a subscriber cannot get.
struct event_gap {
  int64_t from = 0;
  int64_t to = 0;
  gap_reason reason = gap_reason::expired;
};

/// @returns the frame of `subject`; nullptr if it is internal.
event_frame_ptr encode(const event& subject);

/// @returns the first frame of a stream, `id` being where it starts.
std::string connection_frame(int64_t id);

/// @returns a frame that tells a subscriber at `id` that we live.
std::string heartbeat_frame(int64_t id, timestamp now);

/// @returns the frame that says what is missing.
std::string gap_frame(const event_gap& gap);

/// @returns a block that tells the subscriber how long to wait before it
/// comes back, in milliseconds. Not an event.
std::string retry_hint(int64_t milliseconds);

/// @returns e.g. "2024-01-15T10:30:00.000Z".
std::string to_iso_time(timestamp when);

} // namespace tunerd
