#pragma once

#include "actors/http_gateway/routes.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace tunerd {

/// Counts the answers per route. What matches no route counts as one, so the
/// route table bounds it whatever clients send. Any thread; does not wait.
class http_statistics {
public:
  /// The route of what has none.
  static constexpr std::string_view unmatched = "unmatched";

  struct line {
    /// "METHOD_/route/template", or "unmatched".
    std::string endpoint = {};
    int64_t calls = 0;
    /// Status from 400 on to how often.
    std::map<int, int64_t> errors = {};
    /// Of all calls together.
    std::chrono::nanoseconds took = std::chrono::nanoseconds{0};
  };

  http_statistics();

  /// Counts one answer.
  void add(std::string_view method, std::string_view route, int status,
           std::chrono::nanoseconds took);

  /// @returns the routes that were called, in the order of the table.
  std::vector<line> lines() const;

private:
  mutable std::mutex mutex_;
  /// One per route and one for the rest, which is the first. Guarded.
  std::vector<line> lines_;
  /// By endpoint; constant.
  std::map<std::string, size_t> index_;
};

} // namespace tunerd
