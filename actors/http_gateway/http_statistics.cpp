#include "actors/http_gateway/http_statistics.hpp"

namespace tunerd {

namespace {

std::string endpoint_of(std::string_view method, std::string_view route) {
  return std::string{method}.append("_").append(route);
}

} // namespace

http_statistics::http_statistics() {
  lines_.push_back({.endpoint = std::string{unmatched}});
  for (const auto& route : rest::routes()) {
    const auto endpoint = endpoint_of(route.method, route.path);
    if (index_.emplace(endpoint, lines_.size()).second)
      lines_.push_back({.endpoint = endpoint});
  }
}

void http_statistics::add(std::string_view method, std::string_view route,
                          int status, std::chrono::nanoseconds took) {
  const auto i = route == unmatched ? index_.end()
                                    : index_.find(endpoint_of(method, route));
  std::lock_guard guard{mutex_};
  auto& x = lines_[i == index_.end() ? 0 : i->second];
  ++x.calls;
  x.took += took;
  if (status >= 400)
    ++x.errors[status];
}

std::vector<http_statistics::line> http_statistics::lines() const {
  std::vector<line> out;
  std::lock_guard guard{mutex_};
  for (const auto& x : lines_)
    if (x.calls > 0)
      out.push_back(x);
  return out;
}

} // namespace tunerd
