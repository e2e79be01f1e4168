#include "actors/support/fault_point.hpp"

#ifdef TUNERD_FAULTS

#include <csignal>
#include <cstdlib>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

namespace tunerd {

namespace {

struct fault {
  std::string action;
  int visits_left = 1;
};

/// "a=kill@2,b=throw" by name. What cannot be read is left out.
std::map<std::string, fault> parse(const std::string& text) {
  std::map<std::string, fault> result;
  for (size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    const auto item = text.substr(begin, end - begin);
    begin = end + 1;
    const auto equals = item.find('=');
    if (equals == std::string::npos)
      continue;
    const auto at = item.find('@', equals);
    result[item.substr(0, equals)]
      = {item.substr(equals + 1, at == std::string::npos ? at
                                                         : at - equals - 1),
         at == std::string::npos ? 1 : std::atoi(item.c_str() + at + 1)};
  }
  return result;
}

} // namespace

void fault_point(const char* name) {
  static std::mutex mutex;
  static auto faults = [] {
    const char* text = std::getenv("TUNERD_FAULT");
    return parse(text == nullptr ? "" : text);
  }();
  std::lock_guard guard{mutex};
  auto i = faults.find(name);
  if (i == faults.end() || --i->second.visits_left != 0)
    return;
  if (i->second.action == "kill")
    std::raise(SIGKILL);
  throw std::runtime_error("fault point " + std::string{name});
}

} // namespace tunerd

#endif
