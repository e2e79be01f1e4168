#pragma once

#include "actors/http_gateway/call_gate.hpp"
#include "actors/http_gateway/log_source.hpp"
#include "actors/http_gateway/log_tail.hpp"
#include "actors/http_gateway/stream_seats.hpp"
#include "actors/support/actor.hpp"
#include "actors/support/live.hpp"
#include "config/auth.hpp"

#include <caf/actor_clock.hpp>

#include <memory>

namespace tunerd {

/// A LOG STREAM: sends the log of one job to one client, line by line, until
/// the job is over or the client has gone. Private to the HTTP GATEWAY.
using log_stream_actor = caf::typed_actor<
  // INTERNAL: generation `client_ready` when the client has taken what was
  // sent, else the time for a look.
  caf::reacts_to<tick>>;

struct log_stream_settings {
  /// How often an active job is asked about.
  caf::timespan interval = std::chrono::seconds{2};
  /// A quiet stream says this often that it lives.
  caf::timespan heartbeat = std::chrono::seconds{15};
  /// Then the stream ends; the client may open another.
  caf::timespan life_max = std::chrono::hours{6};
  /// Sent before the client must have taken it.
  size_t portion_bytes = 64 * 1024;
};

/// What a LOG STREAM holds while it lasts.
struct log_stream_pass {
  live<config::auth> rules = {};
  /// What `rules` were when they let the caller in.
  std::shared_ptr<const config::auth> let_in_by = nullptr;
  stream_seats::seat seat = nullptr;
};

/// State of a LOG STREAM. Holds the log once, at most 1 MiB; asks for more only
/// when the client has taken all there is.
struct log_stream_state {
  static inline constexpr const char* name = "log-stream";
  static constexpr uint64_t client_ready = 0;
  static constexpr uint64_t timer = 1;

  // -- data -------------------------------------------------------------------

  pointer<log_stream_actor, log_stream_state> self;
  log_stream_settings settings;
  log_source source;
  std::shared_ptr<call_gate> gate;
  /// Names the exchange in the gate.
  uint64_t exchange = 0;
  get_job_logs query = {};
  log_stream_pass pass = {};
  job_status status = job_status::pending;
  /// Nothing will be added.
  bool is_over = false;
  rest::log_tail tail = {};
  /// The client has not taken all that was sent.
  bool is_sending = true;
  bool is_asking = false;
  caf::actor_clock::time_point began = {};
  caf::actor_clock::time_point last_sent = {};

  // -- handlers, in the order of the interface --------------------------------

  void on_tick(const tick& x);

  // -- steps ------------------------------------------------------------------

  void arm();
  void look();
  /// @returns whether a reload has shut the caller out.
  bool has_lost_access();
  void ask();
  void take(const job_logs_found& found);
  void give_up_or_wait(const caf::error& err);
  /// Sends the next lines, or the end after the last.
  void send_next();
  void send(std::string part);
};

/// Streams the log of the job in `found` as the answer to `exchange`, which
/// must be begun with a listener that sends `client_ready` when it is taken and
/// ends this actor when the client has gone. Ends the answer when it ends.
log_stream_actor::behavior_type
log_stream(pointer<log_stream_actor, log_stream_state> self,
           log_stream_settings settings, log_source source,
           std::shared_ptr<call_gate> gate, uint64_t exchange,
           get_job_logs query, log_stream_pass pass, job_logs_found found);

} // namespace tunerd
