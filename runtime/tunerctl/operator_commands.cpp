#include "runtime/tunerctl/commands.hpp"
#include "runtime/tunerctl/sse_parser.hpp"
#include "runtime/tunerctl/table.hpp"
#include "runtime/tunerctl/timeline.hpp"
#include "runtime/tunerctl/top.hpp"

#include <chrono>
#include <iostream>
#include <thread>

namespace tunerd::tunerctl {

using nlohmann::json;

std::string event_line(const sse_event& event) {
  const auto data = json::parse(event.data, nullptr, false);
  if (!data.is_object())
    return cell(json(event.id)) + "  " + cell(json(event.data));
  auto line = cell(json(event.id)) + "  "
              + cell(data.value("timestamp", json{})) + "  "
              + cell(data.value("type", json{}));
  for (const auto* field : {"job_id", "previous_status", "status", "worker",
                            "state", "reason", "correlation_id"})
    if (data.contains(field) && !data[field].is_null())
      line += std::string{"  "} + field + "=" + cell(data[field]);
  return line;
}

void workers(const session& s) {
  const auto answer = call(s.to, "GET", "/api/tunerd/workers");
  s.print(answer,
          render_table(worker_columns(), answer.at("workers"), s.colour));
}

void worker(const session& s, const std::string& name,
            const std::string& action) {
  const auto answer
    = call(s.to, "POST", "/api/tunerd/workers/" + escaped(name) + "/" + action);
  s.print(answer, name + ": " + action + " done\n");
}

void trace(const session& s, const std::string& correlation_id) {
  const auto answer
    = call(s.to, "GET", "/api/tunerd/trace/" + escaped(correlation_id));
  s.print(answer, timeline(answer));
}

void log_level(const session& s, const std::string& logger,
               const std::string& level) {
  const auto answer
    = level.empty() ? call(s.to, "GET", "/api/tunerd/log-level")
                    : call(s.to, "PUT", "/api/tunerd/log-level",
                           json{{"logger", logger}, {"level", level}}.dump());
  auto text = cell(answer.at("level")) + "\n";
  for (const auto& [name, its] : answer.at("loggers").items())
    text += cell(its) + "  " + cell(name) + "\n";
  s.print(answer, text);
}

void events(const session& s, const std::string& since, bool follow) {
  sse_parser parser;
  bool first = true;
  auto heard = std::chrono::steady_clock::now();
  const auto on_event = [&](const sse_event& event) {
    if (event.type != "connection" && event.type != "heartbeat")
      s.out << (!s.json         ? event_line(event)
                : s.to_terminal ? harmless(event.data)
                                : event.data)
            << std::endl;
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
      std::cerr << "tunerctl: " << harmless(e.what()) << ", trying again\n";
    }
    parser = sse_parser{parser.last_id()};
  } while (follow);
}

} // namespace tunerd::tunerctl
