#include "messages/approval_json.hpp"

#include <nlohmann/json.hpp>

namespace tunerd {

using nlohmann::ordered_json;

ordered_json rule_json(const approval_rule& x) {
  ordered_json out = {
    {"id", x.id},
    {"name", x.name},
    {"description", text_json(x.description)},
    {"condition", to_string(x.condition)},
    {"threshold", x.threshold},
    {"is_active", x.is_active},
    {"priority", x.priority},
    {"applies_to_provider", text_json(x.applies_to_provider)},
    {"applies_to_level", text_json(x.applies_to_level)},
    {"exempt_levels", x.exempt_levels},
    {"required_approver_level", x.required_approver_level},
    {"created_at", utc_text(x.created_at)},
    {"created_by", id_json(x.created_by)},
  };
  if (x.deadline_seconds != 0)
    out["deadline_seconds"] = x.deadline_seconds;
  return out;
}

ordered_json approval_json(const approval& x) {
  return {
    {"id", x.id},
    {"job_id", x.job_id},
    {"user_id", id_json(x.user_id)},
    {"rule_id", x.rule_id == 0 ? ordered_json{} : ordered_json(x.rule_id)},
    {"status", to_string(x.status)},
    {"reason", text_json(x.reason)},
    {"provider", text_json(x.provider)},
    {"config_name", text_json(x.config_name)},
    {"estimated_cost", usd_json(x.estimated_cost_micros)},
    {"hardware_type", text_json(x.hardware_type)},
    {"reviewed_by", id_json(x.reviewed_by)},
    {"reviewed_at", time_json(x.reviewed_at)},
    {"review_notes", text_json(x.review_notes)},
    {"created_at", utc_text(x.created_at)},
    {"expires_at", time_json(x.expires_at)},
    {"required_approver_level", to_string(x.required_level)},
    {"correlation_id", text_json(x.correlation_id)},
  };
}

std::string describe(rule_condition condition) {
  switch (condition) {
    case rule_condition::cost_exceeds:
      return "the estimated cost is above the threshold (USD), or unknown";
    case rule_condition::hardware_type:
      return "the hardware or its profile matches the threshold (glob, any "
             "case)";
    case rule_condition::provider: return "the provider is the threshold";
    case rule_condition::user_level:
      return "the caller's level is below the threshold";
    case rule_condition::daily_jobs_exceed:
      return "the user's jobs of the last 24 hours, this one included, are "
             "more than the threshold";
    case rule_condition::first_job:
      return "the user has no earlier job; the threshold is ignored";
    case rule_condition::config_pattern:
      return "the name of the configuration matches the threshold: a regular "
             "expression if it begins with ^ or ends with $, else a glob";
  }
  return {};
}

ordered_json conditions_json() {
  auto conditions = ordered_json::array();
  constexpr auto last = static_cast<uint8_t>(rule_condition::config_pattern);
  for (uint8_t i = 0; i <= last; ++i) {
    const auto condition = static_cast<rule_condition>(i);
    conditions.push_back(
      {{"value", to_string(condition)}, {"description", describe(condition)}});
  }
  return {{"conditions", std::move(conditions)}};
}

} // namespace tunerd
