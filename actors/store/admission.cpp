#include "actors/store/admission.hpp"

#include "actors/store/approval_rules.hpp"
#include "actors/store/cost_table.hpp"
#include "actors/store/rule_table.hpp"
#include "actors/support/log.hpp"

#include <algorithm>

namespace tunerd::sql {

namespace {

constexpr logger log{"simpletuner.cloud.approvals"};

constexpr auto day = std::chrono::hours{24};
constexpr caf::timespan run_max = std::chrono::hours{24 * 365};
/// What stops a submission that asks for approval itself, where rules have
/// their names.
constexpr const char* own_wish = "requires_approval";

/// @returns how long the job takes: what it asks for, else what those before it
/// took; none if nobody knows.
caf::optional<caf::timespan> expected_run(transaction& tx,
                                          const submit_job& command) {
  if (command.input.max_runtime > caf::timespan{0})
    return command.input.max_runtime;
  const auto& x = command.subject;
  return cost_table{tx.db}.mean_run(x.provider, x.hardware_profile);
}

/// @returns what the job may cost, by its own word or by its time; none if
/// nobody knows.
caf::optional<int64_t> estimate(transaction& tx, const submit_job& command) {
  const auto& x = command.subject;
  if (x.estimated_cost_micros || command.rate_nanos_per_second <= 0)
    return x.estimated_cost_micros;
  const auto run = expected_run(tx, command);
  if (!run)
    return caf::none;
  return cost_of(command.rate_nanos_per_second, *run);
}

/// Fills in the warning. @returns an error if there is no room.
caf::error check_cost(transaction& tx, const submit_job& command,
                      admission& result) {
  cost_table costs{tx.db};
  const auto limit = costs.limit_of(command.subject.provider);
  if (!limit.is_enabled)
    return {};
  const auto spent
    = costs.spent(command.subject.provider, tx.now - span_of(limit));
  const auto wanted = result.reserved_micros;
  if (!leaves_room(limit, spent, wanted)) {
    auto text = no_room_text(limit, spent, wanted);
    if (limit.blocks)
      return make_error(ec::cost_limit_exceeded, std::move(text));
    result.cost_limit_warning = std::move(text);
    return {};
  }
  result.cost_limit_warning = status_of(limit, spent + wanted).message;
  return {};
}

bool has(const std::vector<approval_rule>& rules, rule_condition condition) {
  return std::any_of(rules.begin(), rules.end(), [condition](const auto& x) {
    return x.condition == condition;
  });
}

/// @returns what `rules` need to know; counts only what one of them asks for.
submission_facts facts_of(transaction& tx, const submit_job& command,
                          const caf::optional<int64_t>& estimate_micros,
                          const std::vector<approval_rule>& rules) {
  const auto& x = command.subject;
  submission_facts result{.provider = x.provider,
                          .level = command.who.level,
                          .estimate_micros = estimate_micros,
                          .hardware_profile = x.hardware_profile,
                          .hardware_type = x.hardware_type,
                          .config_name = x.config_name};
  if (has(rules, rule_condition::daily_jobs_exceed)) {
    auto row = tx.db.query("SELECT count(*) FROM jobs "
                           "WHERE user_id = ?1 AND created_at > ?2",
                           x.user_id, tx.now - day);
    row.step();
    result.jobs_in_24h = row.get<int64_t>(0) + 1;
  }
  if (has(rules, rule_condition::first_job))
    result.is_first_job
      = !tx.db.query("SELECT 1 FROM jobs WHERE user_id = ?1 LIMIT 1", x.user_id)
           .step();
  return result;
}

/// @returns a request about `x`, still without what stops it.
approval request_for(const job& x, const context& ctx, timestamp now) {
  approval result;
  result.job_id = x.id;
  result.user_id = x.user_id;
  result.org_id = x.org_id;
  result.provider = x.provider;
  result.config_name = x.config_name;
  result.hardware_type = x.hardware_type;
  result.created_at = now;
  result.correlation_id
    = x.correlation_id.empty() ? ctx.correlation_id : x.correlation_id;
  return result;
}

/// @returns when a request must be decided: by its own word, by that of its
/// rule, as configured.
timestamp deadline(const transaction& tx, const submit_job& command,
                   int64_t deadline_seconds) {
  if (command.approval_deadline)
    return tx.now + *command.approval_deadline;
  if (deadline_seconds > 0)
    return tx.now + std::chrono::seconds{deadline_seconds};
  return tx.now + tx.approvals.default_deadline;
}

void tell(transaction& tx, const submit_job& command, const approval& needed,
          const std::string& rule, const std::string& why, bool is_judged) {
  auto ctx = context_of(command.subject);
  ctx.correlation_id = needed.correlation_id;
  tx.told.lines.push_back([ctx, user = needed.user_id, rule, why, is_judged] {
    log_context scope{ctx};
    if (!is_judged)
      log.warning("Rule '{}' cannot be judged and fires: {}", rule, why);
    log.info("Approval required for user {}: rule '{}' matched ({})", user,
             rule, why);
  });
}

/// @returns the request that `command` needs, or none.
caf::optional<approval>
request_needed(transaction& tx, const submit_job& command,
               const caf::optional<int64_t>& estimate_micros) {
  auto result = request_for(command.subject, command.ctx, tx.now);
  result.estimated_cost_micros = estimate_micros;
  const auto rules = rule_table{tx.db}.list(true);
  const auto match
    = first_match(rules, facts_of(tx, command, estimate_micros, rules));
  if (match) {
    result.rule_id = match->rule.id;
    result.required_level
      = std::max(required_level(match->rule), caller_level::lead);
    result.reason = match->rule.name + ": " + match->why;
    result.expires_at = deadline(tx, command, match->rule.deadline_seconds);
    tell(tx, command, result, match->rule.name, match->why, match->is_judged);
    return result;
  }
  if (!command.requires_approval)
    return caf::none;
  result.reason = "the submission asks for it";
  result.expires_at = deadline(tx, command, 0);
  tell(tx, command, result, own_wish, result.reason, true);
  return result;
}

} // namespace

caf::expected<admission> admit(transaction& tx, const submit_job& command) {
  admission result;
  result.estimate_micros = estimate(tx, command);
  result.reserved_micros = result.estimate_micros
                             ? *result.estimate_micros
                             : cost_of(command.rate_nanos_per_second,
                                       std::min(command.longest_run, run_max));
  if (auto err = check_cost(tx, command, result))
    return err;
  result.needed = request_needed(tx, command, result.estimate_micros);
  return result;
}

} // namespace tunerd::sql
