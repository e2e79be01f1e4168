#pragma once

#include <nlohmann/json.hpp>

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

/// Makes one call and blocks for its answer, at most 60 s.
/// @param path With query, e.g. "/api/queue?limit=10".
/// @param body JSON text; empty for none.
/// @returns the answer.
/// @throws failure if there is none, it is not JSON, or its status is not 2xx;
/// then the text is the daemon's own message.
nlohmann::json call(const target& to, const std::string& method,
                    const std::string& path, const std::string& body = {});

/// Reads a stream and gives each piece to `on_bytes` until the stream ends or
/// `on_bytes` returns false. Called with no bytes about once a second while
/// nothing arrives.
/// @param last_event_id Resumes behind it; empty for live only.
/// @throws failure if the stream cannot be opened.
void stream(const target& to, const std::string& path,
            const std::string& last_event_id,
            const std::function<bool(std::string_view)>& on_bytes);

} // namespace tunerd::tunerctl
