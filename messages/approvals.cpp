#include "messages/approvals.hpp"

#include <array>

namespace tunerd {

namespace {

constexpr std::array statuses{"pending", "approved", "rejected", "expired",
                              "cancelled"};
constexpr std::array conditions{
  "cost_exceeds",      "hardware_type", "provider",      "user_level",
  "daily_jobs_exceed", "first_job",     "config_pattern"};

/// @returns the enumerator whose place in `names` is that of `text`.
template <class Enum, size_t N>
caf::optional<Enum> find_name(const std::array<const char*, N>& names,
                              std::string_view text) {
  for (size_t i = 0; i < N; ++i)
    if (text == names[i])
      return static_cast<Enum>(i);
  return caf::none;
}

} // namespace

std::string to_string(approval_status status) {
  return statuses.at(static_cast<size_t>(status));
}

std::string to_string(rule_condition condition) {
  return conditions.at(static_cast<size_t>(condition));
}

caf::optional<approval_status> parse_approval_status(std::string_view text) {
  return find_name<approval_status>(statuses, text);
}

caf::optional<rule_condition> parse_rule_condition(std::string_view text) {
  return find_name<rule_condition>(conditions, text);
}

} // namespace tunerd
