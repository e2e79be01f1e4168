#pragma once

#include "actors/provider_gateway/circuit_breaker.hpp"
#include "actors/provider_gateway/provider_api.hpp"
#include "actors/provider_gateway/provider_settings.hpp"
#include "actors/provider_gateway/rate_budget.hpp"

#include <caf/typed_response_promise.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tunerd {

/// Makes a provider's API for the settings in force.
using provider_maker
  = std::function<std::shared_ptr<const provider_api>(provider_settings)>;

/// The key that a provider signs deliveries with, if it has to be asked for.
struct fetched_key {
  /// A delivery that cannot be judged without it.
  struct delivery {
    read_webhook query;
    caf::typed_response_promise<webhook_read> promise;
  };

  /// None if it has not been had.
  std::optional<std::string> key = {};
  /// Then the provider may be asked again.
  circuit_breaker::time_point good_until = {};
  /// Until the provider's answer; not empty means that it is being asked. At
  /// most `waiting_max`.
  std::vector<delivery> waiting = {};

  static constexpr size_t waiting_max = 256;
};

/// The newest version of a model, as the provider told it last.
struct newest_version {
  /// A submission that names the model only.
  struct submission {
    prepare_job request;
    caf::typed_response_promise<job_prepared> promise;
  };

  /// Empty if it has not been had.
  std::string version = {};
  /// Then the provider is asked again.
  circuit_breaker::time_point good_until = {};
  bool is_asked = false;
  /// Until the provider's answer. At most `waiting_max`.
  std::vector<submission> waiting = {};

  static constexpr size_t waiting_max = 256;
};

/// A breaker under the name it has in logs, health and metrics.
struct named_breaker {
  std::string name = {};
  circuit_breaker breaker = {};
};

/// How many calls the credential has.
struct call_budgets {
  /// A pause of queries leaves us blind, so that they try again sooner.
  static constexpr caf::timespan queries_pause_max = std::chrono::minutes{5};

  rate_budget creates{600};
  rate_budget others{3'000, queries_pause_max};
};

/// The pass that stands for the credential, where the provider wants one.
struct held_pass {
  secret token = {};
  circuit_breaker::time_point good_until = {};
  /// Names it to the calls that were made with it. Rises with each.
  uint64_t number = 0;
  /// Calls that wait for it; not empty means that it is being asked for.
  /// Bounded by the calls of the gateway.
  std::vector<uint64_t> waiting = {};
  /// What the provider said of the credential if it refused it, and until when
  /// it is not asked again.
  std::optional<http_response> refusal = {};
  circuit_breaker::time_point refused_until = {};
};

/// A provider, our credential there and what is known about both.
struct provider_account {
  std::string name;
  provider_file file;
  provider_maker make;
  /// What is stored over the file's settings, as `in_force` was made from it.
  std::map<std::string, std::string> stored = {};
  provider_settings in_force = {};
  /// Rises whenever `in_force` is about another account or host: what was made
  /// for the last one is of no use then.
  uint64_t era = 0;
  std::shared_ptr<const provider_api> api = {};
  call_budgets budgets = {};
  named_breaker guard = {};
  /// Of the exchange for a pass; without a name if there is none.
  named_breaker sign_in_guard = {};
  /// Calls need a pass.
  bool needs_pass = false;
  held_pass pass = {};
  fetched_key webhook_key = {};
  /// Keyed by model, "owner/model". At most `versions_max`: the one that was
  /// had first makes room.
  std::map<std::string, newest_version> versions = {};

  static constexpr size_t versions_max = 64;
};

/// @returns the error of a call that `guard` does not let through.
caf::error breaker_error(const named_breaker& guard,
                         circuit_breaker::time_point now);

} // namespace tunerd
