#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace tunerd::tunerctl {

/// One event as a subscriber sees it.
struct sse_event {
  /// Empty for the default type.
  std::string type = {};
  std::string data = {};
  /// Last id seen so far: what to resume behind.
  std::string id = {};
};

/// Cuts a byte stream into events, as the WHATWG HTML standard, section
/// "Server-sent events", describes. What one event holds is bounded: beyond
/// 1 MiB it is dropped.
class sse_parser {
public:
  sse_parser() = default;

  /// Starts a new stream that resumes behind `last_id`.
  explicit sse_parser(std::string last_id) {
    current_.id = std::move(last_id);
  }

  /// Calls `on_event` for each event that `bytes` completes.
  void feed(std::string_view bytes,
            const std::function<void(const sse_event&)>& on_event);

  /// @returns the id to resume behind, or "" if none was seen.
  const std::string& last_id() const {
    return current_.id;
  }

private:
  void line(const std::function<void(const sse_event&)>& on_event);

  std::string line_;
  bool after_return_ = false;
  bool has_data_ = false;
  sse_event current_;
};

} // namespace tunerd::tunerctl
