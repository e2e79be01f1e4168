#pragma once

#include "runtime/tunerctl/commands.hpp"

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tunerd::tunerctl {

/// What the arguments ask for; filled while they are parsed.
struct command_line {
  target to = {};
  /// table or json.
  std::string output = "table";
  /// Runs the command; empty until one is parsed.
  std::function<void(const session&)> run = {};
  /// Run it again after so many seconds, until interrupted; 0: once.
  int watch_seconds = 0;

  // Of single commands.
  std::string id = {}, file = {}, provider = "replicate", status = {},
              since = {}, text = {}, decision = {}, external_id = {};
  std::string logger = {}, level = {}, shell = {}, user = {}, priority = {};
  std::vector<std::string> ids = {}, changes = {};
  rule_wanted rule = {};
  webhook_wanted webhook = {};
  int limit = 50, hours = 24, days = 30;
  bool follow = false, as_json = false, own = false, once = false;
};

/// Describes every command and option to `app`.
/// @param x Takes what is parsed; must outlive `app`.
void describe(CLI::App& app, command_line& x);

} // namespace tunerd::tunerctl
