#include "actors/http_gateway/rate_limit.hpp"

#include <algorithm>

namespace tunerd::rest {

namespace {

/// The longest period that can be configured.
constexpr std::chrono::hours idle_max{1};

} // namespace

std::optional<rate> rate_of(std::optional<endpoint> to,
                            const config::auth& rules) {
  if (rules.tokens.empty() || rules.rate_limit_calls <= 0)
    return std::nullopt;
  switch (to.value_or(endpoint::list_jobs)) {
    case endpoint::submit_job: return rate{rate_class::submit, 20};
    case endpoint::cancel_job: return rate{rate_class::cancel, 30};
    case endpoint::webhook:
    case endpoint::test_webhook: return rate{rate_class::webhook, 100};
    case endpoint::health_summary:
    case endpoint::alive:
    case endpoint::ready:
    case endpoint::health:
    case endpoint::events:
    case endpoint::page_file: return std::nullopt;
    default:
      return rate{rate_class::other, rules.rate_limit_calls,
                  rules.rate_limit_period};
  }
}

rate_verdict rate_limiter::admit(const std::string& client, const rate& limit,
                                 time_point now) {
  forget_idle(now);
  auto& calls = touch(client, now).calls[static_cast<size_t>(limit.kind)];
  while (!calls.empty() && now - calls.front() >= limit.period) {
    calls.pop_front();
    --calls_;
  }
  const auto used = static_cast<int64_t>(calls.size());
  rate_verdict out{.allowed = used < limit.calls};
  if (out.allowed) {
    calls.push_back(now);
    ++calls_;
    out.remaining = static_cast<int32_t>(limit.calls - used - 1);
  }
  // There is one: nobody may make 0 calls.
  out.reset = calls.front() + limit.period - now;
  while (calls_ > bounds_.calls_max && order_.size() > 1)
    forget_last();
  return out;
}

rate_limiter::entry& rate_limiter::touch(const std::string& client,
                                         time_point now) {
  if (const auto i = clients_.find(client); i != clients_.end()) {
    order_.splice(order_.begin(), order_, i->second);
  } else {
    if (clients_.size() >= bounds_.clients_max)
      forget_last();
    order_.push_front({.client = client});
    clients_.emplace(client, order_.begin());
  }
  order_.front().last_call = now;
  return order_.front();
}

void rate_limiter::forget_idle(time_point now) {
  while (!order_.empty() && now - order_.back().last_call >= idle_max)
    forget_last();
}

void rate_limiter::forget_last() {
  for (const auto& calls : order_.back().calls)
    calls_ -= calls.size();
  clients_.erase(order_.back().client);
  order_.pop_back();
}

} // namespace tunerd::rest
