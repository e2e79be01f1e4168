#include "runtime/tunerctl/top.hpp"

#include "runtime/tunerctl/commands.hpp"
#include "runtime/tunerctl/screen.hpp"
#include "runtime/tunerctl/sse_parser.hpp"

#include <chrono>
#include <ostream>
#include <thread>

namespace tunerd::tunerctl {

using nlohmann::json;

namespace {

constexpr std::chrono::seconds pause{1};
/// More than a terminal has lines.
constexpr size_t events_max = 200;

json ask(const session& s, const std::string& path) {
  try {
    return call(s.to, "GET", path);
  } catch (const failure& e) {
    return {{"failure", e.what()}};
  }
}

json look(const session& s) {
  json seen;
  seen["health"] = ask(s, "/api/cloud/health");
  if (seen["health"].contains("failure"))
    return seen; // neither is the rest there
  seen["stats"] = ask(s, "/api/queue/stats");
  seen["workers"] = ask(s, "/api/tunerd/workers");
  seen["providers"] = ask(s, "/api/cloud/providers");
  seen["breakers"] = ask(s, "/api/cloud/circuit-breakers");
  return seen;
}

/// A view that is drawn while events come in.
class live_view {
public:
  explicit live_view(const session& s) : s_(s) {
    view_.url = s.to.url;
    view_.colour = s.colour;
  }

  /// Draws what there is now, at most once in a `pause`.
  void draw() {
    const auto now = std::chrono::steady_clock::now();
    if (now - drawn_ < pause)
      return;
    view_.seen = look(s_);
    view_.rows = screen::rows();
    terminal_.show(render_top(view_));
    drawn_ = std::chrono::steady_clock::now();
  }

  /// Follows the stream until it ends.
  /// @throws failure if it cannot be opened.
  void follow() {
    parser_ = sse_parser{parser_.last_id()};
    stream(s_.to, "/api/events", parser_.last_id(), [this](auto bytes) {
      parser_.feed(bytes, [this](const sse_event& x) { note(x); });
      draw();
      return true;
    });
  }

private:
  void note(const sse_event& x) {
    if (x.type == "connection" || x.type == "heartbeat")
      return;
    view_.events.push_back(event_line(x));
    if (view_.events.size() > events_max)
      view_.events.pop_front();
  }

  const session& s_;
  screen terminal_;
  top_view view_ = {};
  sse_parser parser_ = {};
  std::chrono::steady_clock::time_point drawn_ = {};
};

} // namespace

void top(const session& s, bool once) {
  if (once || s.json || !is_terminal()) {
    const auto seen = look(s);
    if (const auto& health = seen["health"]; health.contains("failure"))
      throw failure{health["failure"].get<std::string>()};
    return s.print(
      seen, render_top({.url = s.to.url, .seen = seen, .colour = s.colour}));
  }
  for (live_view view{s};; std::this_thread::sleep_for(pause)) {
    view.draw();
    try {
      view.follow();
    } catch (const failure&) {
      view.draw(); // it says so itself
    }
  }
}

} // namespace tunerd::tunerctl
