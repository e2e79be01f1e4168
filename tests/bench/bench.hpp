#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

namespace CLI {
class App;
} // namespace CLI

namespace tunerd::bench {

using nlohmann::json;
using steady = std::chrono::steady_clock;

/// @returns the time that `work` takes, in seconds.
double seconds_of(const std::function<void()>& work);

/// @returns {"p50", "p90", "p99", "max"} of `samples`, which it sorts.
json percentiles(std::vector<double>& samples);

/// @returns what tells one machine from another: cores, CPU, kernel.
json machine();

// -- what can be measured, one command each -----------------------------------

void add_approvals(CLI::App& app);
void add_log(CLI::App& app);
void add_pickup(CLI::App& app);
void add_poll(CLI::App& app);
void add_queue(CLI::App& app);
void add_sse(CLI::App& app);

} // namespace tunerd::bench
