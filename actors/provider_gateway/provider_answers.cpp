#include "actors/provider_gateway/provider_answers.hpp"

#include "actors/provider_gateway/json_text.hpp"
#include "actors/provider_gateway/time_text.hpp"

#include <algorithm>
#include <charconv>

namespace tunerd {

namespace {

using json = nlohmann::json;

constexpr size_t reason_bytes_max = 1000;

/// Errors are texts or any JSON.
std::string text_in(const json& error) {
  if (error.is_null())
    return {};
  return error.is_string() ? error.get<std::string>() : json_text(error);
}

/// @returns what people should read about an answer that is not 2xx.
std::string reason_of(const http_response& response) {
  const auto name = "HTTP " + std::to_string(response.status);
  const auto body = parse_json(response.body).value_or(nullptr);
  for (const char* key : {"detail", "message", "error", "title"})
    if (auto text = text_in(member(body, key)); !text.empty())
      return name + ": " + shortened(std::move(text), reason_bytes_max);
  return name;
}

/// Only an answer that speaks about this job refuses it. Everything else,
/// redirects included, says nothing about whether it was taken.
submission_result result_of(int status) {
  using enum submission_result;
  if (status == 401 || status == 402 || status == 403)
    return unavailable;
  if (status == 429)
    return not_accepted;
  return status >= 400 && status < 500 && status != 408 ? refused : in_doubt;
}

/// Reads "~30s", "30 s", "2m"; 0 if it is none of these.
caf::timespan span_in(std::string_view text) {
  const auto begin = text.find_first_not_of("~ ");
  if (begin == std::string_view::npos)
    return {};
  text.remove_prefix(begin);
  uint32_t count = 0;
  const auto [rest, err]
    = std::from_chars(text.data(), text.data() + text.size(), count);
  if (err != std::errc{})
    return {};
  text.remove_prefix(static_cast<size_t>(rest - text.data()));
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  if (text.starts_with("ms"))
    return std::chrono::milliseconds{count};
  if (text.starts_with('m'))
    return std::chrono::minutes{count};
  if (text.starts_with('h'))
    return std::chrono::hours{std::min(count, 1'000u)};
  return std::chrono::seconds{count};
}

caf::timespan wait_in_header(const std::string& value, timestamp now) {
  if (auto date = parse_http_date(value))
    return *date - now;
  return span_in(value);
}

/// "... Your rate limit resets in ~30s."
caf::timespan wait_in_detail(const std::string& detail) {
  constexpr std::string_view words = "resets in ";
  const auto at = detail.find(words);
  if (at == std::string::npos)
    return {};
  return span_in(std::string_view{detail}.substr(at + words.size()));
}

} // namespace

bool is_success(int status) {
  return status >= 200 && status < 300;
}

caf::error provider_failure(const http_response& response) {
  if (response.transfer != http_transfer::answered)
    return make_error(ec::provider_timeout, response.failure);
  if (is_success(response.status))
    return caf::none;
  auto reason = reason_of(response);
  switch (response.status) {
    case 401:
    case 402:
    case 403: return make_error(ec::provider_unavailable, std::move(reason));
    case 404: return make_error(ec::no_such_provider_job, std::move(reason));
    case 408: return make_error(ec::provider_timeout, std::move(reason));
    case 429: return make_error(ec::provider_throttled, std::move(reason));
    default: return make_error(ec::provider_error, std::move(reason));
  }
}

submission_outcome outcome_of(const http_response& response,
                              const std::optional<provider_job>& seen,
                              timestamp now) {
  using enum submission_result;
  submission_outcome result{.ctx = response.ctx};
  if (response.transfer != http_transfer::answered) {
    const bool is_sure = response.transfer == http_transfer::not_sent;
    result.result = is_sure ? not_accepted : in_doubt;
    result.reason = response.failure;
  } else if (!is_success(response.status)) {
    result.result = result_of(response.status);
    result.reason = reason_of(response);
    result.retry_after = asked_wait(response, now);
  } else if (seen) {
    result.result = accepted;
    result.seen = *seen;
  } else {
    result.reason = "the answer cannot be read";
  }
  return result;
}

caf::timespan asked_wait(const http_response& response, timestamp now) {
  auto wait = wait_in_header(header(response.headers, "retry-after"), now);
  if (wait <= caf::timespan{0})
    wait = wait_in_detail(
      text_member(parse_json(response.body).value_or(nullptr), "detail"));
  const caf::timespan day = std::chrono::hours{24};
  return std::clamp(wait, caf::timespan{0}, day);
}

} // namespace tunerd
