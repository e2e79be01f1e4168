#pragma once

#include "actors/log_reader/log_scan.hpp"
#include "actors/support/actor.hpp"
#include "messages/interfaces.hpp"

#include <caf/actor_clock.hpp>
#include <caf/typed_response_promise.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace tunerd {

/// What the LOG READER is told at its start.
struct log_reader_settings {
  /// Names the log file as it is now; empty for none. Any thread.
  std::function<std::string()> file;
  /// How long one search may take; then the answer is what was found.
  caf::timespan search_max = std::chrono::seconds{4};
  /// How long a query may wait for its search; whoever asks gives up soon.
  caf::timespan wait_max = std::chrono::seconds{6};
  log_scan_limits limits = {};
};

/// State of the LOG READER: one search at a time, a piece per `tick`, so that
/// queries which find no room are refused at once. While somebody waits there
/// is exactly one tick under way.
struct log_reader_state {
  static inline constexpr const char* name = "log-reader";
  static constexpr size_t waiting_max = 8;

  using time_point = caf::actor_clock::time_point;

  /// A query and who waits for its answer.
  struct wish {
    find_log_lines query;
    caf::typed_response_promise<log_lines_found> promise;
    time_point asked;
  };

  // -- data -------------------------------------------------------------------

  pointer<log_reader_actor, log_reader_state> self;
  log_reader_settings settings;
  /// The first one is being searched for; leaves with its answer. At most
  /// `waiting_max`: one more is refused.
  std::deque<wish> waiting = {};
  /// Of the first wish; null until it has begun.
  std::unique_ptr<log_scan> scan = {};
  time_point until = {};
  /// Whether there was a log file when it began.
  bool has_file = false;

  // -- handlers, in the order of the interface --------------------------------

  caf::result<log_lines_found> find(const find_log_lines& query);
  void go_on();

  // -- steps of go_on ---------------------------------------------------------

  // Not `begin`: CAF would take the state for a container.
  void start_search();
  void finish();
};

/// Finds lines in the log file and those it was rotated into. Blocks for the
/// disk: run it detached.
log_reader_actor::behavior_type
log_reader(pointer<log_reader_actor, log_reader_state> self,
           log_reader_settings settings);

} // namespace tunerd
