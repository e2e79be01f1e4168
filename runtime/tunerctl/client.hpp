#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

namespace tunerd::tunerctl {

/// The daemon could not be reached, or it refused. The text is for people.
struct failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Where the daemon is and who asks.
struct target {
  /// Without a slash at the end.
  std::string url = "http://127.0.0.1:8770";
  /// Sent as bearer token; empty for none.
  std::string token = {};
};

/// What an answer says of the caller's rate.
struct rate_seen {
  /// Calls a minute; 0 where none is said: there is no limit.
  int64_t limit = 0;
  /// Calls that may be made at once.
  int64_t left = 0;
  /// Until `left` is more again.
  std::chrono::seconds renewed_in{0};
};

/// Makes one call and blocks for its answer, at most 60 s.
/// @param path With query, e.g. "/api/queue?limit=10".
/// @param body JSON text; empty for none.
/// @param rate Told what the answer says of it; may be null.
/// @returns the answer.
/// @throws failure if there is none, it is not JSON, or its status is not 2xx;
/// then the text is the daemon's own message.
nlohmann::json call(const target& to, const std::string& method,
                    const std::string& path, const std::string& body = {},
                    rate_seen* rate = nullptr);

/// The same for an answer that is no JSON. GET.
std::string call_text(const target& to, const std::string& path);

/// Takes what `line`, a line of an answer's head, says of the rate.
/// @param now Seconds since 1970.
void note_rate(rate_seen& rate, std::string_view line, int64_t now);

/// Reads a stream and gives each piece to `on_bytes` until the stream ends or
/// `on_bytes` returns false. Called with no bytes about once a second while
/// nothing arrives.
/// @param last_event_id Resumes behind it; empty for live only.
/// @throws failure if the stream cannot be opened.
void stream(const target& to, const std::string& path,
            const std::string& last_event_id,
            const std::function<bool(std::string_view)>& on_bytes);

} // namespace tunerd::tunerctl
