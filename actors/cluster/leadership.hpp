#pragma once

#include "messages/context.hpp"

#include <atomic>
#include <cstdint>
#include <functional>

namespace tunerd {

/// What this node knows of its own lease, for those that are about to act on
/// the world outside: nobody else can stop a request that is on its way.
class leadership {
public:
  /// @param monotonic Time that only moves forward and counts what the machine
  /// was suspended. Any thread.
  explicit leadership(std::function<caf::timespan()> monotonic)
    : monotonic_(std::move(monotonic)) {
  }

  /// It leads at `epoch` until `until`. One thread at a time.
  void hold(int64_t epoch, caf::timespan until) noexcept {
    epoch_ = epoch;
    until_ = until.count();
  }

  void end() noexcept {
    until_ = 0;
  }

  /// @returns whether this node leads this very moment. Any thread.
  bool holds() const {
    return monotonic_().count() < until_;
  }

  /// @returns the epoch at which it leads, or led last. Any thread.
  int64_t epoch() const noexcept {
    return epoch_;
  }

  caf::timespan now() const {
    return monotonic_();
  }

private:
  std::function<caf::timespan()> monotonic_;
  std::atomic<int64_t> epoch_ = 0;
  std::atomic<int64_t> until_ = 0;
};

} // namespace tunerd
