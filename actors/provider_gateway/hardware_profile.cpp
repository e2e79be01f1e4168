#include "actors/provider_gateway/hardware_profile.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tunerd {

namespace {

constexpr std::string_view model_prefix = "simpletuner/advanced-trainer-";

constexpr std::array profiles{
  hardware_profile{"h100", "H100", gpu::h100, 1},
  hardware_profile{"h100-x2", "2x H100", gpu::h100, 2},
  hardware_profile{"h100-x4", "4x H100", gpu::h100, 4},
  hardware_profile{"h100-x8", "8x H100", gpu::h100, 8},
  hardware_profile{"l40s", "L40S", gpu::l40s, 1},
  hardware_profile{"l40s-x2", "2x L40S", gpu::l40s, 2},
  hardware_profile{"l40s-x4", "4x L40S", gpu::l40s, 4},
  hardware_profile{"l40s-x8", "8x L40S", gpu::l40s, 8},
};

} // namespace

const hardware_profile* find_hardware_profile(std::string_view name) {
  const auto* i
    = std::find_if(profiles.begin(), profiles.end(),
                   [name](const auto& x) { return x.name == name; });
  return i == profiles.end() ? nullptr : i;
}

const hardware_profile* profile_of_model(std::string_view model) {
  model = model.substr(0, model.find(':'));
  if (!model.starts_with(model_prefix))
    return nullptr;
  return find_hardware_profile(model.substr(model_prefix.size()));
}

std::string model_of(const hardware_profile& profile) {
  return std::string{model_prefix}.append(profile.name);
}

std::string hardware_profile_names() {
  std::string result;
  for (const auto& x : profiles)
    result.append(result.empty() ? "" : ", ").append(x.name);
  return result;
}

int64_t rate_of(const hardware_profile& profile, const gpu_rates& rates) {
  return profile.gpus * (profile.kind == gpu::h100 ? rates.h100 : rates.l40s);
}

caf::optional<int64_t> cost_micros(int64_t rate, double predict_seconds) {
  constexpr double seconds_max = 1e9;
  if (!(predict_seconds >= 0 && predict_seconds <= seconds_max))
    return caf::none;
  // From here on integers. The whole product would need more than 64 bits, so
  // whole seconds and the rest are multiplied apart.
  const int64_t micros = std::llround(predict_seconds * 1e6);
  const auto nano_usd = micros / 1'000'000 * rate;
  const auto rest = nano_usd % 1'000 * 1'000'000 + micros % 1'000'000 * rate;
  return nano_usd / 1'000 + (rest + 500'000'000) / 1'000'000'000;
}

} // namespace tunerd
