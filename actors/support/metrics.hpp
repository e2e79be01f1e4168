#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace tunerd {

/// Rises only. Any thread.
class counter {
public:
  void add(int64_t count = 1) noexcept {
    value_.fetch_add(count, std::memory_order_relaxed);
  }
  int64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

private:
  std::atomic<int64_t> value_{0};
};

/// Says how something is now. Any thread.
class gauge {
public:
  void set(int64_t value) noexcept {
    value_.store(value, std::memory_order_relaxed);
  }
  int64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

private:
  std::atomic<int64_t> value_{0};
};

/// What the workers of one daemon count since its start. Each worker writes
/// its own; the HTTP gateway reads them all. Outlives the incarnations.
struct metrics {
  // job_poller
  counter poll_cycles;
  counter polls;
  counter poll_failures;
  /// How late the last round began.
  gauge poll_lag_ms;

  // queue_scheduler
  counter dispatches;
  counter dispatch_failures;
  counter claims_refused;
  counter attempts_in_doubt;
  counter attempts_unresolved;
  counter twins_found;

  // approval_expirer
  counter approval_sweeps;
  counter approvals_expired;
  counter approvals_warned;
  /// Of the last one that expired.
  gauge approval_lateness_ms;

  // sse_broadcaster
  gauge subscribers;
  counter subscribers_refused;
  counter subscribers_cut;
  counter gaps;
  /// Id of the newest event that was streamed.
  gauge event_streamed;

  // supervisor
  counter worker_restarts;

  // provider_gateway
  counter provider_calls;
  counter provider_call_failures;
  counter provider_throttled;
  counter webhooks_received;
  counter webhooks_refused;

  // http_gateway
  counter rate_limit_violations;
  gauge rate_limit_clients;
};

/// How it is given to the workers.
using metrics_ptr = std::shared_ptr<metrics>;

} // namespace tunerd
