#pragma once

#include "actors/provider_gateway/circuit_breaker.hpp"
#include "actors/provider_gateway/provider_api.hpp"
#include "actors/provider_gateway/provider_settings.hpp"

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

/// A provider, our credential there and what is known about both.
struct provider_account {
  std::string name;
  provider_file file;
  provider_maker make;
  /// What is stored over the file's settings, as `in_force` was made from it.
  std::map<std::string, std::string> stored = {};
  provider_settings in_force = {};
  std::shared_ptr<const provider_api> api = {};
  std::string breaker_name = {};
  circuit_breaker breaker = {};
  fetched_key webhook_key = {};
};

/// @returns the error of a call that the breaker of `to` does not let through.
caf::error breaker_error(const provider_account& to,
                         circuit_breaker::time_point now);

} // namespace tunerd
