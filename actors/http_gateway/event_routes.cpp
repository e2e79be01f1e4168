#include "actors/http_gateway/http_gateway.hpp"
#include "actors/http_gateway/queries.hpp"

#include <nlohmann/json.hpp>

#include <caf/send.hpp>

// GET /api/events.

namespace tunerd {

namespace {

/// The head of a stream; its body never ends.
std::string stream_head(const std::string& correlation_id) {
  return "HTTP/1.1 200 OK\r\n"
         "Content-Type: text/event-stream\r\n"
         "Cache-Control: no-store\r\n"
         "X-Accel-Buffering: no\r\n"
         "X-Correlation-ID: "
         + correlation_id
         + "\r\n"
           "Connection: close\r\n"
           "\r\n";
}

/// A whole response for a client that has too many streams.
std::string limit_reached(const std::string& correlation_id) {
  const auto message = "too many event streams are open, try again later";
  const nlohmann::ordered_json error = {{"error", "Connection limit reached"},
                                        {"message", message},
                                        {"detail", message}};
  const auto body = error.dump();
  return "HTTP/1.1 503 Service Unavailable\r\n"
         "Content-Type: application/json\r\n"
         "Content-Length: "
         + std::to_string(body.size())
         + "\r\n"
           "Retry-After: 5\r\n"
           "X-Correlation-ID: "
         + correlation_id
         + "\r\n"
           "Connection: close\r\n"
           "\r\n"
         + body;
}

} // namespace

void http_gateway_state::open_events(const call& x) {
  auto parsed = rest::parse_stream(x->query_parameters, x->headers);
  if (auto* bad = std::get_if<rest::refusal>(&parsed))
    return refuse(x, *bad);
  auto watcher = rest::parse_watcher(x->query_parameters, x->who);
  if (auto* bad = std::get_if<rest::refusal>(&watcher))
    return refuse(x, *bad);
  auto& stream = std::get<open_stream>(parsed);
  stream.ctx = x->ctx;
  stream.who = std::get<caller>(std::move(watcher));
  stream.client = rest::stream_client(*x);
  stream.accepted = stream_head(x->ctx.correlation_id);
  stream.refused = limit_reached(x->ctx.correlation_id);
  stream.let_in_by = x->rules;
  // A socket cannot be taken back. So an empty hint, which changes nothing,
  // asks first whether there is a broadcaster.
  self->ask(
    broadcaster, settings.health_timeout, events_appended{},
    [this, x, stream] { hand_over(x, stream); }, refusing(x));
}

void http_gateway_state::hand_over(const call& x, open_stream stream) {
  if (auto bad = rest::permit_still(*x, *settings.auth.get()))
    return refuse(x, *bad);
  gate->hand_over(x->id, [to = broadcaster, stream](int descriptor) {
    auto message = stream;
    message.descriptor = descriptor;
    caf::anon_send(to, std::move(message));
  });
  finish(x, {.status = 200}, {});
}

} // namespace tunerd
