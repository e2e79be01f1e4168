#include "tests/bench/bench.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <sys/utsname.h>
#include <thread>

namespace tunerd::bench {

namespace {

std::string cpu_name() {
  std::ifstream in{"/proc/cpuinfo"};
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name"))
      return line.substr(line.find(':') + 2);
  return "unknown";
}

} // namespace

double seconds_of(const std::function<void()>& work) {
  const auto begin = steady::now();
  work();
  return std::chrono::duration<double>(steady::now() - begin).count();
}

json percentiles(std::vector<double>& samples) {
  if (samples.empty())
    return nullptr;
  std::sort(samples.begin(), samples.end());
  const auto at = [&samples](double share) {
    return samples[static_cast<size_t>(
      share * static_cast<double>(samples.size() - 1))];
  };
  return {{"p50", at(0.5)},
          {"p90", at(0.9)},
          {"p99", at(0.99)},
          {"max", samples.back()}};
}

json machine() {
  utsname system = {};
  ::uname(&system);
  return {{"cpu", cpu_name()},
          {"cores", std::thread::hardware_concurrency()},
          {"kernel", system.release}};
}

} // namespace tunerd::bench
