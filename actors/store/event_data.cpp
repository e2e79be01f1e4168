#include "actors/store/event_data.hpp"

#include "actors/store/texts.hpp"
#include "messages/json.hpp"

#include <nlohmann/json.hpp>

namespace tunerd::sql {

namespace {

using json = nlohmann::ordered_json;

std::string text(const json& x) {
  return x.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// @returns the event about what is of a job: the job or its approval.
template <class X>
event about(const X& x, std::string job_id, std::string type, timestamp now) {
  return {.id = 0,
          .time = now,
          .type = std::move(type),
          .job_id = std::move(job_id),
          .user_id = x.user_id,
          .org_id = x.org_id,
          .correlation_id = x.correlation_id};
}

/// Adds whose it is, as far as that is known.
void add_owner(json& data, const event& x) {
  if (!x.user_id.empty())
    data["user_id"] = id_json(x.user_id);
  if (!x.org_id.empty())
    data["org_id"] = id_json(x.org_id);
}

/// @returns an event about `x`; its data are `facts` and what all have.
event approval_event(const approval& x, std::string type, const json& facts,
                     timestamp now) {
  auto result = about(x, x.job_id, std::move(type), now);
  json data{{"type", result.type}, {"approval_id", x.id}, {"job_id", x.job_id}};
  data.update(facts);
  data["timestamp"] = utc_text(now);
  data["correlation_id"] = x.correlation_id;
  add_owner(data, result);
  result.data = text(data);
  return result;
}

json deadline_json(const approval& x) {
  return x.expires_at ? json(utc_text(*x.expires_at)) : json{};
}

} // namespace

event status_event(const job& x, caf::optional<job_status> previous,
                   change_source source, timestamp now) {
  auto result = about(x, x.id, "job_status_changed", now);
  json data{{"type", result.type},
            {"job_id", x.id},
            {"status", to_string(x.status)},
            {"previous_status", nullptr},
            {"source", to_string(source)},
            {"timestamp", utc_text(now)},
            {"correlation_id", x.correlation_id}};
  if (previous)
    data["previous_status"] = to_string(*previous);
  add_owner(data, result);
  result.data = text(data);
  return result;
}

event queue_event(const job& x, timestamp now) {
  auto result = about(x, x.id, "queue_changed", now);
  result.data = text({{"type", result.type},
                      {"job_id", x.id},
                      {"queue_status", to_string(x.queue)},
                      {"timestamp", utc_text(now)},
                      {"correlation_id", x.correlation_id}});
  return result;
}

event twin_event(const job& x, int64_t attempt_id,
                 const std::string& external_id, timestamp now) {
  auto result = about(x, x.id, "job_submission_twin", now);
  json data{{"type", result.type},
            {"job_id", x.id},
            {"attempt_id", attempt_id},
            {"external_job_id", external_id},
            {"source", to_string(change_source::scheduler)},
            {"timestamp", utc_text(now)},
            {"correlation_id", x.correlation_id}};
  add_owner(data, result);
  result.data = text(data);
  return result;
}

event required_event(const approval& x, timestamp now) {
  return approval_event(
    x, "approval_required",
    {{"reason", x.reason}, {"expires_at", deadline_json(x)}}, now);
}

event decided_event(const approval& x, timestamp now) {
  return approval_event(
    x, "approval_decided",
    {{"status", to_string(x.status)}, {"reviewed_by", id_json(x.reviewed_by)}},
    now);
}

event expiring_event(const approval& x, timestamp now) {
  return approval_event(x, "approval_expiring",
                        {{"expires_at", deadline_json(x)}}, now);
}

event expired_event(const approval& x, timestamp now) {
  return approval_event(
    x, "approval_expired",
    {{"message", expiry_text(x)}, {"source", to_string(change_source::expiry)}},
    now);
}

std::string expiry_text(const approval& x) {
  return "Approval request expired after "
         + span_text(*x.expires_at - x.created_at);
}

event limits_event(const context& ctx, timestamp now) {
  event result{.id = 0, .time = now, .type = "limits_changed"};
  result.correlation_id = ctx.correlation_id;
  result.data = text({{"type", result.type},
                      {"timestamp", utc_text(now)},
                      {"correlation_id", ctx.correlation_id}});
  return result;
}

} // namespace tunerd::sql
