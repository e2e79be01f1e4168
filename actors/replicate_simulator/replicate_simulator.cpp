#include "actors/replicate_simulator/replicate_simulator.hpp"

namespace tunerd {

namespace {

using namespace std::chrono_literals;

simulated::replicate_api::options
api_options(const replicate_simulator::options& opts) {
  return {
    .becomes = {.queue = opts.timings.queue, .run = opts.timings.run},
    .data_kept = opts.timings.data_kept,
    .token = opts.token,
    .markers = {.user = opts.user_field, .job = opts.job_field},
    .random = opts.random,
  };
}

http_server::options server_options(const replicate_simulator::options& opts) {
  http_server::options result{.host = opts.host, .port = opts.port};
  // How long a call that hangs is held; longer than any client waits.
  result.reply_timeout = 10min;
  return result;
}

} // namespace

replicate_simulator::replicate_simulator(options opts)
  : opts_(std::move(opts)), api_(api_options(opts_)),
    server_(server_options(opts_), [this](http_call call) { serve(call); }) {
  if (!opts_.script.empty())
    api_.set_faults(opts_.script, opts_.clock());
}

void replicate_simulator::start() {
  server_.start();
}

void replicate_simulator::stop() {
  server_.stop();
}

uint16_t replicate_simulator::port() const noexcept {
  return server_.port();
}

std::string replicate_simulator::origin() const {
  auto host = opts_.host;
  if (host == "0.0.0.0")
    host = "127.0.0.1";
  else if (host == "::" || host == "[::]")
    host = "[::1]";
  else if (host.find(':') != std::string::npos && host.front() != '[')
    host = "[" + host + "]";
  return "http://" + host + ":" + std::to_string(port());
}

std::string replicate_simulator::base_url() const {
  return origin() + "/v1";
}

void replicate_simulator::serve(const http_call& call) {
  const auto what = api_.handle(call, opts_.clock());
  if (what.delay > 0ms)
    server_.after(what.delay, [this, id = call.id, what] { answer(id, what); });
  else
    answer(call.id, what);
  send_webhooks();
}

void replicate_simulator::send_webhooks() {
  const auto now = opts_.clock();
  for (const auto& one : api_.take_deliveries(origin(), now))
    if (opts_.deliver)
      server_.after(one.delay, [this, one] { send(one, 1); });
  const auto wait = api_.next_due(now);
  if (!wait || !opts_.deliver)
    return;
  const auto due = now + *wait;
  // One timer is enough, unless something is due before it.
  if (comes_back_ > now && comes_back_ <= due)
    return;
  comes_back_ = due;
  server_.after(*wait + 1ms, [this] { send_webhooks(); });
}

void replicate_simulator::send(const simulated::delivery& what, int tried) {
  constexpr int tries_max = 6; // within about a minute, as Replicate does it
  opts_.deliver(what.request, [this, what, tried](bool taken) {
    if (!taken && what.may_be_repeated && tried < tries_max)
      server_.after(1s * (1 << tried),
                    [this, what, tried] { send(what, tried + 1); });
  });
}

void replicate_simulator::answer(uint64_t exchange,
                                 const simulated::api_answer& what) {
  using action = simulated::api_answer::action;
  switch (what.act) {
    case action::reply: return server_.reply(exchange, what.reply);
    case action::close: return server_.cut(exchange);
    case action::hang: return; // The server ends it some day.
  }
}

} // namespace tunerd
