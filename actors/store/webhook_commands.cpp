#include "actors/store/commands.hpp"
#include "actors/store/delivery_table.hpp"
#include "actors/store/job_table.hpp"
#include "actors/store/progress.hpp"
#include "actors/store/refusals.hpp"
#include "messages/json.hpp"

#include <nlohmann/json.hpp>

// Deliveries from providers: a poll that the provider makes (REFERENCE 5).

namespace tunerd::sql {

namespace {

using json = nlohmann::ordered_json;

constexpr size_t id_size_max = 256;
constexpr size_t event_type_max = 64;
/// A payload above it is left out of the event; the job changes all the same.
constexpr size_t payload_max = 128 * 1024;

/// @returns what is wrong with `x`, or none.
caf::error check(const webhook_read& x) {
  if (!x.is_signed)
    return make_error(ec::invalid_signature,
                      "a delivery without signature changes nothing");
  if (x.delivery_id.empty() || x.delivery_id.size() > id_size_max)
    return invalid("webhook-id: want 1 to 256 characters");
  if (x.seen.external_id.empty() || x.seen.external_id.size() > id_size_max)
    return invalid("the id of the job: want 1 to 256 characters");
  return {};
}

/// @returns the fields that differ, with their new values: times as ISO 8601,
/// the cost as a decimal number of USD.
std::map<std::string, std::string> changes(const job& before,
                                           const job& after) {
  std::map<std::string, std::string> result;
  if (before.status != after.status)
    result["status"] = to_string(after.status);
  if (before.cost_micros != after.cost_micros)
    result["cost_usd"] = usd_json(after.cost_micros).dump();
  if (before.output_url != after.output_url)
    result["output_url"] = after.output_url;
  if (before.error_message != after.error_message)
    result["error_message"] = after.error_message;
  if (before.started_at != after.started_at)
    result["started_at"] = utc_text(*after.started_at);
  if (before.completed_at != after.completed_at)
    result["completed_at"] = utc_text(*after.completed_at);
  return result;
}

/// @returns `text` as JSON, or an empty object if it is none or too long.
json read_payload(const std::string& text) {
  auto result = text.size() <= payload_max ? json::parse(text, nullptr, false)
                                           : json::object();
  return result.is_object() ? result : json::object();
}

event delivery_event(const job& x, const webhook_read& delivery,
                     const std::map<std::string, std::string>& updates,
                     timestamp now) {
  json data{{"type", "cloud_job_update"},
            {"job_id", x.id},
            {"event_type", delivery.event_type.substr(0, event_type_max)},
            {"status", to_string(x.status)},
            {"updates", updates},
            {"payload", read_payload(delivery.payload)},
            {"external_job_id", x.external_id},
            {"source", to_string(change_source::webhook)},
            {"timestamp", utc_text(now)},
            {"correlation_id", x.correlation_id}};
  if (updates.contains("cost_usd"))
    data["updates"]["cost_usd"] = usd_json(x.cost_micros);
  if (!x.user_id.empty())
    data["user_id"] = id_json(x.user_id);
  if (!x.org_id.empty())
    data["org_id"] = id_json(x.org_id);
  return {.id = 0,
          .time = now,
          .type = "cloud_job_update",
          .job_id = x.id,
          .user_id = x.user_id,
          .org_id = x.org_id,
          .correlation_id = x.correlation_id,
          .data = data.dump(-1, ' ', false, json::error_handler_t::replace)};
}

} // namespace

caf::expected<webhook_applied> run(transaction& tx,
                                   const apply_webhook& command) {
  const auto& delivery = command.delivery;
  if (auto err = check(delivery))
    return err;
  const auto& external_id = delivery.seen.external_id;
  delivery_table known{tx.db};
  if (known.had_effect(command.provider, delivery.delivery_id, tx.now))
    return webhook_applied{command.ctx, "duplicate"};
  const auto before
    = job_table{tx.db}.find_external(command.provider, external_id);
  known.remember(command.provider, delivery.delivery_id, external_id, !before,
                 command.ctx.correlation_id, tx.now);
  if (!before)
    return webhook_applied{command.ctx, "unknown job"};
  auto applied = apply_seen(tx, command.ctx, *before, delivery.seen,
                            change_source::webhook);
  if (!applied)
    return applied.error();
  webhook_applied result{command.ctx, {}, std::move(applied->subject)};
  result.updates = changes(*before, result.subject);
  tx.append(delivery_event(result.subject, delivery, result.updates, tx.now));
  return result;
}

} // namespace tunerd::sql
