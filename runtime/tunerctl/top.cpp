#include "runtime/tunerctl/top.hpp"

#include "runtime/tunerctl/commands.hpp"
#include "runtime/tunerctl/screen.hpp"
#include "runtime/tunerctl/sse_parser.hpp"

#include <algorithm>
#include <chrono>
#include <ostream>
#include <thread>

namespace tunerd::tunerctl {

using nlohmann::json;

namespace {

using seconds = std::chrono::seconds;

constexpr seconds pause{1};
/// What a look costs of a rate.
constexpr int64_t calls_per_look = 4;
/// More than a terminal has lines.
constexpr size_t events_max = 200;

json ask(const session& s, const std::string& path, rate_seen* rate = nullptr) {
  try {
    return call(s.to, "GET", path, {}, rate);
  } catch (const failure& e) {
    return {{"failure", e.what()}};
  }
}

/// Asks for what no limit counts. @returns whether there was an answer.
bool look_at_health(const session& s, json& seen) {
  seen["health"] = ask(s, "/api/cloud/health");
  return !seen["health"].contains("failure");
}

/// Asks for the rest: calls that a limit counts. @returns what it leaves.
rate_seen look_closely(const session& s, json& seen) {
  rate_seen rate;
  seen["stats"] = ask(s, "/api/queue/stats");
  seen["workers"] = ask(s, "/api/tunerd/workers");
  seen["providers"] = ask(s, "/api/cloud/providers");
  seen["breakers"] = ask(s, "/api/cloud/circuit-breakers", &rate);
  return rate;
}

json look(const session& s) {
  json seen;
  if (look_at_health(s, seen)) // else neither is the rest there
    look_closely(s, seen);
  return seen;
}

/// A view that is drawn while events come in.
class live_view {
public:
  explicit live_view(const session& s) : s_(s) {
    view_.url = s.to.url;
    view_.colour = s.colour;
  }

  /// Draws what there is now, at most once in a `pause`; where calls are
  /// limited all but the health is asked for less often.
  void draw() {
    const auto now = std::chrono::steady_clock::now();
    if (now - drawn_ < pause)
      return;
    const auto had_answer = is_there_;
    is_there_ = look_at_health(s_, view_.seen);
    if (is_there_ && (!had_answer || now - looked_ >= rest_)) {
      rest_ = rest_between_looks(look_closely(s_, view_.seen));
      looked_ = now;
    }
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
  bool is_there_ = false;
  std::chrono::steady_clock::time_point drawn_ = {};
  /// How long only the health is asked for after all was.
  seconds rest_ = pause;
  /// When all was asked for.
  std::chrono::steady_clock::time_point looked_ = {};
};

} // namespace

std::chrono::seconds rest_between_looks(const rate_seen& rate) {
  if (rate.limit <= 0)
    return pause;
  // Half of the rate is left to whoever else has the token.
  const seconds fair{
    std::min<int64_t>(60, (60 * calls_per_look * 2 - 1) / rate.limit + 1)};
  const auto scarce = rate.left < std::max(calls_per_look, rate.limit / 5);
  return std::max({pause, fair, scarce ? rate.renewed_in : pause});
}

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
