#include "actors/provider_gateway/provider_status.hpp"

#include <algorithm>
#include <array>

namespace tunerd {

namespace {

constexpr std::array aliases{
  status_name{"canceled", job_status::cancelled},
  status_name{"starting", job_status::queued},
  status_name{"processing", job_status::running},
  status_name{"succeeded", job_status::completed},
  status_name{"error", job_status::failed},
};

caf::optional<job_status> look_up(std::string_view name,
                                  std::span<const status_name> map) {
  const auto i = std::find_if(
    map.begin(), map.end(), [name](const auto& x) { return x.first == name; });
  if (i == map.end())
    return caf::none;
  return i->second;
}

std::string trimmed_lower(std::string_view raw) {
  constexpr std::string_view blanks{" \t\r\n\f\v"};
  const auto begin = std::min(raw.find_first_not_of(blanks), raw.size());
  const auto end = raw.find_last_not_of(blanks) + 1;
  std::string result{raw.substr(begin, begin < end ? end - begin : 0)};
  for (auto& c : result)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

} // namespace

caf::optional<job_status> normalise_status(std::string_view raw,
                                           std::span<const status_name> map) {
  const auto name = trimmed_lower(raw);
  if (auto found = look_up(name, map))
    return found;
  if (auto found = parse_job_status(name))
    return found;
  return look_up(name, aliases);
}

} // namespace tunerd
