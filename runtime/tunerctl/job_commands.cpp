#include "runtime/tunerctl/commands.hpp"
#include "runtime/tunerctl/sse_parser.hpp"
#include "runtime/tunerctl/table.hpp"

#include <fstream>
#include <iostream>
#include <sstream>

namespace tunerd::tunerctl {

using nlohmann::json;

namespace {

std::string read_all(const std::string& file) {
  std::ostringstream text;
  if (file == "-") {
    text << std::cin.rdbuf();
  } else {
    std::ifstream in{file};
    if (!in)
      throw failure{file + ": cannot be read"};
    text << in.rdbuf();
  }
  return text.str();
}

} // namespace

void submit(const session& s, const std::string& file,
            const std::string& provider) {
  const auto answer
    = call(s.to, "POST", "/api/cloud/jobs/submit?provider=" + escaped(provider),
           read_all(file));
  s.print(answer, render_object(answer));
}

void jobs(const session& s, const std::string& status, int limit) {
  auto path = "/api/cloud/jobs?limit=" + std::to_string(limit);
  if (!status.empty())
    path += "&status=" + escaped(status);
  const auto answer = call(s.to, "GET", path);
  const auto& rows = answer.at("jobs");
  s.print(answer, render_table({{"JOB", "job_id"},
                                {"STATUS", "status", true},
                                {"QUEUE", "queue_status", true},
                                {"PLACE", "queue_position"},
                                {"USER", "user_id"},
                                {"CONFIG", "config_name"},
                                {"CREATED", "created_at"},
                                {"USD", "cost_usd"},
                                {"ERROR", "error_message"}},
                               rows, s.colour)
                    + std::to_string(rows.size()) + " of "
                    + answer.at("total").dump() + " jobs\n");
}

void job(const session& s, const std::string& id) {
  const auto answer = call(s.to, "GET", "/api/cloud/jobs/" + escaped(id));
  s.print(answer, render_object(answer.at("job")));
}

void cancel(const session& s, const std::string& id) {
  const auto answer
    = call(s.to, "POST", "/api/cloud/jobs/" + escaped(id) + "/cancel");
  s.print(answer, id + " is " + cell(answer.at("status")) + "\n");
}

void progress(const session& s, const std::string& id) {
  const auto answer
    = call(s.to, "GET", "/api/cloud/jobs/" + escaped(id) + "/inline-progress");
  s.print(answer, render_object(answer));
}

void erase(const session& s, const std::string& id) {
  const auto answer = call(s.to, "DELETE", "/api/cloud/jobs/" + escaped(id));
  s.print(answer, id + " is deleted\n");
}

void sync(const session& s, const std::string& provider) {
  const auto answer
    = call(s.to, "POST", "/api/cloud/jobs/sync?provider=" + escaped(provider));
  s.print(answer, cell(answer.at("message")) + "\n");
}

void logs(const session& s, const std::string& id, bool follow) {
  const auto path = "/api/cloud/jobs/" + escaped(id) + "/logs";
  if (!follow) {
    const auto answer = call(s.to, "GET", path);
    auto text = harmless(answer.value("logs", ""));
    if (!text.empty() && text.back() != '\n')
      text += '\n';
    return s.print(answer, text);
  }
  sse_parser parser;
  bool is_over = false;
  stream(s.to, path + "/stream", {}, [&](std::string_view bytes) {
    parser.feed(bytes, [&](const sse_event& event) {
      if (event.type == "done")
        is_over = true;
      else
        s.out << harmless(event.data) << std::endl;
    });
    return !is_over;
  });
  if (!is_over)
    throw failure{"the stream ended before the job"};
}

void resolve(const session& s, const std::string& id,
             const std::string& decision, const std::string& external_id) {
  json body = {{"decision", decision}};
  if (!external_id.empty())
    body["external_id"] = external_id;
  const auto answer = call(
    s.to, "POST", "/api/tunerd/jobs/" + escaped(id) + "/resolve", body.dump());
  s.print(answer, id + " is settled: " + decision + "\n");
}

} // namespace tunerd::tunerctl
