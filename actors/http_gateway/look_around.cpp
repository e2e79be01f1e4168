#include "actors/http_gateway/http_gateway.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>

// How health and metrics find out how everybody is: all are asked at once, so
// the whole takes no longer than the slowest may.

namespace tunerd {

namespace {

/// Answers that are still to come; ends with the last one.
struct gathering {
  survey seen = {};
  size_t missing = 0;
  std::function<void(const survey&)> then = {};

  void arrived() {
    if (--missing == 0)
      then(seen);
  }
};

/// More providers than that are left out.
constexpr size_t providers_max = 32;

/// Notes an answer in `member` of the survey.
template <class T>
auto into(const std::shared_ptr<gathering>& all,
          std::optional<T> survey::*member) {
  ++all->missing;
  return [all, member](const T& answer) {
    all->seen.*member = answer;
    all->arrived();
  };
}

auto nothing(const std::shared_ptr<gathering>& all) {
  return [all](const caf::error&) { all->arrived(); };
}

} // namespace

void http_gateway_state::look_around(const call& x, survey_scope scope,
                                     std::function<void(const survey&)> then) {
  const auto all = std::make_shared<gathering>();
  all->then = std::move(then);
  ++all->missing; // this function; it arrives at its end
  const auto limit = settings.health_timeout;
  ++all->missing;
  self->ask(
    store, limit, get_limits{x->ctx},
    [this, all, began = self->clock().now()](const limits_in_force&) {
      all->seen.database = self->clock().now() - began;
      all->arrived();
    },
    [all](const caf::error& err) {
      all->seen.database_error = to_string(code_of(err));
      all->arrived();
    });
  ++all->missing;
  self->ask(
    providers, limit, get_providers{x->ctx},
    [this, all, x, scope, limit](const provider_list& found) {
      all->seen.providers = found;
      if (scope == survey_scope::numbers)
        for (size_t i = 0; i < std::min(found.providers.size(), providers_max);
             ++i) {
          const auto provider = found.providers[i].name;
          ++all->missing;
          self->ask(
            store, limit, get_cost_limit{x->ctx, provider},
            [all, provider](const cost_limit_status& y) {
              all->seen.cost_limits.emplace(provider, y);
              all->arrived();
            },
            nothing(all));
        }
      all->arrived();
    },
    nothing(all));
  self->ask(providers, limit, get_breakers{x->ctx},
            into(all, &survey::breakers), nothing(all));
  if (auto ptr = caf::actor_cast<caf::strong_actor_ptr>(supervisor))
    self->ask(caf::actor_cast<supervisor_actor>(ptr), limit,
              get_workers{x->ctx}, into(all, &survey::workers), nothing(all));
  if (scope == survey_scope::numbers) {
    self->ask(store, limit, get_store_metrics{x->ctx},
              into(all, &survey::stored), nothing(all));
    self->ask(poller, limit, get_polling_status{x->ctx},
              into(all, &survey::polling), nothing(all));
  }
  if (scope == survey_scope::credentials) {
    all->seen.credential_asked = true;
    self->ask(providers, settings.outbound_timeout,
              validate_provider{x->ctx, "replicate"},
              into(all, &survey::credential), nothing(all));
  }
  all->arrived();
}

} // namespace tunerd
