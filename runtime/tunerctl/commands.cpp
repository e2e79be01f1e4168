#include "runtime/tunerctl/commands.hpp"

#include "runtime/tunerctl/sse_parser.hpp"
#include "runtime/tunerctl/table.hpp"

#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

namespace tunerd::tunerctl {

using nlohmann::json;

namespace {

/// @returns `text` so that it can stand in a path or a query.
std::string escaped(const std::string& text) {
  std::ostringstream result;
  result << std::hex << std::uppercase;
  for (const unsigned char c : text)
    if (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.')
      result << static_cast<char>(c);
    else
      result << '%' << (c >> 4) << (c & 15);
  return result.str();
}

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

void print(const session& s, const json& answer, const std::string& text) {
  if (s.json)
    s.out << answer.dump(2) << '\n';
  else
    s.out << text;
}

/// One event in one line.
std::string render(const sse_event& event) {
  const auto data = json::parse(event.data, nullptr, false);
  if (!data.is_object())
    return event.id + "  " + event.data;
  auto line = event.id + "  " + cell(data.value("timestamp", json{})) + "  "
              + cell(data.value("type", json{}));
  for (const auto* field : {"job_id", "previous_status", "status", "worker",
                            "state", "reason", "correlation_id"})
    if (data.contains(field) && !data[field].is_null())
      line += std::string{"  "} + field + "=" + cell(data[field]);
  return line;
}

} // namespace

void submit(const session& s, const std::string& file,
            const std::string& provider) {
  const auto answer
    = call(s.to, "POST", "/api/cloud/jobs/submit?provider=" + escaped(provider),
           read_all(file));
  print(s, answer, render_object(answer));
}

void jobs(const session& s, const std::string& status, int limit) {
  auto path = "/api/cloud/jobs?limit=" + std::to_string(limit);
  if (!status.empty())
    path += "&status=" + escaped(status);
  const auto answer = call(s.to, "GET", path);
  const auto& rows = answer.at("jobs");
  print(s, answer,
        render_table({{"JOB", "job_id"},
                      {"STATUS", "status"},
                      {"QUEUE", "queue_status"},
                      {"PLACE", "queue_position"},
                      {"USER", "user_id"},
                      {"CONFIG", "config_name"},
                      {"CREATED", "created_at"},
                      {"USD", "cost_usd"},
                      {"ERROR", "error_message"}},
                     rows)
          + std::to_string(rows.size()) + " of " + answer.at("total").dump()
          + " jobs\n");
}

void job(const session& s, const std::string& id) {
  const auto answer = call(s.to, "GET", "/api/cloud/jobs/" + escaped(id));
  print(s, answer, render_object(answer.at("job")));
}

void cancel(const session& s, const std::string& id) {
  const auto answer
    = call(s.to, "POST", "/api/cloud/jobs/" + escaped(id) + "/cancel");
  print(s, answer, id + " is " + cell(answer.at("status")) + "\n");
}

void queue(const session& s) {
  const auto answer = call(s.to, "GET", "/api/queue?limit=200");
  print(s, answer,
        render_table({{"PLACE", "position"},
                      {"JOB", "job_id"},
                      {"STATUS", "status"},
                      {"PRIORITY", "effective_priority"},
                      {"USER", "user_id"},
                      {"ORG", "org_id"},
                      {"QUEUED", "queued_at"},
                      {"ATTEMPT", "attempt"}},
                     answer.at("entries"))
          + answer.at("total_pending").dump() + " pending, "
          + answer.at("total_running").dump() + " running\n");
}

void workers(const session& s) {
  const auto answer = call(s.to, "GET", "/api/tunerd/workers");
  print(s, answer,
        render_table({{"WORKER", "name"},
                      {"STATE", "state"},
                      {"RESTARTS", "restarts"},
                      {"LAST ERROR", "last_error"}},
                     answer.at("workers")));
}

void events(const session& s, const std::string& since, bool follow) {
  sse_parser parser;
  bool first = true;
  auto heard = std::chrono::steady_clock::now();
  const auto on_event = [&](const sse_event& event) {
    if (event.type != "connection" && event.type != "heartbeat")
      s.out << (s.json ? event.data : render(event)) << std::endl;
  };
  const auto on_bytes = [&](std::string_view bytes) {
    const auto now = std::chrono::steady_clock::now();
    if (!bytes.empty())
      heard = now;
    parser.feed(bytes, on_event);
    return follow || now - heard < std::chrono::seconds{1};
  };
  do {
    if (!std::exchange(first, false))
      std::this_thread::sleep_for(std::chrono::seconds{3});
    try {
      stream(s.to, "/api/events",
             parser.last_id().empty() ? since : parser.last_id(), on_bytes);
    } catch (const failure& e) {
      if (!follow)
        throw;
      std::cerr << "tunerctl: " << e.what() << ", trying again\n";
    }
    parser = sse_parser{parser.last_id()};
  } while (follow);
}

} // namespace tunerd::tunerctl
