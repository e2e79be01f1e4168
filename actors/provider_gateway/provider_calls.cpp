#include "actors/provider_gateway/provider_gateway.hpp"
#include "actors/provider_gateway/retry.hpp"
#include "actors/support/fault_point.hpp"

// How a call to a provider is made: within its budget, past its breaker, with
// retries, counted and logged.

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.providers"};

/// The client answers at its request's time-out; this is for its answer's way.
constexpr caf::timespan margin = std::chrono::seconds{2};

/// How far off the next place in the budget may be for a query.
constexpr caf::timespan place_wait_max = std::chrono::seconds{30};

/// How long a submission may be held up before it is written.
constexpr caf::timespan submission_wait_max = std::chrono::seconds{10};

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

rate_budget& budget_of(provider_account& to, call_kind kind) {
  return kind == call_kind::create ? to.budgets.creates : to.budgets.others;
}

const char* words_for(call_kind kind) {
  return kind == call_kind::create ? "submissions" : "queries";
}

caf::error budget_error(const provider_account& to, caf::timespan wait) {
  using std::chrono::ceil, std::chrono::seconds;
  return make_error(ec::provider_throttled,
                    "the calls to " + to.name + " are used up for "
                      + std::to_string(ceil<seconds>(wait).count()) + "s");
}

/// @returns what was wrong with a response, for people.
std::string trouble(const http_response& response) {
  return response.transfer == http_transfer::answered
           ? "HTTP " + std::to_string(response.status)
           : response.failure;
}

} // namespace

caf::error breaker_error(const named_breaker& guard,
                         circuit_breaker::time_point now) {
  return make_error(ec::provider_unavailable,
                    "circuit breaker '" + guard.name + "' is "
                      + to_string(guard.breaker.phase(now)));
}

caf::expected<provider_account*>
provider_gateway_state::find(const std::string& provider) {
  const auto i = providers.find(provider);
  if (i == providers.end())
    return make_error(ec::unknown_provider, provider);
  return &i->second;
}

void provider_gateway_state::begin(call started) {
  const auto room
    = started.kind == call_kind::create ? 2 * calls_max : calls_max;
  if (calls.size() >= room)
    return started.finish(
      make_error(ec::overloaded, "too many provider calls"));
  if (started.begun == circuit_breaker::time_point{})
    started.begun = self->clock().now();
  started.era = started.to->era;
  const auto id = ++last_call;
  calls.emplace(id, std::move(started));
  make_call(id);
}

void provider_gateway_state::make_call(uint64_t id) {
  auto i = calls.find(id);
  if (i == calls.end())
    return;
  auto& x = i->second;
  const log_context scope{x.request.ctx}; // a retry comes from a tick
  if (x.era != x.to->era)
    finish(id, make_error(ec::worker_restarting,
                          "the settings of " + x.to->name + " changed"));
  else if (lacks_pass(*x.to))
    await_pass(id, x);
  else if (has_turn(id, x))
    write_call(id, x);
}

bool provider_gateway_state::has_turn(uint64_t id, call& x) {
  const auto now = self->clock().now();
  if (!x.to->guard.breaker.would_admit(now)) {
    finish(id, breaker_error(x.to->guard, now));
    return false;
  }
  auto& budget = budget_of(*x.to, x.kind);
  if (std::exchange(x.has_place, false)
      && budget.throttled_for(now) == caf::timespan{0})
    return true;
  const caf::timespan left = last_start(x) - now;
  const auto place = left < caf::timespan{0}
                       ? rate_budget::place{}
                       : budget.take(now, std::min(left, place_wait_max));
  if (place.runs_low)
    log.warning("80 % of this minute's {} to {} are used up: {} of {}",
                words_for(x.kind), x.to->name, budget.per_minute() * 4 / 5,
                budget.per_minute());
  if (!place.at) {
    finish(id, budget_error(*x.to, budget.wait(now)));
    return false;
  }
  if (*place.at <= now)
    return true;
  x.has_place = true;
  self->delayed_send(self, *place.at - now, tick{id});
  return false;
}

circuit_breaker::time_point
provider_gateway_state::last_start(const call& x) const {
  if (x.kind == call_kind::create)
    return x.begun + submission_wait_max;
  const auto longest = x.longest > caf::timespan{0}
                         ? x.longest
                         : provider_call_max(settings.outbound);
  return x.begun + longest - (x.request.timeout + margin);
}

void provider_gateway_state::write_call(uint64_t id, call& x) {
  const auto era = admit(x.to->guard);
  if (!era)
    return finish(id, breaker_error(x.to->guard, self->clock().now()));
  ++x.tries;
  x.pass = x.to->pass.number;
  auto request = x.request;
  if (!x.to->pass.token.empty())
    request.headers.emplace_back("authorization",
                                 "Bearer " + x.to->pass.token.reveal());
  if (x.kind == call_kind::create)
    fault_point("provider.before_submit");
  send(x.to->guard, *era, x.operation, request,
       [this, id](const http_response& response) { settle(id, response); });
}

void provider_gateway_state::settle(uint64_t id,
                                    const http_response& response) {
  auto i = calls.find(id);
  if (i == calls.end())
    return;
  auto& x = i->second;
  if (x.kind == call_kind::create)
    fault_point("provider.after_submit");
  note_throttling(x, response);
  if (goes_on_with_new_pass(x, response))
    return make_call(id);
  if (x.kind == call_kind::other && is_worth_retrying(response)) {
    const auto now = self->clock().now();
    const auto delay = retry_delay(
      x.tries, x.to->api->retry_after(response, settings.world.now()),
      settings.world.random());
    const auto wait = budget_of(*x.to, x.kind).wait(now);
    if (x.tries < tries_max && x.to->guard.breaker.would_admit(now)
        && wait <= place_wait_max
        && now + std::max(delay, wait) <= last_start(x)) {
      log.warning("Attempt {}/{} failed, retrying in {:.2f}s: {}", x.tries,
                  tries_max, static_cast<double>(delay.count()) / 1e9,
                  trouble(response));
      self->delayed_send(self, delay, tick{id});
      return;
    }
    log.error("All {} attempts failed: {}", x.tries, trouble(response));
  }
  finish(id, response);
}

void provider_gateway_state::note_throttling(call& x,
                                             const http_response& response) {
  auto& budget = budget_of(*x.to, x.kind);
  const auto now = self->clock().now();
  if (response.status == 429)
    budget.throttle(now,
                    x.to->api->retry_after(response, settings.world.now()));
  else if (response.transfer == http_transfer::answered)
    budget.relax(now);
}

bool provider_gateway_state::goes_on_with_new_pass(
  call& x, const http_response& response) {
  auto& pass = x.to->pass;
  if (response.status != 401 || pass.token.empty() || x.has_new_pass)
    return false;
  // Calls that were under way together lose the same pass.
  if (x.pass == pass.number)
    pass.good_until = {};
  x.has_new_pass = true;
  return true;
}

caf::timespan
provider_gateway_state::pause_of(const provider_account& to) const {
  const auto now = self->clock().now();
  return std::max(to.guard.breaker.retry_after(now),
                  to.budgets.creates.wait(now));
}

void provider_gateway_state::finish(
  uint64_t id, const caf::expected<http_response>& result) {
  if (auto ended = calls.extract(id))
    ended.mapped().finish(result);
}

std::optional<uint64_t> provider_gateway_state::admit(named_breaker& guard) {
  const auto [era, changed] = guard.breaker.admit(self->clock().now());
  if (changed == circuit_breaker::change::half_opened)
    log.info("Circuit breaker '{}' transitioning from OPEN to HALF_OPEN",
             guard.name);
  return era;
}

void provider_gateway_state::conclude(named_breaker& guard, uint64_t era,
                                      call_verdict verdict,
                                      const http_response& response) {
  using enum circuit_breaker::change;
  auto& counts = *settings.counts;
  counts.provider_call_failures.add(verdict == call_verdict::failure ? 1 : 0);
  counts.provider_throttled.add(response.status == 429 ? 1 : 0);
  switch (guard.breaker.conclude(era, verdict, self->clock().now(),
                                 settings.world.now())) {
    case opened:
      log.warning("Circuit breaker '{}' opening after {} failures: {}",
                  guard.name, guard.breaker.failures_in_a_row(),
                  trouble(response));
      break;
    case reopened:
      log.warning("Circuit breaker '{}' opening after failure in HALF_OPEN: {}",
                  guard.name, trouble(response));
      break;
    case closed:
      log.info("Circuit breaker '{}' closing after {} successful calls",
               guard.name, circuit_breaker::successes_min);
      break;
    case none:
    case half_opened: break;
  }
}

void provider_gateway_state::send(
  named_breaker& guard, uint64_t era, const char* operation,
  const http_request& request, std::function<void(const http_response&)> then) {
  settings.counts->provider_calls.add();
  const auto begun = self->clock().now();
  auto done = [this, &guard, era, operation, begun, method = request.method,
               then](const http_response& response, call_verdict verdict) {
    log_call(operation, method, response, self->clock().now() - begun);
    conclude(guard, era, verdict, response);
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

void provider_gateway_state::add_logs(
  caf::typed_response_promise<provider_job_found> promise,
  const get_provider_job& query, provider_account& to,
  circuit_breaker::time_point begun, provider_job seen) {
  const auto request = to.api->logs(query, seen);
  if (!request) {
    promise.deliver(provider_job_found{query.ctx, std::move(seen)});
    return;
  }
  // Its status counts more: without its logs it is still an answer.
  auto finish = [promise, query, seen, api = to.api](
                  const caf::expected<http_response>& response) mutable {
    if (response)
      seen.logs = api->read_logs(*response);
    promise.deliver(provider_job_found{query.ctx, std::move(seen)});
  };
  begin({"logs", &to, *request, finish, call_kind::other, begun});
}

caf::timespan provider_call_max(const config::outbound& outbound) {
  caf::timespan result
    = place_wait_max + tries_max * (outbound.timeout + margin);
  for (int tried = 1; tried < tries_max; ++tried)
    result += retry_delay(tried, std::chrono::hours{1}, 2'500);
  return result;
}

caf::timespan submission_max(const config::outbound& outbound) {
  return submission_wait_max + outbound.timeout + margin;
}

} // namespace tunerd
