#pragma once

#include <caf/optional.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace tunerd {

/// What a machine is priced by.
enum class gpu : uint8_t { h100, l40s };

/// Price of a second of one GPU, in nano-USD: at most `rate_max`.
struct gpu_rates {
  int64_t h100 = 1'525'000;
  int64_t l40s = 972'222;

  /// A dollar per second; more would overflow a cost.
  static constexpr int64_t rate_max = 1'000'000'000;
};

/// A machine that trainer models of Replicate run on.
struct hardware_profile {
  /// E.g. "h100-x8".
  std::string_view name;
  /// E.g. "8x H100".
  std::string_view hardware;
  gpu kind = gpu::h100;
  int64_t gpus = 1;
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

/// @returns the price of a second on that machine, in nano-USD.
int64_t rate_of(const hardware_profile& profile, const gpu_rates& rates);

/// @param rate In nano-USD per second.
/// @param predict_seconds As the provider measured it.
/// @returns micro-USD, rounded half up from the exact product; none if the
/// number is not finite, negative or above 30 years.
caf::optional<int64_t> cost_micros(int64_t rate, double predict_seconds);

} // namespace tunerd
