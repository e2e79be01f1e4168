#include "config/sections.hpp"

#include <algorithm>

namespace tunerd::config {

using namespace std::chrono_literals;

namespace {

constexpr size_t name_max = 64;

bool is_name(const std::string& text) {
  return text.size() <= name_max
         && std::all_of(text.begin(), text.end(), [](char c) {
              return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                     || (c >= '0' && c <= '9')
                     || std::string_view{".:_-"}.find(c)
                          != std::string_view::npos;
            });
}

} // namespace

void read_section(reader& in, cluster& out) {
  in.read("tunerd.cluster.node", out.node);
  if (!is_name(out.node))
    throw in.wrong("tunerd.cluster.node",
                   "at most 64 letters, digits and any of .:_-");
  in.read("tunerd.cluster.lease_seconds", out.lease, 1s, 60s);
}

} // namespace tunerd::config
