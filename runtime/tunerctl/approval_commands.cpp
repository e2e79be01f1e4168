#include "runtime/tunerctl/commands.hpp"
#include "runtime/tunerctl/table.hpp"

namespace tunerd::tunerctl {

using nlohmann::json;

namespace {

/// @returns whether `id` is that of a request: the ids of jobs are longer.
bool is_request(const std::string& id) {
  return !id.empty() && id.size() <= 15
         && id.find_first_not_of("0123456789") == std::string::npos;
}

std::string path_of(const std::string& id) {
  return is_request(id) ? "/api/approvals/requests/" + id
                        : "/api/queue/" + escaped(id);
}

} // namespace

void approvals(const session& s, const std::string& status, int limit) {
  auto path = "/api/approvals/requests?limit=" + std::to_string(limit);
  if (status != "all")
    path += "&status=" + escaped(status.empty() ? "pending" : status);
  const auto answer = call(s.to, "GET", path);
  s.print(answer, render_table({{"ID", "id"},
                                {"JOB", "job_id"},
                                {"STATUS", "status"},
                                {"USER", "user_id"},
                                {"USD", "estimated_cost"},
                                {"EXPIRES", "expires_at"},
                                {"REASON", "reason"}},
                               answer.at("requests"))
                    + answer.at("pending_count").dump() + " pending\n");
}

void approve(const session& s, const std::string& id,
             const std::string& notes) {
  json body = json::object();
  if (!notes.empty())
    body["notes"] = notes;
  const auto answer = call(s.to, "POST", path_of(id) + "/approve", body.dump());
  s.print(answer, "job " + cell(answer.at("job_id")) + " may run\n");
}

void reject(const session& s, const std::string& id,
            const std::string& reason) {
  const auto answer
    = is_request(id)
        ? call(s.to, "POST", path_of(id) + "/reject",
               json{{"reason", reason}}.dump())
        : call(s.to, "POST", path_of(id) + "/reject?reason=" + escaped(reason));
  s.print(answer, "job " + cell(answer.at("job_id")) + " is rejected\n");
}

void extend(const session& s, const std::string& id, int hours) {
  const auto answer
    = call(s.to, "POST", "/api/approvals/requests/" + escaped(id) + "/extend",
           json{{"hours", hours}}.dump());
  s.print(answer, "request " + id + " now expires at "
                    + cell(answer.at("expires_at")) + "\n");
}

} // namespace tunerd::tunerctl
