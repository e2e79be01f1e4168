#include "actors/http_gateway/http_gateway.hpp"
#include "actors/http_gateway/queries.hpp"

#include <nlohmann/json.hpp>

// The routes below /api/cloud/jobs.

namespace tunerd {

using nlohmann::ordered_json;

namespace {

constexpr logger jobs_log{"simpletuner.cloud.jobs"};
constexpr logger queue_log{"simpletuner.cloud.queue"};

using namespace std::chrono_literals;

/// How long a list waits for providers. Before it the store answers, after it
/// the store and the scheduler: together below the server's patience.
constexpr caf::timespan sync_patience = 10s;

/// Behind a reason.
constexpr const char* unsubmitted = "; nothing was submitted";

ordered_json number_or_null(int64_t number) {
  return number == 0 ? ordered_json{} : ordered_json(number);
}

/// The reply to a submission that was accepted.
ordered_json submission_json(const job_submitted& done, const job_view& view,
                             const rest::submission& wanted) {
  const auto& job = done.subject;
  return {
    {"success", true},
    {"job_id", job.id},
    {"status", to_string(job.status)},
    {"error", text_json(job.error_message)},
    {"data_uploaded", false},
    {"upload_id", text_json(wanted.upload_id)},
    {"cost_limit_warning", text_json(done.cost_limit_warning)},
    {"quota_warnings", ordered_json::array()},
    {"idempotent_hit", done.idempotent_hit},
    {"queue_status", to_string(job.queue)},
    {"queue_position",
     view.position ? ordered_json(*view.position) : ordered_json{}},
    {"requires_approval", job.queue == queue_status::blocked},
    {"approval_id", number_or_null(job.approval_id)},
    {"correlation_id", job.correlation_id},
    {"warnings", wanted.warnings},
  };
}

/// The reply to one that a limit keeps out: the same fields, a 200.
ordered_json denial_json(const std::string& why, const rest::submission& wanted,
                         const std::string& correlation_id) {
  return {
    {"success", false},
    {"job_id", nullptr},
    {"status", nullptr},
    {"error", why},
    {"data_uploaded", false},
    {"upload_id", text_json(wanted.upload_id)},
    {"cost_limit_warning", nullptr},
    {"quota_warnings", ordered_json::array()},
    {"idempotent_hit", false},
    {"queue_status", nullptr},
    {"queue_position", nullptr},
    {"requires_approval", false},
    {"approval_id", nullptr},
    {"correlation_id", correlation_id},
    {"warnings", wanted.warnings},
  };
}

/// Clients look for the words.
std::string cost_limit_text(const caf::error& err) {
  const auto text = rest::refusal_of(err).message;
  return text.find("Cost limit") == text.npos ? "Cost limit exceeded: " + text
                                              : text;
}

/// @param longest What the provider allows.
rest::refusal too_long(caf::timespan longest) {
  const auto minutes
    = std::chrono::duration_cast<std::chrono::minutes>(longest).count();
  return {.status = 400,
          .error = "validation_error",
          .message = "max_runtime_minutes: want 1 to " + std::to_string(minutes)
                     + ", the longest that the provider allows",
          .field = "max_runtime_minutes"};
}

/// A provider as the message of a sync names it.
std::string title_of(const std::string& provider) {
  return provider == "replicate" ? "Replicate" : provider;
}

} // namespace

void http_gateway_state::submit(const call& x, const std::string& body) {
  auto provider = settings.default_provider;
  for (const auto& [key, value] : x->query_parameters)
    if (key == "provider" && !value.empty())
      provider = value;
  if (auto i = x->parameters.find("provider"); i != x->parameters.end())
    provider = i->second;
  auto parsed = rest::parse_submission(body, provider, x->who);
  if (auto* bad = std::get_if<rest::refusal>(&parsed))
    return refuse(x, *bad);
  wish wanted = std::make_shared<const rest::submission>(
    std::move(std::get<rest::submission>(parsed)));
  auto query = wanted->wanted;
  query.ctx = x->ctx;
  self->ask( // It may ask for the newest version.
    providers, settings.prepare_timeout, query,
    [this, x, wanted](const job_prepared& y) { store_job(x, wanted, y); },
    [this, x, wanted](const caf::error& err) {
      refuse_unprepared(x, wanted, err);
    });
}

void http_gateway_state::store_job(const call& x, const wish& wanted,
                                   const job_prepared& prepared) {
  // Whoever was told that there is no answer may submit again.
  if (time_left(x) < settings.store_timeout + settings.position_timeout)
    return refuse(
      x, rest::unavailable(std::string{"no answer in time"} + unsubmitted));
  if (wanted->max_runtime > prepared.longest_run)
    return refuse(x, too_long(prepared.longest_run));
  auto subject
    = rest::make_job(*wanted, prepared, random_hex(settings.world.random, 16),
                     settings.queue.max_attempts);
  subject.correlation_id = x->ctx.correlation_id;
  auto input = prepared.input;
  input.max_runtime = wanted->max_runtime;
  const submit_job command{.ctx = context_of(subject),
                           .subject = subject,
                           .input = std::move(input),
                           .idempotency_key = wanted->idempotency_key,
                           .request_hash = wanted->request_hash,
                           .who = x->who,
                           .requires_approval = wanted->requires_approval,
                           .approval_deadline = wanted->approval_deadline,
                           .rate_nanos_per_second
                           = prepared.rate_nanos_per_second,
                           .longest_run = prepared.longest_run};
  self->ask(
    store, settings.store_timeout, command,
    [this, x, wanted](const job_submitted& done) { announce(x, wanted, done); },
    [this, x, wanted](const caf::error& err) {
      refuse_or_deny(x, wanted, err);
    });
}

// The store looks a key up before anything else, and accepts nothing without
// an id: a known key stands for its job whatever the provider says now.
void http_gateway_state::refuse_unprepared(const call& x, const wish& wanted,
                                           const caf::error& err) {
  auto why = rest::refusal_of(err);
  if (code_of(err) == ec::worker_restarting)
    why.message = "no answer in time";
  if (why.status >= 500)
    why.message += unsubmitted;
  if (wanted->idempotency_key.empty())
    return refuse(x, why);
  self->ask(
    store, settings.store_timeout,
    submit_job{.ctx = x->ctx,
               .subject
               = rest::make_job(*wanted, {}, {}, settings.queue.max_attempts),
               .input = {},
               .idempotency_key = wanted->idempotency_key,
               .request_hash = wanted->request_hash,
               .who = x->who},
    [this, x, wanted](const job_submitted& done) { announce(x, wanted, done); },
    [this, x, why](const caf::error& unknown) {
      if (code_of(unknown) == ec::conflict)
        refusing(x, "conflict")(unknown);
      else
        refuse(x, why);
    });
}

void http_gateway_state::refuse_or_deny(const call& x, const wish& wanted,
                                        const caf::error& err) {
  if (code_of(err) != ec::cost_limit_exceeded)
    return refusing(x, "conflict")(err);
  const auto why = cost_limit_text(err);
  jobs_log.info("Job submission refused", {{"reason", why}});
  answer(x, denial_json(why, *wanted, x->ctx.correlation_id));
}

void http_gateway_state::announce(const call& x, const wish& wanted,
                                  const job_submitted& done) {
  const auto& job = done.subject;
  log_context scope{context_of(job)};
  if (done.idempotent_hit)
    jobs_log.debug("Submission of job {} repeated", job.id);
  else
    jobs_log.info(
      "Job submitted successfully",
      {{"cost_estimate",
        job.estimated_cost_micros
          ? log_value{static_cast<double>(*job.estimated_cost_micros) / 1e6}
          : log_value{std::string_view{"unknown"}}}});
  with_places(x, {job}, done.event_id,
              [this, x, wanted, done](const queue_positions& places) {
                answer_submission(x, wanted, done, places);
              });
}

void http_gateway_state::answer_submission(const call& x, const wish& wanted,
                                           const job_submitted& done,
                                           const queue_positions& places) {
  const auto& job = done.subject;
  const auto view = view_of(job, places);
  if (!done.idempotent_hit) {
    log_context scope{context_of(job)};
    queue_log.info("Enqueued job {} for user {} at priority {} (position {})",
                   job.id, job.user_id, base_priority(job),
                   view.position ? std::to_string(*view.position) : "unknown");
  }
  answer(x, submission_json(done, view, *wanted));
}

void http_gateway_state::list_jobs_of(const call& x) {
  auto parsed = rest::parse_list_jobs(x->query_parameters);
  auto* good = accept(x, parsed);
  if (good == nullptr)
    return;
  good->message.ctx = x->ctx;
  good->message.who = x->who;
  const job_page wanted
    = std::make_shared<const rest::read_job_list>(std::move(*good));
  if (!wanted->sync_active)
    return show_page(x, wanted);
  poll_active(x, wanted->message, [this, x, wanted] { show_page(x, wanted); });
}

void http_gateway_state::poll_active(const call& x, const list_jobs& query,
                                     std::function<void()> then) {
  self->ask(
    store, settings.store_timeout, query,
    [this, x, then](const job_list& found) {
      poll_jobs command{x->ctx, {}};
      for (const auto& job : found.jobs)
        if (!is_terminal(job.status) && !job.external_id.empty())
          command.job_ids.push_back(job.id);
      if (command.job_ids.empty())
        return then();
      self->ask(
        poller, sync_patience, command, [then](const jobs_polled&) { then(); },
        [then](const caf::error&) { then(); });
    },
    refusing(x));
}

void http_gateway_state::show_page(const call& x, const job_page& wanted) {
  self->ask(
    store, settings.store_timeout, wanted->message,
    [this, x, wanted](const job_list& found) {
      with_places(x, found.jobs, 0, [=, this](const queue_positions& places) {
        ordered_json body
          = {{"jobs", ordered_json::array()}, {"total", found.total}};
        for (const auto& job : found.jobs)
          body["jobs"].push_back(job_json(job, view_of(job, places)));
        answer(x, rest::with_warnings(std::move(body), wanted->warnings));
      });
    },
    refusing(x));
}

void http_gateway_state::sync(const call& x) {
  auto parsed
    = rest::parse_sync(x->query_parameters, settings.default_provider);
  auto* wanted = accept(x, parsed);
  if (wanted == nullptr)
    return;
  auto& command = wanted->message;
  command.ctx = x->ctx;
  command.who = x->who;
  self->ask(
    scheduler, settings.cancel_timeout, command,
    [this, x, wanted = *wanted](const provider_jobs_synced& done) {
      answer(x, rest::with_warnings(
                  {{"synced", done.discovered},
                   {"message", "Discovered " + std::to_string(done.discovered)
                                 + " new jobs from "
                                 + title_of(wanted.message.provider)}},
                  wanted.warnings));
    },
    refusing(x, "conflict"));
}

void http_gateway_state::show_job(const call& x) {
  self->ask(
    store, settings.store_timeout,
    get_job{x->ctx, x->who, x->parameters.at("id")},
    [this, x](const job_found& found) {
      with_places(x, {found.subject}, 0,
                  [this, x, job = found.subject](const queue_positions& y) {
                    answer(x, {{"job_id", job.id},
                               {"status", to_string(job.status)},
                               {"job", job_json(job, view_of(job, y))}});
                  });
    },
    refusing(x));
}

void http_gateway_state::cancel(const call& x) {
  self->ask(
    scheduler, settings.cancel_timeout,
    cancel_job{x->ctx, x->who, x->parameters.at("id")},
    [this, x](const job_found& found) {
      answer(x, {{"success", true},
                 {"job_id", found.subject.id},
                 {"status", to_string(found.subject.status)}});
    },
    refusing(x));
}

void http_gateway_state::remove(const call& x) {
  self->ask(
    store, settings.store_timeout,
    delete_job{x->ctx, x->who, x->parameters.at("id")},
    [this, x](const job_found& found) {
      answer(x, {{"success", true}, {"job_id", found.subject.id}});
    },
    refusing(x));
}

} // namespace tunerd
