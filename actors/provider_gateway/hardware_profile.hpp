#pragma once

#include <caf/optional.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace tunerd {

/// A machine that trainer models of Replicate run on.
struct hardware_profile {
  /// E.g. "h100-x8".
  std::string_view name;
  /// E.g. "8x H100".
  std::string_view hardware;
  /// Price of a second, in thousandths of a micro-USD.
  int64_t nano_usd_per_second;
};

/// What a submission without a profile gets.
inline constexpr std::string_view default_hardware_profile = "h100";

/// @returns the profile of that name, or nullptr.
const hardware_profile* find_hardware_profile(std::string_view name);

/// @returns the profile that `model` ("owner/model", with or without a
/// ":version") runs on, or nullptr if it is not one of the trainers.
const hardware_profile* profile_of_model(std::string_view model);

/// @returns the model for `profile`, "owner/model".
std::string model_of(const hardware_profile& profile);

/// @returns all names, for people: "h100, h100-x2, ...".
std::string hardware_profile_names();

/// @param predict_seconds As the provider measured it.
/// @returns micro-USD, rounded half up from the exact product; none if the
/// number is not finite, negative or above 30 years.
caf::optional<int64_t> cost_micros(const hardware_profile& profile,
                                   double predict_seconds);

} // namespace tunerd
