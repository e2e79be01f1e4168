#include "actors/provider_gateway/circuit_breaker.hpp"

namespace tunerd {

namespace {

/// When a place among the probes may be free.
constexpr caf::timespan probe_wait = std::chrono::seconds{1};

} // namespace

circuit_breaker::admission circuit_breaker::admit(time_point now) {
  if (!would_admit(now))
    return {};
  auto changed = change::none;
  if (phase_ == breaker_phase::open) {
    changed = enter(breaker_phase::half_open, change::half_opened);
    successes_ = 0;
  }
  if (phase_ == breaker_phase::half_open)
    ++probes_;
  return {era_, changed};
}

circuit_breaker::change circuit_breaker::conclude(uint64_t era,
                                                  call_verdict verdict,
                                                  time_point now,
                                                  timestamp at) {
  const bool failed = verdict == call_verdict::failure;
  const bool succeeded = verdict == call_verdict::success;
  failures_total_ += failed ? 1 : 0;
  successes_total_ += succeeded ? 1 : 0;
  if (failed)
    last_failure_ = at;
  if (era != era_)
    return change::none;
  const bool is_probe = phase_ == breaker_phase::half_open;
  if (is_probe)
    --probes_;
  if (failed) {
    ++failures_;
    successes_ = 0;
    if (!is_probe && failures_ < failures_max)
      return change::none;
    open_until_ = now + open_for;
    return enter(breaker_phase::open,
                 is_probe ? change::reopened : change::opened);
  }
  if (succeeded) {
    ++successes_;
    // Until they close it, successes of probes leave the failures on show.
    if (!is_probe || successes_ >= successes_min)
      failures_ = 0;
    if (is_probe && successes_ >= successes_min)
      return enter(breaker_phase::closed, change::closed);
  }
  return change::none;
}

bool circuit_breaker::would_admit(time_point now) const {
  switch (phase_) {
    case breaker_phase::closed: return true;
    case breaker_phase::half_open: return probes_ < probes_max;
    case breaker_phase::open: return now >= open_until_;
  }
  return true;
}

breaker_phase circuit_breaker::phase(time_point now) const {
  return phase_ == breaker_phase::open && now >= open_until_
           ? breaker_phase::half_open
           : phase_;
}

caf::timespan circuit_breaker::retry_after(time_point now) const {
  if (would_admit(now))
    return {};
  return phase_ == breaker_phase::open ? caf::timespan{open_until_ - now}
                                       : probe_wait;
}

breaker_status circuit_breaker::status(time_point now) const {
  breaker_status result;
  result.phase = phase(now);
  result.failure_count = failures_;
  result.success_count = successes_;
  result.failures_total = failures_total_;
  result.successes_total = successes_total_;
  result.last_failure = last_failure_;
  if (result.phase == breaker_phase::open)
    result.retry_after = retry_after(now);
  return result;
}

circuit_breaker::change circuit_breaker::enter(breaker_phase next, change as) {
  phase_ = next;
  ++era_;
  probes_ = 0;
  return as;
}

} // namespace tunerd
