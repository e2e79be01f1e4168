#include "actors/http_gateway/http_gateway.hpp"
#include "actors/http_gateway/log_progress.hpp"
#include "actors/http_gateway/log_stream.hpp"

#include <nlohmann/json.hpp>

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

// What the log output of a job says: whole, followed, or as progress.

namespace tunerd {

using nlohmann::ordered_json;

namespace {

using namespace std::chrono_literals;

/// Each keeps up to 1 MiB of log here and as much unsent at the server.
constexpr size_t log_streams_max = 64;

/// So that nobody takes them all.
constexpr size_t log_streams_per_client = 8;

/// With the store's answer before it, below the server's patience.
constexpr caf::timespan provider_timeout = 15s;

http_reply stream_head(const std::string& correlation_id) {
  return {.content_type = "text/event-stream",
          .headers = {{"Cache-Control", "no-store"},
                      {"X-Accel-Buffering", "no"},
                      {"X-Correlation-ID", correlation_id}}};
}

/// Tells `stream` what its client does.
http_exchange::stream_listener tells(const log_stream_actor& stream) {
  const auto weak = caf::actor_cast<caf::weak_actor_ptr>(stream);
  return [weak](stream_change change) {
    const auto ptr = caf::actor_cast<caf::strong_actor_ptr>(weak);
    const auto to = caf::actor_cast<caf::actor>(ptr);
    if (!to)
      return;
    if (change == stream_change::gone)
      caf::anon_send_exit(to, caf::exit_reason::user_shutdown);
    else
      caf::anon_send(to, tick{log_stream_state::client_ready});
  };
}

ordered_json progress_json(const std::string& job_id,
                           const rest::log_progress& x) {
  return {{"job_id", job_id},
          {"stage", text_json(x.stage)},
          {"last_log", text_json(x.last_line)},
          {"progress", x.percent ? ordered_json(*x.percent) : ordered_json{}}};
}

} // namespace

void http_gateway_state::show_logs(const call& x) {
  with_logs(x, [this, x](const job_logs_found& found) {
    answer(x, {{"job_id", found.subject.id}, {"logs", found.logs}});
  });
}

void http_gateway_state::show_progress(const call& x) {
  with_logs(x, [this, x](const job_logs_found& found) {
    answer(x, progress_json(found.subject.id, rest::read_progress(found.logs)));
  });
}

void http_gateway_state::stream_logs(const call& x) {
  with_logs(
    x, [this, x](const job_logs_found& found) { open_log_stream(x, found); });
}

void http_gateway_state::open_log_stream(const call& x,
                                         const job_logs_found& found) {
  if (gate->streams() >= log_streams_max)
    return refuse(x, rest::unavailable("too many log streams are open"));
  auto seat = seats.take(rest::stream_client(*x), log_streams_per_client);
  if (!seat)
    return refuse(x, rest::unavailable("you have too many log streams open"));
  if (auto bad = rest::permit_still(*x, *settings.auth.get()))
    return refuse(x, *bad);
  const auto stream = self->home_system().spawn(
    log_stream, log_stream_settings{}, logs_known_to(), gate, x->id,
    get_job_logs{x->ctx, x->who, found.subject.id},
    log_stream_pass{settings.auth, x->rules, std::move(seat)}, found);
  auto head = stream_head(x->ctx.correlation_id);
  head.headers.insert(head.headers.end(), x->reply_headers.begin(),
                      x->reply_headers.end());
  gate->begin(x->id, std::move(head), tells(stream));
  finish(x, {.status = 200}, {}); // replies nothing: the answer has begun
}

void http_gateway_state::with_logs(
  const call& x, std::function<void(const job_logs_found&)> then) {
  fetch_logs(self, logs_known_to(),
             get_job_logs{x->ctx, x->who, x->parameters.at("id")},
             std::move(then), refusing(x));
}

log_source http_gateway_state::logs_known_to() const {
  return {.store = store,
          .store_timeout = settings.store_timeout,
          .providers = providers,
          .provider_timeout = provider_timeout};
}

} // namespace tunerd
