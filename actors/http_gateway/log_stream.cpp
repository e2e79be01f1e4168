#include "actors/http_gateway/log_stream.hpp"

#include "config/access.hpp"

#include <utility>

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.http"};

} // namespace

void log_stream_state::on_tick(const tick& x) {
  log_context scope{query.ctx};
  if (x.generation == client_ready) {
    is_sending = false;
    return send_next();
  }
  arm();
  look();
}

void log_stream_state::arm() {
  self->delayed_send(self, settings.interval, tick{timer});
}

void log_stream_state::look() {
  const auto now = self->clock().now();
  if (now - began >= settings.life_max || has_lost_access())
    return self->quit();
  if (is_sending || is_asking)
    return;
  if (now - last_sent >= settings.heartbeat)
    send(": heartbeat\n\n");
  ask();
}

bool log_stream_state::has_lost_access() {
  auto now = pass.rules.get();
  if (now == pass.let_in_by)
    return false;
  const auto before = std::exchange(pass.let_in_by, std::move(now));
  return before
         && !config::keeps_access(*before, *pass.let_in_by, query.who.token);
}

void log_stream_state::ask() {
  is_asking = true;
  fetch_logs(
    self, source, query, [this](const job_logs_found& x) { take(x); },
    [this](const caf::error& err) { give_up_or_wait(err); });
}

void log_stream_state::take(const job_logs_found& found) {
  is_asking = false;
  status = found.subject.status;
  is_over = found.is_final || is_terminal(status);
  tail.update(found.logs);
  if (!is_sending)
    send_next();
}

void log_stream_state::give_up_or_wait(const caf::error& err) {
  is_asking = false;
  if (is_transient(err))
    return; // the next tick asks again
  log.debug("Log stream ended", {{"error", render(err)}});
  self->quit(); // the job was removed, or is no longer for this caller
}

void log_stream_state::send_next() {
  if (auto lines = tail.next(settings.portion_bytes, is_over); !lines.empty())
    return send(std::move(lines));
  if (!is_over)
    return;
  gate->append(exchange, "event: done\ndata: " + to_string(status) + "\n\n");
  self->quit();
}

void log_stream_state::send(std::string part) {
  is_sending = true;
  last_sent = self->clock().now();
  gate->append(exchange, std::move(part));
}

log_stream_actor::behavior_type
log_stream(pointer<log_stream_actor, log_stream_state> self,
           log_stream_settings settings, log_source source,
           std::shared_ptr<call_gate> gate, uint64_t exchange,
           get_job_logs query, log_stream_pass pass, job_logs_found found) {
  const auto now = self->clock().now();
  self->state = {.self = self,
                 .settings = settings,
                 .source = std::move(source),
                 .gate = gate,
                 .exchange = exchange,
                 .query = std::move(query),
                 .pass = std::move(pass),
                 .began = now,
                 .last_sent = now};
  self->attach_functor([gate, exchange] { gate->end(exchange); });
  log_context scope{self->state.query.ctx};
  self->state.take(found);
  self->state.arm();
  return {
    [self](const tick& x) { self->state.on_tick(x); },
  };
}

} // namespace tunerd
