#pragma once

#include "messages/context.hpp"

#include <map>
#include <string>

namespace tunerd {

/// Keeps a cold start from doing the same thing a hundred times: to a host
/// whose name is not known, one call goes first, and the others wait until it
/// has its connection. So the name is resolved once, by one thread, and what
/// speaks HTTP/2 finds a connection to share. Pure; times are since any moment.
class warm_up {
public:
  /// @param known_for How long a host that was reached stays known.
  explicit warm_up(caf::timespan known_for) : known_for_(known_for) {
  }

  /// @returns whether a call to `origin` need not wait for another one. An
  /// address in digits never makes anybody wait.
  bool may_start(const std::string& origin, caf::timespan now) const;

  /// A call begins. @returns whether it goes first: then it must be told of
  /// once to `reached`.
  bool start(const std::string& origin, caf::timespan now);

  /// The call that went first has its connection, or has ended.
  /// @param connected Whether it has one, new or used before: then the next
  /// ones need not wait.
  void reached(const std::string& origin, bool connected, caf::timespan now);

private:
  /// Keyed by origin. An entry leaves when another call begins after its time.
  struct host {
    bool someone_is_first = false;
    caf::timespan known_until{0};
  };
  std::map<std::string, host> hosts_;
  caf::timespan known_for_;
};

} // namespace tunerd
