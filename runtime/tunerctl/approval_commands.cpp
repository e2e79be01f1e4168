#include "runtime/tunerctl/commands.hpp"
#include "runtime/tunerctl/table.hpp"

#include <algorithm>

namespace tunerd::tunerctl {

using nlohmann::json;

namespace {

/// As many as one request may decide about.
constexpr size_t bulk_max = 100;

/// @returns whether `id` is that of a request: the ids of jobs are longer.
bool is_request(const std::string& id) {
  return !id.empty() && id.size() <= 15
         && id.find_first_not_of("0123456789") == std::string::npos;
}

std::string path_of(const std::string& id) {
  return is_request(id) ? "/api/approvals/requests/" + id
                        : "/api/queue/" + escaped(id);
}

/// @param body What goes with the decision: notes or a reason.
json decide(const session& s, const std::string& verb, const std::string& id,
            const json& body) {
  if (verb == "reject" && !is_request(id)) // the reason goes into the query
    return call(s.to, "POST",
                path_of(id) + "/reject?reason="
                  + escaped(body.at("reason").get<std::string>()));
  return call(s.to, "POST", path_of(id) + "/" + verb, body.dump());
}

/// The decision about up to `bulk_max` requests, a line for each. Where the
/// call fails as a whole each line says so: those before it are decided.
json decide_requests(const session& s, const std::string& verb,
                     const std::vector<int64_t>& ids, json body) {
  body["request_ids"] = ids;
  try {
    return call(s.to, "POST", "/api/approvals/requests/bulk-" + verb,
                body.dump())
      .at("results");
  } catch (const failure& e) {
    auto lines = json::array();
    for (const auto id : ids)
      lines.push_back(
        {{"request_id", id}, {"success", false}, {"error", e.what()}});
    return lines;
  }
}

/// The decision about one job, as a line of a bulk decision.
json result_of(const session& s, const std::string& verb, const std::string& id,
               const json& body) {
  json line = {{"request_id", id}, {"success", true}, {"error", nullptr}};
  try {
    decide(s, verb, id, body);
  } catch (const failure& e) {
    line.update({{"success", false}, {"error", e.what()}});
  }
  return line;
}

/// Decides about requests together and about jobs one by one; prints a line
/// for each. @throws failure if one of them failed.
void decide_all(const session& s, const std::string& verb,
                const std::vector<std::string>& ids, const json& body) {
  auto results = json::array();
  std::vector<int64_t> requests;
  const auto flush = [&] {
    if (!requests.empty())
      for (auto& x : decide_requests(s, verb, requests, body))
        results.push_back(std::move(x));
    requests.clear();
  };
  for (const auto& id : ids) {
    if (!is_request(id))
      results.push_back(result_of(s, verb, id, body));
    else
      requests.push_back(std::stoll(id));
    if (requests.size() == bulk_max)
      flush();
  }
  flush();
  const auto failed
    = std::count_if(results.begin(), results.end(),
                    [](const auto& x) { return !x.value("success", false); });
  std::string text;
  for (const auto& x : results)
    text += cell(x.at("request_id")) + "  "
            + (x.value("success", false) ? "done" : cell(x.at("error"))) + "\n";
  s.print({{"total", results.size()}, {"failed", failed}, {"results", results}},
          text);
  if (failed > 0)
    throw failure{std::to_string(failed) + " of "
                  + std::to_string(results.size()) + " failed"};
}

} // namespace

void approvals(const session& s, const std::string& status, int limit,
               bool own_only) {
  auto path = std::string{"/api/approvals/"} + (own_only ? "me" : "requests")
              + "?limit=" + std::to_string(limit);
  if (status != "all")
    path += "&status=" + escaped(status.empty() ? "pending" : status);
  const auto answer = call(s.to, "GET", path);
  s.print(answer, render_table({{"ID", "id"},
                                {"JOB", "job_id"},
                                {"STATUS", "status", true},
                                {"USER", "user_id"},
                                {"USD", "estimated_cost"},
                                {"EXPIRES", "expires_at"},
                                {"REASON", "reason"}},
                               answer.at("requests"), s.colour)
                    + answer.at("pending_count").dump() + " pending\n");
}

void request(const session& s, const std::string& id) {
  const auto answer
    = call(s.to, "GET",
           is_request(id) ? path_of(id)
                          : "/api/approvals/requests/job/" + escaped(id));
  s.print(answer, render_object(answer));
}

void approve(const session& s, const std::vector<std::string>& ids,
             const std::string& notes) {
  json body = json::object();
  if (!notes.empty())
    body["notes"] = notes;
  if (ids.size() > 1)
    return decide_all(s, "approve", ids, body);
  const auto answer = decide(s, "approve", ids.at(0), body);
  s.print(answer, "job " + cell(answer.at("job_id")) + " may run\n");
}

void reject(const session& s, const std::vector<std::string>& ids,
            const std::string& reason) {
  const json body = {{"reason", reason}};
  if (ids.size() > 1)
    return decide_all(s, "reject", ids, body);
  const auto answer = decide(s, "reject", ids.at(0), body);
  s.print(answer, "job " + cell(answer.at("job_id")) + " is rejected\n");
}

void cancel_request(const session& s, const std::string& id) {
  const auto answer
    = call(s.to, "POST", "/api/approvals/requests/" + escaped(id) + "/cancel");
  s.print(answer, "request " + id + " is cancelled, and its job\n");
}

void expire(const session& s) {
  const auto answer = call(s.to, "POST", "/api/approvals/expire");
  s.print(answer, cell(answer.at("expired")) + " expired\n");
}

void extend(const session& s, const std::string& id, int hours) {
  const auto answer
    = call(s.to, "POST", "/api/approvals/requests/" + escaped(id) + "/extend",
           json{{"hours", hours}}.dump());
  s.print(answer, "request " + id + " now expires at "
                    + cell(answer.at("expires_at")) + "\n");
}

} // namespace tunerd::tunerctl
