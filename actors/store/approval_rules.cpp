#include "actors/store/approval_rules.hpp"

#include "actors/store/pattern.hpp"
#include "actors/store/refusals.hpp"
#include "actors/store/texts.hpp"

#include <algorithm>
#include <charconv>

namespace tunerd::sql {

namespace {

constexpr size_t name_max = 128;
constexpr size_t text_max = 256;
constexpr size_t description_max = 1'000;
constexpr size_t levels_max = 16;
constexpr int64_t deadline_max = 365 * 86'400;
/// 10^12 USD: no sum of ours overflows.
constexpr int64_t usd_max = 1'000'000'000'000;

constexpr const char* level_names = "want viewer, researcher, lead or admin";

caf::optional<int64_t> parse_count(std::string_view text) {
  int64_t result = 0;
  const auto end = text.data() + text.size();
  const auto [last, err] = std::from_chars(text.data(), end, result);
  if (err != std::errc{} || last != end || result < 0)
    return caf::none;
  return result;
}

/// @returns an amount like "12", "12.5" in micro-USD, rounded down; none if it
/// is negative, above 10^12 USD or no such number.
caf::optional<int64_t> parse_usd(std::string_view text) {
  const auto point = text.find('.');
  const auto whole = parse_count(text.substr(0, point));
  if (!whole || *whole > usd_max || text.front() == '-')
    return caf::none;
  std::string decimals;
  if (point != std::string_view::npos)
    decimals = text.substr(point + 1);
  if (point != std::string_view::npos
      && (decimals.empty()
          || decimals.find_first_not_of("0123456789") != std::string::npos))
    return caf::none;
  decimals.resize(6, '0');
  return *whole * 1'000'000 + *parse_count(decimals);
}

bool is_regex(std::string_view pattern) {
  return pattern.starts_with('^') || pattern.ends_with('$');
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

/// @returns what is wrong with the threshold of `rule`; empty if it can be
/// judged.
std::string threshold_mistake(const approval_rule& rule) {
  const auto& text = rule.threshold;
  switch (rule.condition) {
    case rule_condition::cost_exceeds:
      return parse_usd(text) ? "" : "want an amount in USD, at least 0";
    case rule_condition::daily_jobs_exceed:
      return parse_count(text) ? "" : "want an integer, at least 0";
    case rule_condition::user_level:
      return parse_caller_level(text) ? "" : level_names;
    case rule_condition::first_job: return "";
    case rule_condition::config_pattern:
      if (is_regex(text) && !regex::parse(text))
        return "want a regular expression that RE2 understands";
      if (is_regex(text))
        return "";
      [[fallthrough]];
    case rule_condition::hardware_type:
      if (!is_glob(text))
        return "want a glob, e.g. h100-x[48]";
      [[fallthrough]];
    default: return text.empty() ? "want something to compare with" : "";
  }
}

std::optional<std::string> cost_exceeds(const approval_rule& rule,
                                        const submission_facts& x) {
  const auto limit = *parse_usd(rule.threshold);
  if (!x.estimate_micros)
    return "estimated cost is unknown, want at most " + usd_text(limit);
  if (*x.estimate_micros <= limit)
    return std::nullopt;
  return "estimated cost " + usd_text(*x.estimate_micros) + " exceeds "
         + usd_text(limit);
}

std::optional<std::string> hardware_matches(const approval_rule& rule,
                                            const submission_facts& x) {
  const auto glob = lower(rule.threshold);
  for (const auto* name : {&x.hardware_profile, &x.hardware_type})
    if (!name->empty() && matches_glob(glob, lower(*name)))
      return "hardware " + *name + " matches " + rule.threshold;
  if (x.hardware_profile.empty() && x.hardware_type.empty())
    return "hardware is unknown";
  return std::nullopt;
}

std::optional<std::string> is_below_level(const approval_rule& rule,
                                          const submission_facts& x) {
  if (x.level >= *parse_caller_level(rule.threshold))
    return std::nullopt;
  return "level " + to_string(x.level) + " is below " + rule.threshold;
}

std::optional<std::string> jobs_exceed(const approval_rule& rule,
                                       const submission_facts& x) {
  if (x.jobs_in_24h <= *parse_count(rule.threshold))
    return std::nullopt;
  return std::to_string(x.jobs_in_24h) + " jobs in 24 hours exceed "
         + rule.threshold;
}

std::optional<std::string> config_matches(const approval_rule& rule,
                                          const submission_facts& x) {
  const auto& pattern = rule.threshold;
  const auto matches
    = is_regex(pattern) ? regex::parse(pattern)->matches_start_of(x.config_name)
                        : matches_glob(pattern, x.config_name);
  if (!matches)
    return std::nullopt;
  return "configuration '" + x.config_name + "' matches " + pattern;
}

/// @returns why `rule` fires, or none. @pre its threshold has no mistake
std::optional<std::string> fires(const approval_rule& rule,
                                 const submission_facts& x) {
  switch (rule.condition) {
    case rule_condition::cost_exceeds: return cost_exceeds(rule, x);
    case rule_condition::hardware_type: return hardware_matches(rule, x);
    case rule_condition::user_level: return is_below_level(rule, x);
    case rule_condition::daily_jobs_exceed: return jobs_exceed(rule, x);
    case rule_condition::config_pattern: return config_matches(rule, x);
    case rule_condition::provider:
      if (x.provider == rule.threshold)
        return "provider is " + x.provider;
      return std::nullopt;
    case rule_condition::first_job:
      if (x.is_first_job)
        return "first job of the user";
      return std::nullopt;
  }
  return "its condition is unknown";
}

/// @returns whether `rule` binds the submission.
bool applies(const approval_rule& rule, const submission_facts& x) {
  const auto level = to_string(x.level);
  const auto& exempt = rule.exempt_levels;
  return rule.is_active
         && (rule.applies_to_provider.empty()
             || rule.applies_to_provider == x.provider)
         && (rule.applies_to_level.empty() || rule.applies_to_level == level)
         && std::find(exempt.begin(), exempt.end(), level) == exempt.end();
}

bool is_level(const std::string& name) {
  return static_cast<bool>(parse_caller_level(name));
}

template <class T>
void assign(T& to, const caf::optional<T>& from) {
  if (from)
    to = *from;
}

caf::error check_levels(const approval_rule& rule, const rule_changes& wanted) {
  if (wanted.applies_to_level && !rule.applies_to_level.empty()
      && !is_level(rule.applies_to_level))
    return invalid(std::string{"applies_to_level: "} + level_names);
  if (wanted.exempt_levels
      && (rule.exempt_levels.size() > levels_max
          || !std::all_of(rule.exempt_levels.begin(), rule.exempt_levels.end(),
                          is_level)))
    return invalid(std::string{"exempt_levels: "} + level_names);
  if (wanted.required_approver_level && !is_level(rule.required_approver_level))
    return invalid(std::string{"required_approver_level: "} + level_names);
  return {};
}

} // namespace

std::optional<rule_match> first_match(const std::vector<approval_rule>& rules,
                                      const submission_facts& facts) {
  for (const auto& rule : rules) {
    if (!applies(rule, facts))
      continue;
    if (const auto mistake = threshold_mistake(rule); !mistake.empty())
      return rule_match{rule, "threshold cannot be read: " + mistake, false};
    if (auto why = fires(rule, facts))
      return rule_match{rule, std::move(*why)};
  }
  return std::nullopt;
}

approval_rule with_changes(approval_rule rule, const rule_changes& wanted) {
  assign(rule.name, wanted.name);
  assign(rule.description, wanted.description);
  assign(rule.condition, wanted.condition);
  assign(rule.threshold, wanted.threshold);
  assign(rule.is_active, wanted.is_active);
  assign(rule.priority, wanted.priority);
  assign(rule.applies_to_provider, wanted.applies_to_provider);
  assign(rule.applies_to_level, wanted.applies_to_level);
  assign(rule.exempt_levels, wanted.exempt_levels);
  assign(rule.required_approver_level, wanted.required_approver_level);
  assign(rule.deadline_seconds, wanted.deadline_seconds);
  return rule;
}

caf::error check_changes(const approval_rule& rule,
                         const rule_changes& wanted) {
  if (wanted.name && (rule.name.empty() || rule.name.size() > name_max))
    return invalid("name: want 1 to 128 characters");
  if (rule.description.size() > description_max && wanted.description)
    return invalid("description: want at most 1000 characters");
  if (wanted.threshold && rule.threshold.size() > text_max)
    return invalid("threshold: want at most 256 characters");
  // One that was imported and cannot be read may still be switched off.
  if (wanted.threshold || wanted.condition)
    if (auto mistake = threshold_mistake(rule); !mistake.empty())
      return invalid("threshold: " + mistake);
  if (wanted.applies_to_provider && rule.applies_to_provider.size() > text_max)
    return invalid("applies_to_provider: want at most 256 characters");
  if (wanted.deadline_seconds
      && (rule.deadline_seconds < 0 || rule.deadline_seconds > deadline_max))
    return invalid("deadline_seconds: want 0 to 31536000");
  return check_levels(rule, wanted);
}

caf::error check_new(const approval_rule& rule, const rule_changes& wanted) {
  if (!wanted.name)
    return invalid("name: want 1 to 128 characters");
  if (!wanted.condition)
    return invalid("condition: is missing");
  return check_changes(rule, wanted);
}

caller_level required_level(const approval_rule& rule) {
  const auto level = parse_caller_level(rule.required_approver_level);
  return level ? *level : caller_level::admin;
}

} // namespace tunerd::sql
