#include "runtime/client.hpp"

#include "actors/provider_gateway/curl_thread.hpp"
#include "actors/support/redaction.hpp"
#include "runtime/logging.hpp"

#include <algorithm>
#include <future>

namespace tunerd {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr logger log{"simpletuner.cloud.http"};
constexpr auto timeout_max = std::chrono::milliseconds{1h};

void check_timeout(std::chrono::milliseconds timeout) {
  if (timeout < 1ms || timeout > timeout_max)
    throw std::invalid_argument{"timeout: want 1 ms to 1 h"};
}

client::options checked(client::options how) {
  check_timeout(how.timeout);
  if (how.in_flight_max < 1 || how.in_flight_max > 1000)
    throw std::invalid_argument{"in_flight_max: want 1 to 1000"};
  return how;
}

curl_settings settings_of(const client::options& how) {
  const live<config::outbound> network{{.ssl_verify = how.ssl_verify,
                                        .ca_bundle = how.ca_bundle,
                                        .proxy_url = how.proxy_url}};
  return {.outbound = network,
          .in_flight_max = how.in_flight_max,
          .body_bytes_max = how.body_bytes_max,
          .monotonic
          = [] { return caf::timespan{steady::now().time_since_epoch()}; }};
}

/// Says how a call ended: which one, never what was in it.
void log_call(const http_request& what, const http_response& answer,
              steady::duration took) {
  using std::chrono::duration_cast, std::chrono::milliseconds;
  const auto url = redacted(what.url);
  log.debug(
    "HTTP call finished",
    {{"method", std::string_view{what.method}},
     {"url", std::string_view{url}},
     {"status", int64_t{answer.status}},
     {"duration_ms", int64_t{duration_cast<milliseconds>(took).count()}},
     {"failure", std::string_view{answer.failure}}});
}

} // namespace

struct client::impl {
  explicit impl(options x)
    : how(checked(std::move(x))), thread(settings_of(how)) {
  }

  /// Blocks for the answer, at most a second longer than the time-out.
  http_response make(const http_request& what) {
    // Shared: the callback may still be in `set_value` when this returns.
    const auto promise = std::make_shared<std::promise<http_response>>();
    const auto take
      = [promise](http_response x) { promise->set_value(std::move(x)); };
    if (!thread.submit(what, take))
      return {.ctx = what.ctx,
              .transfer = http_transfer::not_sent,
              .failure = "too many calls wait"};
    return promise->get_future().get();
  }

  const options how;
  curl_thread thread;
};

std::string client::response::header(const std::string& name) const {
  return tunerd::header(headers, name);
}

client::client(options how) : impl_(std::make_shared<impl>(std::move(how))) {
}

client::response client::request(call what) const {
  if (what.timeout == 0ms)
    what.timeout = impl_->how.timeout;
  check_timeout(what.timeout);
  get_correlation_id(); // makes one, so that the context has it
  const http_request request{.ctx = current_context(),
                             .method = std::move(what.method),
                             .url = std::move(what.url),
                             .headers = std::move(what.headers),
                             .body = std::move(what.body),
                             .timeout = what.timeout};
  const auto begun = steady::now();
  auto answer = impl_->make(request);
  if (log.enabled(log_level::debug))
    log_call(request, answer, steady::now() - begun);
  if (answer.transfer != http_transfer::answered)
    throw call_failed{request.method + ' ' + redacted(request.url) + ": "
                        + answer.failure,
                      answer.transfer == http_transfer::lost};
  return {answer.status, std::move(answer.headers), std::move(answer.body)};
}

client::response client::get(std::string url, header_list headers) const {
  return request({.url = std::move(url), .headers = std::move(headers)});
}

client::response client::post(std::string url, std::string body,
                              header_list headers) const {
  return request({"POST", std::move(url), std::move(headers), std::move(body)});
}

client::response client::put(std::string url, std::string body,
                             header_list headers) const {
  return request({"PUT", std::move(url), std::move(headers), std::move(body)});
}

client::response client::patch(std::string url, std::string body,
                               header_list headers) const {
  return request(
    {"PATCH", std::move(url), std::move(headers), std::move(body)});
}

client::response client::delete_(std::string url, header_list headers) const {
  return request(
    {.method = "DELETE", .url = std::move(url), .headers = std::move(headers)});
}

client get_client() {
  static const client shared{client::options{}};
  return shared;
}

} // namespace tunerd
