#include "runtime/tunerctl/commands.hpp"
#include "runtime/tunerctl/sse_parser.hpp"
#include "runtime/tunerctl/table.hpp"

#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <thread>

namespace tunerd::tunerctl {

using nlohmann::json;

namespace {

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

/// The parts of a trace as lines "time  what", in order of time.
std::string timeline(const json& answer) {
  std::multimap<std::string, std::string> lines;
  const auto add = [&](const char* list, const char* time,
                       const std::function<std::string(const json&)>& text) {
    for (const auto& x : answer.value(list, json::array()))
      lines.emplace(cell(x.value(time, json{})), text(x));
  };
  add("jobs", "created_at", [](const json& x) {
    return "job " + cell(x.at("job_id")) + " submitted, now "
           + cell(x.at("status"));
  });
  add("attempts", "claimed_at", [](const json& x) {
    return "attempt " + cell(x.value("attempt", json{})) + " of job "
           + cell(x.at("job_id")) + ": " + cell(x.value("state", json{})) + " "
           + cell(x.value("external_id", json{}));
  });
  add("approvals", "created_at", [](const json& x) {
    return "approval " + cell(x.at("id")) + " of job " + cell(x.at("job_id"))
           + ": " + cell(x.at("status")) + ", " + cell(x.at("reason"));
  });
  add("events", "timestamp", [](const json& x) {
    auto text = "event " + cell(x.at("id")) + " " + cell(x.at("type"));
    const auto data = x.value("data", json::object());
    for (const auto* field : {"job_id", "previous_status", "status",
                              "queue_status", "source", "message"})
      if (data.contains(field) && !data[field].is_null())
        text += std::string{"  "} + field + "=" + cell(data[field]);
    return text;
  });
  add("audit", "timestamp", [](const json& x) {
    return cell(x.value("user_id", json{})) + " did "
           + cell(x.value("action", json{})) + " "
           + cell(x.value("subject", json{})) + " "
           + cell(x.value("details", json{}));
  });
  std::string result;
  for (const auto& [time, text] : lines)
    result += time + "  " + text + "\n";
  return result.empty() ? "nothing is stored under this id\n" : result;
}

} // namespace

void workers(const session& s) {
  const auto answer = call(s.to, "GET", "/api/tunerd/workers");
  s.print(answer, render_table({{"WORKER", "name"},
                                {"STATE", "state"},
                                {"RESTARTS", "restarts"},
                                {"LAST ERROR", "last_error"}},
                               answer.at("workers")));
}

void trace(const session& s, const std::string& correlation_id) {
  const auto answer
    = call(s.to, "GET", "/api/tunerd/trace/" + escaped(correlation_id));
  s.print(answer, timeline(answer));
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
