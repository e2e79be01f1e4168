#include "actors/provider_gateway/provider_gateway.hpp"
#include "actors/provider_gateway/retry.hpp"

// How a call to a provider is made: past its breaker, with retries, counted and
// logged.

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.providers"};

/// The client answers at its request's time-out; this is for its answer's way.
constexpr caf::timespan margin = std::chrono::seconds{2};

/// @returns whether the client did not take the request; about every other
/// error of its own nothing is known.
bool is_untaken(const caf::error& err) {
  return err == make_error(ec::overloaded, {})
         || err == make_error(ec::worker_restarting, {});
}

http_response failed_call(const context& ctx, const caf::error& err) {
  return {.ctx = ctx,
          .transfer
          = is_untaken(err) ? http_transfer::not_sent : http_transfer::lost,
          .failure = render(err)};
}

call_verdict verdict_of(const http_response& response) {
  using enum call_verdict;
  if (response.transfer != http_transfer::answered || response.status >= 500)
    return failure;
  return response.status == 408 || response.status == 429 ? neither : success;
}

void log_call(const char* operation, const std::string& method,
              const http_response& response, caf::timespan took) {
  using std::chrono::duration_cast, std::chrono::milliseconds;
  log.debug(
    "Provider call finished",
    {{"operation", operation},
     {"method", std::string_view{method}},
     {"status", int64_t{response.status}},
     {"duration_ms", int64_t{duration_cast<milliseconds>(took).count()}},
     {"failure", std::string_view{response.failure}}});
}

/// @returns what was wrong with a response, for people.
std::string trouble(const http_response& response) {
  return response.transfer == http_transfer::answered
           ? "HTTP " + std::to_string(response.status)
           : response.failure;
}

} // namespace

caf::error breaker_error(const provider_account& to,
                         circuit_breaker::time_point now) {
  return make_error(ec::provider_unavailable,
                    "circuit breaker '" + to.breaker_name + "' is "
                      + to_string(to.breaker.phase(now)));
}

caf::expected<provider_account*>
provider_gateway_state::find(const std::string& provider) {
  const auto i = providers.find(provider);
  if (i == providers.end())
    return make_error(ec::unknown_provider, provider);
  return &i->second;
}

void provider_gateway_state::begin(call started) {
  if (calls.size() >= calls_max)
    return started.finish(
      make_error(ec::overloaded, "too many provider calls"));
  const auto id = ++last_call;
  calls.emplace(id, std::move(started));
  make_call(id);
}

void provider_gateway_state::make_call(uint64_t id) {
  auto i = calls.find(id);
  if (i == calls.end())
    return;
  auto& [operation, to, request, finished, tries] = i->second;
  const log_context scope{request.ctx}; // a retry comes from a tick
  const auto era = admit(*to);
  if (!era)
    return finish(id, breaker_error(*to, self->clock().now()));
  ++tries;
  send(*to, *era, operation, request,
       [this, id](const http_response& response) { settle(id, response); });
}

void provider_gateway_state::settle(uint64_t id,
                                    const http_response& response) {
  auto i = calls.find(id);
  if (i == calls.end())
    return;
  auto& [operation, to, request, finished, tries] = i->second;
  if (is_worth_retrying(response)) {
    if (tries < tries_max && to->breaker.would_admit(self->clock().now())) {
      const auto delay = retry_delay(
        tries, to->api->retry_after(response, settings.world.now()),
        settings.world.random());
      log.warning("Attempt {}/{} failed, retrying in {:.2f}s: {}", tries,
                  tries_max, static_cast<double>(delay.count()) / 1e9,
                  trouble(response));
      self->delayed_send(self, delay, tick{id});
      return;
    }
    log.error("All {} attempts failed: {}", tries, trouble(response));
  }
  finish(id, response);
}

void provider_gateway_state::finish(
  uint64_t id, const caf::expected<http_response>& result) {
  if (auto ended = calls.extract(id))
    ended.mapped().finish(result);
}

std::optional<uint64_t> provider_gateway_state::admit(provider_account& to) {
  const auto [era, changed] = to.breaker.admit(self->clock().now());
  if (changed == circuit_breaker::change::half_opened)
    log.info("Circuit breaker '{}' transitioning from OPEN to HALF_OPEN",
             to.breaker_name);
  return era;
}

void provider_gateway_state::conclude(provider_account& to, uint64_t era,
                                      call_verdict verdict,
                                      const http_response& response) {
  using enum circuit_breaker::change;
  auto& counts = *settings.counts;
  counts.provider_call_failures.add(verdict == call_verdict::failure ? 1 : 0);
  counts.provider_throttled.add(response.status == 429 ? 1 : 0);
  switch (to.breaker.conclude(era, verdict, self->clock().now(),
                              settings.world.now())) {
    case opened:
      log.warning("Circuit breaker '{}' opening after {} failures: {}",
                  to.breaker_name, to.breaker.failures_in_a_row(),
                  trouble(response));
      break;
    case reopened:
      log.warning("Circuit breaker '{}' opening after failure in HALF_OPEN: {}",
                  to.breaker_name, trouble(response));
      break;
    case closed:
      log.info("Circuit breaker '{}' closing after {} successful calls",
               to.breaker_name, circuit_breaker::successes_min);
      break;
    case none:
    case half_opened: break;
  }
}

void provider_gateway_state::send(
  provider_account& to, uint64_t era, const char* operation,
  const http_request& request, std::function<void(const http_response&)> then) {
  settings.counts->provider_calls.add();
  const auto begun = self->clock().now();
  auto done = [this, &to, era, operation, begun, method = request.method,
               then](const http_response& response, call_verdict verdict) {
    log_call(operation, method, response, self->clock().now() - begun);
    conclude(to, era, verdict, response);
    then(response);
  };
  self->ask(
    client, request.timeout + margin, request,
    [done](const http_response& x) { done(x, verdict_of(x)); },
    [done, ctx = request.ctx](const caf::error& err) {
      done(failed_call(ctx, err),
           is_untaken(err) ? call_verdict::neither : call_verdict::failure);
    });
}

submission_outcome
provider_gateway_state::read_submission(const provider_api& api,
                                        const http_response& response,
                                        const std::vector<std::string>& sent) {
  auto result = api.read_submission(response, settings.world.now());
  // A provider may quote the input: secrets stay on the wire.
  result.seen.input.clear();
  result.seen.error_message
    = without_secrets(std::move(result.seen.error_message), sent);
  result.reason = without_secrets(std::move(result.reason), sent);
  return result;
}

caf::timespan provider_call_max(const config::outbound& outbound) {
  caf::timespan result = tries_max * (outbound.timeout + margin);
  for (int tried = 1; tried < tries_max; ++tried)
    result += retry_delay(tried, std::chrono::hours{1}, 2'500);
  return result;
}

} // namespace tunerd
