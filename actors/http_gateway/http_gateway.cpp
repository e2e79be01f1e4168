#include "actors/http_gateway/http_gateway.hpp"

#include "actors/http_gateway/client_address.hpp"
#include "actors/http_gateway/guard.hpp"
#include "actors/support/fault_point.hpp"
#include "actors/support/http_server.hpp"

#include <nlohmann/json.hpp>

#include <caf/actor_cast.hpp>

#include <algorithm>

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.http"};

/// For the ways from the server to here and back.
constexpr caf::timespan margin = std::chrono::seconds{1};

/// @returns `span` in seconds, rounded up.
int64_t seconds_up(std::chrono::nanoseconds span) {
  return std::chrono::ceil<std::chrono::seconds>(span).count();
}

/// Who shares a rate: a token, else an address.
std::string client_of(const rest::request& x) {
  return x.known_by == rest::proof::token ? "token " + x.who.token
                                          : "address " + x.client;
}

} // namespace

void http_gateway_state::on_call(const http_call& x) {
  fault_point("http_gateway.call");
  auto request = std::make_shared<rest::request>(
    rest::request{.id = x.id,
                  .ctx = {rest::correlation_id_of(x.headers)},
                  .method = rest::cut(x.method, 16),
                  .arrived = self->clock().now(),
                  .peer = x.peer,
                  .headers = x.headers});
  log_context scope{request->ctx};
  // Nothing that a client sends may end this actor.
  try {
    if (auto bad = judge(x, *request))
      refuse(request, *bad);
    else
      dispatch(request, x.body);
  } catch (const std::exception& e) {
    log.error("HTTP request failed", {{"error", e.what()}});
    refuse(request, {.status = 500,
                     .error = "internal_error",
                     .message = "this request made the server fail"});
  }
}

std::optional<rest::refusal> http_gateway_state::judge(const http_call& x,
                                                       rest::request& out) {
  const auto rules = settings.auth.get();
  out.rules = rules;
  out.client = rest::client_address(*rules, x.peer, x.headers);
  const auto nowhere = rest::locate(x, out);
  // Before anything else: what a web page makes a browser send neither learns
  // what is here nor uses up the browser's rate.
  if (auto bad = rest::guard(x.headers, !x.body.empty(),
                             {.allowed_hosts = settings.http.allowed_hosts,
                              .has_tokens = !rules->tokens.empty(),
                              .is_webhook = out.to == rest::endpoint::webhook}))
    return bad;
  const auto unknown = rest::recognise(*rules, out);
  // Guessing tokens counts, too.
  if (auto busy = limit_rate(*rules, out))
    return busy;
  if (nowhere)
    return nowhere;
  if (unknown)
    return unknown;
  if (out.known_by == rest::proof::internal)
    log.info("Auth bypassed for IP {}", out.client);
  return rest::permit(out);
}

std::optional<rest::refusal>
http_gateway_state::limit_rate(const config::auth& rules, rest::request& out) {
  const auto limit = rest::rate_of(out.to, rules);
  if (!limit)
    return std::nullopt;
  const auto verdict = limiter.admit(client_of(out), *limit, out.arrived);
  settings.counts->rate_limit_clients.set(
    static_cast<int64_t>(limiter.clients()));
  const auto reset = settings.world.now() + verdict.reset;
  out.reply_headers
    = {{"X-RateLimit-Limit", std::to_string(limit->calls)},
       {"X-RateLimit-Remaining", std::to_string(verdict.remaining)},
       {"X-RateLimit-Reset",
        std::to_string(seconds_up(reset.time_since_epoch()))}};
  if (verdict.allowed)
    return std::nullopt;
  settings.counts->rate_limit_violations.add();
  return rest::refusal{
    .status = 429,
    .error = "rate_limit_exceeded",
    .message = "too many calls: " + std::to_string(limit->calls) + " in "
               + std::to_string(seconds_up(limit->period)) + " s are allowed",
    .retry_after_seconds
    = static_cast<int>(std::max<int64_t>(seconds_up(verdict.reset), 1))};
}

void http_gateway_state::dispatch(const call& x, const std::string& body) {
  switch (*x->to) {
    case rest::endpoint::list_jobs: return list_jobs_of(x);
    case rest::endpoint::submit_job: return submit(x, body);
    case rest::endpoint::sync_jobs: return sync(x);
    case rest::endpoint::get_job: return show_job(x);
    case rest::endpoint::delete_job: return remove(x);
    case rest::endpoint::cancel_job: return cancel(x);
    case rest::endpoint::job_logs: return show_logs(x);
    case rest::endpoint::stream_logs: return stream_logs(x);
    case rest::endpoint::job_progress: return show_progress(x);
    case rest::endpoint::list_queue: return show_queue(x);
    case rest::endpoint::queue_stats: return show_stats(x);
    case rest::endpoint::own_queue: return show_own_queue(x);
    case rest::endpoint::user_queue: return show_user_queue(x);
    case rest::endpoint::queue_position: return show_position(x);
    case rest::endpoint::explain_job: return explain(x);
    case rest::endpoint::get_limits: return show_limits(x);
    case rest::endpoint::set_limits: return change_limits(x, body);
    case rest::endpoint::process_queue: return process(x);
    case rest::endpoint::clean_queue: return clean_up(x);
    case rest::endpoint::cancel_queued: return cancel_queued(x);
    case rest::endpoint::approve_queued: return approve_queued(x, body);
    case rest::endpoint::reject_queued: return reject_queued(x);
    case rest::endpoint::set_priority: return change_priority(x, body);
    case rest::endpoint::list_conditions: return show_conditions(x);
    case rest::endpoint::list_rules: return show_rules(x);
    case rest::endpoint::create_rule: return add_rule(x, body);
    case rest::endpoint::get_rule: return show_rule(x);
    case rest::endpoint::change_rule: return edit_rule(x, body);
    case rest::endpoint::delete_rule: return remove_rule(x);
    case rest::endpoint::list_approvals: return show_approvals(x);
    case rest::endpoint::count_approvals: return count_approvals(x);
    case rest::endpoint::get_job_approval: return show_job_approval(x);
    case rest::endpoint::get_approval: return show_approval(x);
    case rest::endpoint::bulk_approve: return bulk_approve(x, body);
    case rest::endpoint::bulk_reject: return bulk_reject(x, body);
    case rest::endpoint::approve: return approve(x, body);
    case rest::endpoint::reject: return reject(x, body);
    case rest::endpoint::cancel_approval: return cancel_approval(x);
    case rest::endpoint::extend_approval: return extend(x, body);
    case rest::endpoint::own_approvals: return show_own_approvals(x);
    case rest::endpoint::expire_approvals: return expire(x);
    case rest::endpoint::polling_status: return show_polling(x);
    case rest::endpoint::set_polling: return change_polling(x, body);
    case rest::endpoint::list_providers: return show_providers(x);
    case rest::endpoint::validate_provider: return validate_credential(x);
    case rest::endpoint::get_provider_config: return show_provider_config(x);
    case rest::endpoint::set_provider_config:
      return change_provider_config(x, body);
    case rest::endpoint::cost_limit: return show_cost_limit(x);
    case rest::endpoint::test_webhook: return send_webhook_test(x, body);
    case rest::endpoint::webhook: return receive_webhook(x, body);
    case rest::endpoint::events: return open_events(x);
    case rest::endpoint::health_summary: return show_summary(x);
    case rest::endpoint::alive: return show_alive(x);
    case rest::endpoint::ready: return show_ready(x);
    case rest::endpoint::health: return show_health(x);
    case rest::endpoint::prometheus: return show_prometheus(x);
    case rest::endpoint::breakers: return show_breakers(x);
    case rest::endpoint::cost_report: return show_cost_report(x);
    case rest::endpoint::workers: return show_workers(x);
    case rest::endpoint::start_worker: return start_worker(x);
    case rest::endpoint::stop_worker: return stop_worker(x);
    case rest::endpoint::refresh_worker: return refresh_worker(x);
    case rest::endpoint::resolve_attempt: return resolve(x, body);
    case rest::endpoint::trace: return show_trace(x);
    case rest::endpoint::log_level: return show_log_levels(x);
    case rest::endpoint::set_log_level: return set_log_level(x, body);
    case rest::endpoint::page_file: return show_page_file(x);
  }
}

void http_gateway_state::answer(const call& x,
                                const nlohmann::ordered_json& body,
                                int status) {
  finish(x, rest::to_reply(body, status, x->ctx.correlation_id), {});
}

void http_gateway_state::refuse(const call& x, const rest::refusal& why) {
  finish(x, rest::to_reply(why, x->ctx.correlation_id), why.message);
}

void http_gateway_state::finish(const call& x, http_reply reply,
                                const std::string& error) {
  const auto status = reply.status;
  reply.headers.insert(reply.headers.end(), x->reply_headers.begin(),
                       x->reply_headers.end());
  gate->reply(x->id, std::move(reply));
  const auto span = self->clock().now() - x->arrived;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(span);
  gate->statistics().add(x->method, x->route, status, span);
  if (status >= 500)
    log.warning("HTTP request", {{"method", x->method},
                                 {"route", x->route},
                                 {"client", x->client},
                                 {"status", status},
                                 {"duration_ms", took.count()},
                                 {"error", error}});
  else
    log.debug("HTTP request", {{"method", x->method},
                               {"route", x->route},
                               {"client", x->client},
                               {"status", status},
                               {"duration_ms", took.count()}});
}

caf::timespan http_gateway_state::time_left(const call& x) const {
  const caf::timespan patience = http_server::options{}.reply_timeout;
  return x->arrived + patience - margin - self->clock().now();
}

caf::timespan http_gateway_state::within(const call& x,
                                         caf::timespan longest) const {
  // Zero would be no time-out at all.
  return std::clamp(time_left(x), caf::timespan{1}, longest);
}

std::function<void(const caf::error&)>
http_gateway_state::refusing(const call& x, const char* on_conflict) {
  return [this, x, on_conflict](const caf::error& err) {
    auto why = rest::refusal_of(err, on_conflict);
    if (why.status >= 500) // the client is not told all
      log.debug("HTTP request failed", {{"error", render(err)}});
    refuse(x, why);
  };
}

std::function<void(const caf::error&)>
http_gateway_state::refusing_named(const call& x, const char* on_conflict) {
  return [this, x, on_conflict,
          otherwise = refusing(x, on_conflict)](const caf::error& err) {
    if (code_of(err) != ec::unknown_provider)
      return otherwise(err);
    refuse(x, {.status = 404,
               .error = "not_found",
               .message = "there is no such provider"});
  };
}

http_gateway_actor::behavior_type
http_gateway(pointer<http_gateway_actor, http_gateway_state> self,
             http_gateway_settings settings, std::shared_ptr<call_gate> gate,
             store_actor store, queue_scheduler_actor scheduler,
             provider_desk_actor providers, job_poller_actor poller,
             approval_expirer_actor expirer, sse_broadcaster_actor broadcaster,
             log_sink_actor sink, log_reader_actor reader,
             caf::weak_actor_ptr supervisor) {
  self->state = {.self = self,
                 .settings = std::move(settings),
                 .gate = gate,
                 .store = std::move(store),
                 .scheduler = std::move(scheduler),
                 .providers = std::move(providers),
                 .poller = std::move(poller),
                 .expirer = std::move(expirer),
                 .broadcaster = std::move(broadcaster),
                 .sink = std::move(sink),
                 .reader = std::move(reader),
                 .supervisor = std::move(supervisor)};
  const auto generation = gate->open(caf::weak_actor_ptr{self->ctrl()});
  self->attach_functor([gate, generation] { gate->close(generation); });
  return {
    [self](const http_call& x) { self->state.on_call(x); },
  };
}

} // namespace tunerd
