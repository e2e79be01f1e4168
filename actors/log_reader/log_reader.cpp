#include "actors/log_reader/log_reader.hpp"

#include "actors/support/fault_point.hpp"

namespace tunerd {

caf::result<log_lines_found>
log_reader_state::find(const find_log_lines& query) {
  if (waiting.size() >= waiting_max)
    return make_error(ec::overloaded, "too many search the log");
  auto promise = self->make_response_promise<log_lines_found>();
  waiting.push_back({query, promise, self->clock().now()});
  if (waiting.size() == 1)
    self->send(self, tick{});
  return promise;
}

void log_reader_state::go_on() {
  fault_point("log_reader.step");
  if (waiting.empty())
    return;
  if (!scan)
    start_search();
  else if (!scan->step() || self->clock().now() >= until)
    finish();
  if (!waiting.empty())
    self->send(self, tick{});
}

void log_reader_state::start_search() {
  const auto now = self->clock().now();
  if (now - waiting.front().asked > settings.wait_max) {
    auto late = std::move(waiting.front());
    waiting.pop_front();
    late.promise.deliver(
      make_error(ec::overloaded, "the log is being searched for others"));
    return;
  }
  const auto file = settings.file();
  scan = std::make_unique<log_scan>(file, waiting.front().query.correlation_id,
                                    settings.limits);
  has_file = !file.empty();
  until = now + settings.search_max;
}

void log_reader_state::finish() {
  auto done = std::move(waiting.front());
  waiting.pop_front();
  done.promise.deliver(log_lines_found{.ctx = done.query.ctx,
                                       .lines = scan->take(),
                                       .has_file = has_file,
                                       .truncated = scan->truncated()});
  scan.reset();
}

log_reader_actor::behavior_type
log_reader(pointer<log_reader_actor, log_reader_state> self,
           log_reader_settings settings) {
  self->state = {.self = self, .settings = std::move(settings)};
  return {
    [self](const find_log_lines& x) { return self->state.find(x); },
    [self](const tick&) { self->state.go_on(); },
  };
}

} // namespace tunerd
