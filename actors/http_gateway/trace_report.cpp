#include "actors/http_gateway/trace_report.hpp"

#include <nlohmann/json.hpp>

#include <set>

namespace tunerd {

using nlohmann::ordered_json;

namespace {

ordered_json text_or_null(const std::string& text) {
  return text.empty() ? ordered_json{} : ordered_json(text);
}

ordered_json time_or_null(const caf::optional<timestamp>& time) {
  return time ? ordered_json(utc_text(*time)) : ordered_json{};
}

ordered_json row(const attempt_trace& x) {
  return {{"id", x.id},
          {"job_id", x.job_id},
          {"attempt", x.number},
          {"state", to_string(x.state)},
          {"claimed_at", utc_text(x.claimed_at)},
          {"closed_at", time_or_null(x.closed_at)},
          {"external_id", text_or_null(x.external_id)}};
}

ordered_json row(const approval& x) {
  return {{"id", x.id},
          {"job_id", x.job_id},
          {"status", to_string(x.status)},
          {"reason", text_or_null(x.reason)},
          {"reviewed_by", id_json(x.reviewed_by)},
          {"reviewed_at", time_or_null(x.reviewed_at)},
          {"created_at", utc_text(x.created_at)},
          {"expires_at", time_or_null(x.expires_at)}};
}

ordered_json row(const event& x) {
  auto body = nlohmann::json::parse(x.data, nullptr, false);
  return {{"id", x.id},
          {"timestamp", utc_text(x.time)},
          {"type", x.type},
          {"job_id", text_or_null(x.job_id)},
          {"data", body.is_object() ? ordered_json(std::move(body))
                                    : ordered_json::object()}};
}

ordered_json row(const audit_entry& x) {
  return {{"id", x.id},
          {"timestamp", utc_text(x.time)},
          {"user_id", id_json(x.user_id)},
          {"token", text_or_null(x.token)},
          {"action", x.action},
          {"subject", text_or_null(x.subject)},
          {"details", text_or_null(x.details)}};
}

template <class T>
ordered_json rows(const std::vector<T>& list) {
  auto out = ordered_json::array();
  for (const auto& x : list)
    out.push_back(row(x));
  return out;
}

} // namespace

ordered_json trace_json(const trace_found& x, const std::string& correlation_id,
                        const job_view& view) {
  auto jobs = ordered_json::array();
  for (const auto& y : x.jobs)
    jobs.push_back(job_json(y, view));
  return {{"correlation_id", correlation_id}, {"jobs", std::move(jobs)},
          {"attempts", rows(x.attempts)},     {"approvals", rows(x.approvals)},
          {"events", rows(x.events)},         {"audit", rows(x.audit)}};
}

ordered_json log_json(const log_lines_found& x, const trace_found& seen,
                      const caller& who) {
  std::set<std::string> jobs;
  for (const auto& y : seen.jobs)
    jobs.insert(y.id);
  auto lines = ordered_json::array();
  for (const auto& line : x.lines) {
    auto fields = ordered_json::parse(line.fields, nullptr, false);
    if (!fields.is_object())
      fields = ordered_json::object();
    const auto job = fields.find("job_id");
    if (who.level != caller_level::admin
        && (job == fields.end() || !job->is_string()
            || jobs.count(job->get<std::string>()) == 0))
      continue;
    lines.push_back({{"timestamp", line.time},
                     {"level", line.level},
                     {"logger", line.logger},
                     {"message", line.message},
                     {"fields", std::move(fields)}});
  }
  ordered_json result = {{"file", x.has_file},
                         {"truncated", x.truncated},
                         {"lines", std::move(lines)}};
  if (!x.has_file)
    result["message"] = "lines are not written to a file";
  return result;
}

} // namespace tunerd
