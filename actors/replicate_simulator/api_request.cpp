#include "actors/replicate_simulator/api_request.hpp"

#include "actors/replicate_simulator/iso_time.hpp"
#include "actors/replicate_simulator/json_fields.hpp"
#include "messages/fingerprint.hpp"

#include <algorithm>
#include <charconv>

namespace tunerd::simulated {

namespace {

using nlohmann::json;

/// @returns `text` with %XX resolved; a malformed one stays as it is.
std::string percent_decode(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    const auto* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size()
        && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      result += static_cast<char>(byte);
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> result;
  for (size_t end = 0; end != std::string_view::npos;) {
    end = text.find(separator);
    result.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? 0 : end + 1);
  }
  return result;
}

std::string marker(const json& input, const std::string& field) {
  const auto found = input.find(field);
  if (found == input.end() || found->is_null())
    return {};
  return found->is_string() ? found->get<std::string>() : dump(*found);
}

std::optional<timestamp> read_time(const std::string& text,
                                   const std::string& name) {
  if (text.empty())
    return std::nullopt;
  const auto time = parse_iso_time(text);
  if (!time)
    throw std::invalid_argument{name + ": want a time in ISO 8601"};
  return time;
}

std::optional<uint64_t> read_cursor(const std::string& text) {
  if (text.empty())
    return std::nullopt;
  uint64_t serial = 0;
  const auto end = text.data() + text.size();
  if (std::from_chars(text.data(), end, serial).ptr != end)
    throw std::invalid_argument{"cursor: not one of ours"};
  return serial;
}

/// Fills `becomes` from what the input says under "simulate".
void read_fate(const json& input, fate& becomes) {
  const auto found = input.find("simulate");
  if (found == input.end())
    return;
  require_object(*found, "simulate");
  require_known(*found, {"queue_ms", "run_ms", "outcome", "error"});
  constexpr int64_t week_ms = 7 * 24 * 3'600'000;
  becomes.queue = std::chrono::milliseconds{
    read_integer(*found, "queue_ms", becomes.queue.count(), 0, week_ms)};
  becomes.run = std::chrono::milliseconds{
    read_integer(*found, "run_ms", becomes.run.count(), 0, week_ms)};
  becomes.error = read_text(*found, "error", "simulated failure");
  const auto outcome = read_text(*found, "outcome", "succeeded");
  for (const auto status :
       {prediction_status::succeeded, prediction_status::failed,
        prediction_status::canceled})
    if (outcome == to_string(status)) {
      becomes.outcome = status;
      return;
    }
  throw std::invalid_argument{"outcome: want succeeded, failed or canceled"};
}

/// Without a filter all events are told; "output" and "logs" never are.
void read_webhook_wish(const json& body, submission& out) {
  out.webhook_url = read_text(body, "webhook", "");
  const auto found = body.find("webhook_events_filter");
  if (found == body.end())
    return;
  if (!found->is_array())
    throw std::invalid_argument{"webhook_events_filter: want a list"};
  const auto names = [found](const char* event) {
    return std::find(found->begin(), found->end(), event) != found->end();
  };
  out.tells_start = names("start");
  out.tells_end = names("completed");
}

} // namespace

api_request::api_request(const http_call& made, timestamp at)
  : call(made), now(at),
    correlation_id(header(made.headers, "x-correlation-id")) {
  std::string_view target{call.target};
  if (target.starts_with('/'))
    target.remove_prefix(1);
  const auto mark = std::min(target.find('?'), target.size());
  path = split(target.substr(0, mark), '/');
  target.remove_prefix(std::min(mark + 1, target.size()));
  for (const std::string_view field : split(target, '&')) {
    const auto equals = std::min(field.find('='), field.size());
    const auto value = field.substr(std::min(equals + 1, field.size()));
    query[std::string{field.substr(0, equals)}] = percent_decode(value);
  }
}

bool api_request::is(std::string_view method, size_t parts) const {
  return call.method == method && path.size() == parts;
}

std::string api_request::base_url() const {
  return "http://" + header(call.headers, "host") + "/v1";
}

list_query api_request::wanted_list() const {
  return {
    .created_after = read_time(query_value("created_after"), "created_after"),
    .created_before
    = read_time(query_value("created_before"), "created_before"),
    .older_than = read_cursor(query_value("cursor")),
  };
}

std::string api_request::next_page(uint64_t serial) const {
  auto url = base_url() + "/predictions?cursor=" + std::to_string(serial);
  for (const std::string name : {"created_after", "created_before"})
    if (const auto value = query_value(name); !value.empty())
      url += "&" + name + "=" + value;
  return url;
}

std::string api_request::query_value(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

std::optional<std::chrono::milliseconds> read_lifetime(std::string_view text) {
  if (text.empty())
    return std::nullopt;
  const std::invalid_argument wrong{
    "Cancel-After: want a duration of at least 5 seconds, e.g. 90s or 2h30m"};
  std::chrono::seconds sum{0};
  while (!text.empty()) {
    uint32_t count = 0;
    const auto* end = text.data() + text.size();
    const auto* unit = std::from_chars(text.data(), end, count).ptr;
    if (unit == text.data() || unit == end || count > 1'000'000)
      throw wrong;
    if (*unit == 'h')
      sum += std::chrono::hours{count};
    else if (*unit == 'm')
      sum += std::chrono::minutes{count};
    else if (*unit == 's')
      sum += std::chrono::seconds{count};
    else
      throw wrong;
    text.remove_prefix(static_cast<size_t>(unit + 1 - text.data()));
  }
  if (sum < std::chrono::seconds{5})
    throw wrong;
  return sum;
}

submission read_submission(const std::string& body, fate becomes,
                           const marker_fields& markers) {
  const auto parsed = parse_json(body);
  require_object(parsed, "body");
  submission result{.version = read_text(parsed, "version", ""),
                    .input = {},
                    .becomes = std::move(becomes)};
  if (result.version.empty())
    throw std::invalid_argument{"version: required"};
  const auto input = parsed.value("input", json());
  require_object(input, "input");
  read_fate(input, result.becomes);
  result.input = dump(input);
  read_webhook_wish(parsed, result);
  result.user = marker(input, markers.user);
  result.job = marker(input, markers.job);
  result.fingerprint
    = fingerprint("replicate", result.version, result.input, result.input);
  return result;
}

} // namespace tunerd::simulated
