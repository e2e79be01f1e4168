#pragma once

#include "actors/sse_broadcaster/event_fanout.hpp"
#include "actors/support/actor.hpp"
#include "actors/support/clocks.hpp"
#include "actors/support/metrics.hpp"
#include "config/sse.hpp"
#include "messages/interfaces.hpp"

#include <memory>

namespace tunerd {

/// What the SSE BROADCASTER is told at its start.
struct sse_settings {
  config::sse sse;
  outside env;
  /// Gets up to where the log was streamed; the rest is the fan-out's.
  metrics_ptr counts = std::make_shared<metrics>();
};

/// State of the SSE BROADCASTER: reads the event log, one page at a time, for
/// the ring and for streams that want what the ring has lost. The cursor and
/// the streams are the fan-out's, so a restart loses neither.
struct sse_broadcaster_state {
  static inline constexpr const char* name = "sse-broadcaster";

  pointer<sse_broadcaster_actor, sse_broadcaster_state> self;
  sse_settings settings;
  event_reader_actor log_store;
  std::shared_ptr<event_fanout> fanout;
  /// A page was asked for and has not come.
  bool reading = false;
  /// There may be events above the cursor.
  bool behind = true;
  /// The last page was a stream's: the ring goes first now.
  bool served_stream = false;
  /// The log could not be read; said once.
  bool failing = false;

  // -- handlers, in the order of the interface --------------------------------

  void look(const events_appended& hint);
  void open(const open_stream& request);
  void on_tick();

  // -- steps ------------------------------------------------------------------

  void start();
  /// Asks for the page that is needed most, unless one is on its way.
  void read_next();
  void find_head();
  void read_new(int64_t cursor);
  void read_for(const page_demand& demand);
  template <class Step>
  void read(const read_events& query, Step step);
  template <class Step>
  void take(const event_page& page, Step step);
  void begin(const event_page& page);
  void count_streamed();
  void append(int64_t cursor, const event_page& page);
  void serve(const page_demand& demand, const event_page& page);
  void wait_for_tick(const caf::error& err);
};

/// Spawn function. `log_store` shows committed events only. Several
/// incarnations may follow each other on one `fanout`, never at the same time.
sse_broadcaster_actor::behavior_type
sse_broadcaster(pointer<sse_broadcaster_actor, sse_broadcaster_state> self,
                sse_settings settings, event_reader_actor log_store,
                std::shared_ptr<event_fanout> fanout);

} // namespace tunerd
