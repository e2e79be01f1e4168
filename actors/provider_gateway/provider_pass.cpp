#include "actors/provider_gateway/provider_gateway.hpp"

#include <algorithm>
#include <utility>

// Providers that want their credential exchanged for a pass: it is asked for by
// the first call that needs it, once for all that do, and renewed before it
// runs out.

namespace tunerd {

namespace {

using namespace std::chrono_literals;

constexpr logger log{"simpletuner.cloud.providers"};

/// A pass is renewed this long before it runs out.
constexpr caf::timespan renew_before = 60s;

/// How long a refused credential is not offered again: an operator must act.
constexpr caf::timespan refusal_kept = 30s;

/// The same where it may not be offered that often.
constexpr caf::timespan throttled_min = 1s;

/// @returns whether the provider has judged our credential.
bool refuses_us(const http_response& response) {
  const auto status = response.status;
  return status >= 400 && status < 500 && status != 408 && status != 429;
}

http_response refusal_to(const context& ctx, http_response refusal) {
  refusal.ctx = ctx;
  return refusal;
}

} // namespace

bool provider_gateway_state::lacks_pass(const provider_account& to) const {
  return to.needs_pass && self->clock().now() >= to.pass.good_until;
}

void provider_gateway_state::await_pass(uint64_t id, call& x) {
  auto& to = *x.to;
  auto& pass = to.pass;
  const auto now = self->clock().now();
  if (pass.refusal && now < pass.refused_until)
    return finish(id, refusal_to(x.request.ctx, *pass.refusal));
  pass.waiting.push_back(id);
  if (pass.waiting.size() > 1)
    return;
  auto request = to.api->sign_in(x.request.ctx);
  const auto era = admit(to.sign_in_guard);
  if (!era || !request)
    return take_pass(to, to.era, breaker_error(to.sign_in_guard, now));
  // It counts, but it does not wait: without it nothing else gets on.
  to.budgets.others.take(now, caf::timespan{0});
  send(to.sign_in_guard, *era, "sign_in", *request,
       [this, &to, asked_in = to.era](const http_response& response) {
         take_pass(to, asked_in, response);
       });
}

void provider_gateway_state::take_pass(
  provider_account& to, uint64_t era,
  const caf::expected<http_response>& response) {
  auto& pass = to.pass;
  if (era != to.era) { // another account's
    for (const auto id : std::exchange(pass.waiting, {}))
      make_call(id);
    return;
  }
  auto fresh = response ? to.api->read_pass(*response) : response.error();
  pass.refusal.reset();
  if (fresh) {
    const auto used
      = std::max(fresh->good_for - renew_before, fresh->good_for / 2);
    pass.token = std::move(fresh->token);
    pass.good_until = self->clock().now() + used;
    ++pass.number;
  } else {
    const auto reason
      = without_secrets(render(fresh.error()), {to.in_force.token.reveal()});
    log.warning("Signing in to {} failed: {}", to.name, reason);
    if (response)
      note_refusal(to, *response);
  }
  for (const auto id : std::exchange(pass.waiting, {})) {
    const auto i = calls.find(id);
    if (fresh)
      make_call(id);
    else if (pass.refusal && i != calls.end())
      finish(id, refusal_to(i->second.request.ctx, *pass.refusal));
    else
      finish(id, fresh.error());
  }
}

void provider_gateway_state::note_refusal(provider_account& to,
                                          const http_response& response) {
  const auto is_throttled = response.status == 429;
  if (!is_throttled && !refuses_us(response))
    return;
  // To a call it is as if it had been refused itself.
  auto& pass = to.pass;
  pass.refusal = response;
  pass.refusal->status = is_throttled ? 429 : 401;
  pass.refusal->body = without_secrets(std::move(pass.refusal->body),
                                       {to.in_force.token.reveal()});
  const auto asked = to.api->retry_after(response, settings.world.now());
  if (is_throttled && asked < throttled_min)
    pass.refusal->headers.emplace_back("retry-after", "1");
  pass.refused_until
    = self->clock().now()
      + (is_throttled
           ? std::clamp(asked, throttled_min, call_budgets::queries_pause_max)
           : refusal_kept);
}

} // namespace tunerd
