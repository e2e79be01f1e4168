#pragma once

#include "tests/bench/bench.hpp"

#include "messages/dispatch.hpp"
#include "messages/limits.hpp"

namespace tunerd::bench {

/// How a queue is filled.
struct crowd {
  int64_t waiting = 100'000;
  int64_t users = 5'000;
  int64_t orgs = 500;
};

/// Every limit there is, and turns.
queue_limits all_limits();
queue_limits no_limits();

/// @returns the waiting job number `n`. Ids are as long as the gateway's.
queue_entry nth_job(const crowd& all, int64_t n, timestamp now);

/// @returns resident memory of this process, in bytes.
int64_t resident_bytes();

/// @returns what `work` returns, done by a process of its own, so that nothing
/// before it counts as its memory. Call it before there are threads.
json in_own_process(const std::function<json()>& work);

/// Choices per second by the index alone.
json measure_decisions();

/// From the rows to the first choice.
json measure_rebuild(const std::string& directory, int64_t waiting);

/// Claims and records per second that survive a power cut.
json measure_durable(const std::string& directory);

/// The same decisions by a statement that counts what is held.
json measure_naive_sql(const std::string& directory);

} // namespace tunerd::bench
