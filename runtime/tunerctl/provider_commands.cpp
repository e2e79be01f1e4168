#include "runtime/tunerctl/commands.hpp"
#include "runtime/tunerctl/table.hpp"
#include "runtime/tunerctl/top.hpp"

#include <sstream>

namespace tunerd::tunerctl {

using nlohmann::json;

namespace {

std::string path_of(const std::string& provider) {
  return "/api/cloud/providers/" + escaped(provider);
}

/// @returns an object's lines, those of objects in it below them.
std::string render_all(const json& answer) {
  auto plain = json::object();
  std::string lists;
  for (const auto& [key, value] : answer.items())
    if (value.is_object() && !value.empty())
      lists += "\n" + key + "\n" + render_object(value);
    else
      plain[key] = value;
  return render_object(plain) + lists;
}

} // namespace

json object_of(const std::vector<std::string>& assignments) {
  auto result = json::object();
  for (const auto& x : assignments) {
    const auto equals = x.find('=');
    if (equals == std::string::npos || equals == 0)
      throw failure{"'" + x + "': want NAME=VALUE"};
    const auto text = x.substr(equals + 1);
    auto value = json::parse(text, nullptr, false);
    result[x.substr(0, equals)]
      = value.is_discarded() ? json(text) : std::move(value);
  }
  return result;
}

void providers(const session& s) {
  const auto answer = call(s.to, "GET", "/api/cloud/providers");
  const auto breakers = call(s.to, "GET", "/api/cloud/circuit-breakers");
  s.print(answer, render_table(provider_columns(),
                               with_breakers(answer, breakers), s.colour));
}

void provider(const session& s, const std::string& name,
              const std::vector<std::string>& changes) {
  const auto path = path_of(name) + "/config";
  const auto answer = changes.empty()
                        ? call(s.to, "GET", path)
                        : call(s.to, "PUT", path, object_of(changes).dump());
  s.print(answer, render_object(answer.at("config")));
}

void validate(const session& s, const std::string& name) {
  const auto answer = call(s.to, "GET", path_of(name) + "/validate");
  if (!answer.value("valid", false)) {
    if (s.json)
      s.print(answer, "");
    throw failure{
      name + " does not accept the credential: " + cell(answer.at("error"))};
  }
  const auto& user = answer.at("user_info");
  s.print(answer, name + " accepts the credential\n"
                    + (user.is_object() ? render_object(user) : ""));
}

void polling(const session& s, const std::string& wanted) {
  if (!wanted.empty()) {
    const json body
      = {{"enabled", wanted == "auto" ? json{} : json(wanted == "on")}};
    call(s.to, "PUT", "/api/cloud/polling/setting", body.dump());
  }
  const auto answer = call(s.to, "GET", "/api/cloud/polling/status");
  s.print(answer, render_object(answer));
}

void test_webhook(const session& s, const webhook_wanted& x) {
  json body = {{"webhook_url", x.url}, {"timeout", x.timeout_seconds}};
  if (!x.provider.empty())
    body["provider"] = x.provider;
  if (!x.method.empty())
    body["method"] = x.method;
  const auto answer = call(s.to, "POST", "/api/webhooks/test", body.dump());
  s.print(answer, render_object(answer));
  if (!answer.value("success", false))
    throw failure{"the webhook was not taken"};
}

void costs(const session& s, int days) {
  const auto answer
    = call(s.to, "GET", "/api/metrics?days=" + std::to_string(days));
  auto rest = answer;
  rest.erase("cost_by_day");
  s.print(answer, render_all(rest) + "\n"
                    + render_table({{"DAY", "date"}, {"USD", "cost"}},
                                   answer.at("cost_by_day")));
}

void cost_limit(const session& s, const std::string& name) {
  const auto answer = call(
    s.to, "GET", "/api/cloud/metrics/cost-limit?provider=" + escaped(name));
  s.print(answer, render_object(answer));
}

void metrics(const session& s, const std::string& prefix) {
  std::istringstream page{call_text(s.to, "/metrics")};
  auto samples = json::object();
  std::string lines;
  for (std::string line; std::getline(page, line);) {
    const auto space = line.rfind(' ');
    if (line.empty() || line[0] == '#' || space == std::string::npos
        || !line.starts_with(prefix))
      continue;
    const auto value = json::parse(line.substr(space + 1), nullptr, false);
    samples[line.substr(0, space)]
      = value.is_discarded() ? json(line.substr(space + 1)) : value;
    lines += harmless(line) + "\n";
  }
  s.print(samples, lines);
}

void health(const session& s) {
  const auto answer = call(s.to, "GET", "/api/cloud/health");
  auto rest = answer;
  rest.erase("components");
  s.print(answer, render_object(rest) + "\n"
                    + render_table({{"COMPONENT", "name"},
                                    {"STATUS", "status", true},
                                    {"MS", "latency_ms"},
                                    {"MESSAGE", "message"}},
                                   answer.at("components"), s.colour));
}

} // namespace tunerd::tunerctl
