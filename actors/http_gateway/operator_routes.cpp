#include "actors/http_gateway/guard.hpp"
#include "actors/http_gateway/http_gateway.hpp"
#include "actors/http_gateway/reader.hpp"
#include "actors/http_gateway/trace_report.hpp"

#include <nlohmann/json.hpp>

#include <caf/actor_cast.hpp>

// What operators do: workers, attempts that only they can settle, traces and
// log levels.

namespace tunerd {

using nlohmann::ordered_json;

namespace {

constexpr logger log{"simpletuner.cloud.tasks"};

ordered_json workers_json(const worker_list& list) {
  auto workers = ordered_json::array();
  for (const auto& worker : list.workers)
    workers.push_back(worker_json(worker));
  return {{"success", true}, {"workers", std::move(workers)}};
}

ordered_json levels_json(const log_levels& x) {
  auto loggers = ordered_json::object();
  for (const auto& [name, level] : x.loggers)
    loggers[name] = to_string(level);
  return {{"level", to_string(x.level)}, {"loggers", std::move(loggers)}};
}

/// Reads {"logger", "level"}; a level null or "default" takes the logger's own
/// away.
rest::or_refusal<change_log_level>
parse_log_level_change(const std::string& body,
                       std::vector<std::string>& notes) {
  auto parsed = rest::parse_object(body);
  if (auto* bad = std::get_if<rest::refusal>(&parsed))
    return std::move(*bad);
  rest::body_reader in{std::get<nlohmann::json>(parsed)};
  change_log_level out{};
  std::string level;
  in.text("logger", out.logger, 128);
  in.text("level", level, 16);
  if (!in.has("level"))
    in.fail("level", "want one, or null");
  const bool is_default = level.empty() || level == "default";
  if (const auto found = parse_log_level(level))
    out.level = *found;
  else if (!is_default)
    in.fail("level", "want DEBUG, INFO, WARNING, ERROR, CRITICAL or default");
  else if (out.logger.empty())
    in.fail("logger", "want the logger that loses its own level");
  if (in.mistake())
    return *in.mistake();
  notes = in.warnings();
  return out;
}

bool is_empty(const trace_found& x) {
  return x.jobs.empty() && x.attempts.empty() && x.approvals.empty()
         && x.events.empty() && x.audit.empty();
}

ordered_json refreshed_json(const std::string& worker) {
  return {{"success", true}, {"worker", worker}};
}

rest::or_refusal<resolve_attempt>
parse_resolve(const std::string& body, std::vector<std::string>& notes) {
  auto parsed = rest::parse_object(body);
  if (auto* bad = std::get_if<rest::refusal>(&parsed))
    return std::move(*bad);
  rest::body_reader in{std::get<nlohmann::json>(parsed)};
  resolve_attempt out{};
  std::string decision;
  in.text("decision", decision, 16);
  in.text("external_id", out.external_id, 128);
  if (decision == "adopt")
    out.decision = attempt_decision::adopt;
  else if (decision == "resubmit")
    out.decision = attempt_decision::resubmit;
  else if (decision != "fail")
    in.fail("decision", "want adopt, resubmit or fail");
  if (decision == "adopt" && out.external_id.empty())
    in.fail("external_id", "want the provider's id of the job to adopt");
  if (in.mistake())
    return *in.mistake();
  notes = in.warnings();
  return out;
}

} // namespace

// -- workers ------------------------------------------------------------------

void http_gateway_state::start_worker(const call& x) {
  control(x, worker_action::start);
}

void http_gateway_state::stop_worker(const call& x) {
  control(x, worker_action::stop);
}

void http_gateway_state::control(const call& x, worker_action action) {
  auto ptr = caf::actor_cast<caf::strong_actor_ptr>(supervisor);
  if (!ptr)
    return refuse(x, rest::unavailable("the supervisor does not answer"));
  const auto* note
    = action == worker_action::start ? "worker.start" : "worker.stop";
  // It answers once the worker runs or has ended, which may take its grace.
  self->ask(
    caf::actor_cast<supervisor_actor>(ptr), settings.outbound_timeout,
    control_worker{x->ctx, x->parameters.at("name"), action},
    [this, x, note](const worker_list& list) {
      audit(x, note, x->parameters.at("name"), workers_json(list));
    },
    refusing(x, "conflict"));
}

void http_gateway_state::refresh_worker(const call& x) {
  const auto worker = x->parameters.at("name");
  const auto done = [this, x, worker] {
    audit(x, "worker.refresh", x->parameters.at("name"),
          refreshed_json(worker));
  };
  if (worker == "job_poller")
    return self->ask(
      poller, settings.store_timeout, refresh_polling{x->ctx},
      [done](const polling_status&) { done(); }, refusing(x));
  if (worker == "approval_expirer")
    return self->ask(
      expirer, settings.outbound_timeout, expire_approvals{x->ctx},
      [done](const approvals_swept&) { done(); }, refusing(x));
  if (worker == "queue_scheduler")
    return self->ask(
      scheduler, settings.outbound_timeout, process_queue{x->ctx},
      [done](const queue_processed&) { done(); }, refusing(x));
  with_workers(x, [this, x, worker](const worker_list& list) {
    for (const auto& known : list.workers)
      if (known.name == worker)
        return refuse(x, {.status = 409,
                          .error = "conflict",
                          .message = worker + " has nothing to refresh"});
    if (list.workers.empty())
      return refuse(x, rest::unavailable("the supervisor does not answer"));
    refuse(x, {.status = 404,
               .error = "not_found",
               .message = "there is no such worker"});
  });
}

void http_gateway_state::audit(const call& x, const char* action,
                               const std::string& subject, ordered_json reply) {
  const append_audit command{x->ctx,
                             {.user_id = x->who.user_id,
                              .token = x->who.token,
                              .action = action,
                              .subject = subject,
                              .correlation_id = x->ctx.correlation_id}};
  self->ask(
    store, settings.store_timeout, command,
    [this, x, reply](const audit_appended&) { answer(x, reply); },
    [this, x, reply](const caf::error& err) {
      // It is done; saying it is not would have it done again.
      log.warning("Audit entry lost", {{"error", render(err)}});
      auto honest = reply;
      honest["warnings"].push_back("it is done, and missing in the audit log");
      answer(x, honest);
    });
}

// -- attempts and traces ------------------------------------------------------

void http_gateway_state::resolve(const call& x, const std::string& body) {
  std::vector<std::string> notes;
  auto parsed = parse_resolve(body, notes);
  if (auto* bad = std::get_if<rest::refusal>(&parsed))
    return refuse(x, *bad);
  auto& command = std::get<resolve_attempt>(parsed);
  command.ctx = x->ctx;
  command.who = x->who;
  command.job_id = x->parameters.at("job");
  self->ask(
    scheduler, settings.cancel_timeout, command,
    [this, x, notes](const job_found& found) {
      ordered_json reply = {{"success", true}, {"job_id", found.subject.id}};
      if (!notes.empty())
        reply["warnings"] = notes;
      answer(x, reply);
    },
    refusing(x));
}

void http_gateway_state::show_trace(const call& x) {
  const auto id = x->parameters.at("correlation_id");
  if (rest::correlation_id_of({{"x-correlation-id", id}}).empty())
    return refuse(x, rest::invalid("correlation_id",
                                   "want 1 to 128 of A-Z a-z 0-9 . _ : -"));
  self->ask(
    store, settings.store_timeout, get_trace{x->ctx, x->who, id},
    [this, x](const trace_found& found) { add_log_lines(x, found); },
    refusing(x));
}

void http_gateway_state::add_log_lines(const call& x,
                                       const trace_found& found) {
  const auto id = x->parameters.at("correlation_id");
  const auto show = [this, x, found, id](ordered_json of_log) {
    auto body = trace_json(found, id, view_of({}, {}));
    body["log"] = std::move(of_log);
    answer(x, body);
  };
  self->ask(
    reader, settings.log_timeout, find_log_lines{x->ctx, id},
    [this, x, found, show](const log_lines_found& lines) {
      auto of_log = log_json(lines, found, x->who);
      if (is_empty(found) && of_log["lines"].empty())
        return refuse(x, {.status = 404,
                          .error = "not_found",
                          .message = "nothing is stored under this id, or "
                                     "nothing that you may see"});
      show(std::move(of_log));
    },
    [x, found, show, refuse_it = refusing(x)](const caf::error& err) {
      if (is_empty(found))
        return refuse_it(err);
      // What the store knows is worth an answer by itself.
      show({{"file", true},
            {"truncated", true},
            {"lines", ordered_json::array()},
            {"message", "the log cannot be read now: " + render(err)}});
    });
}

// -- log levels ---------------------------------------------------------------

void http_gateway_state::show_log_levels(const call& x) {
  self->ask(
    sink, settings.store_timeout, get_log_levels{x->ctx},
    [this, x](const log_levels& now) { answer(x, levels_json(now)); },
    refusing(x));
}

void http_gateway_state::set_log_level(const call& x, const std::string& body) {
  std::vector<std::string> notes;
  auto parsed = parse_log_level_change(body, notes);
  if (auto* bad = std::get_if<rest::refusal>(&parsed))
    return refuse(x, *bad);
  auto& command = std::get<change_log_level>(parsed);
  command.ctx = x->ctx;
  self->ask(
    sink, settings.store_timeout, command,
    [this, x, notes, logger = command.logger](const log_levels& now) {
      auto reply = levels_json(now);
      if (!notes.empty())
        reply["warnings"] = notes;
      audit(x, "log_level.set", logger, reply);
    },
    refusing(x));
}

} // namespace tunerd
