#include "actors/http_gateway/http_gateway.hpp"
#include "actors/http_gateway/queries.hpp"

#include <nlohmann/json.hpp>

// The routes below /api/cloud/jobs.

namespace tunerd {

using nlohmann::ordered_json;

namespace {

constexpr logger jobs_log{"simpletuner.cloud.jobs"};
constexpr logger queue_log{"simpletuner.cloud.queue"};

ordered_json null_or(const std::string& text) {
  return text.empty() ? ordered_json{} : ordered_json(text);
}

/// The reply to a submission that was accepted.
ordered_json submission_json(const job_submitted& done, const job_view& view,
                             const std::vector<std::string>& warnings) {
  const auto& job = done.subject;
  return {
    {"success", true},
    {"job_id", job.id},
    {"status", to_string(job.status)},
    {"error", null_or(job.error_message)},
    {"data_uploaded", false},
    {"upload_id", ordered_json{}},
    {"cost_limit_warning", ordered_json{}},
    {"quota_warnings", ordered_json::array()},
    {"idempotent_hit", done.idempotent_hit},
    {"queue_status", to_string(job.queue)},
    {"queue_position",
     view.position ? ordered_json(*view.position) : ordered_json{}},
    {"requires_approval", job.queue == queue_status::blocked},
    {"approval_id", ordered_json{}},
    {"correlation_id", job.correlation_id},
    {"warnings", warnings},
  };
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
  self->ask(
    providers, settings.prepare_timeout, query,
    [this, x, wanted](const job_prepared& y) { store_job(x, wanted, y); },
    refusing(x));
}

void http_gateway_state::store_job(const call& x, const wish& wanted,
                                   const job_prepared& prepared) {
  auto subject
    = rest::make_job(*wanted, prepared, random_hex(settings.world.random, 16),
                     settings.queue.max_attempts);
  subject.correlation_id = x->ctx.correlation_id;
  const submit_job command{.ctx = context_of(subject),
                           .subject = subject,
                           .input = prepared.input,
                           .idempotency_key = wanted->idempotency_key,
                           .request_hash = wanted->request_hash};
  self->ask(
    store, settings.store_timeout, command,
    [this, x, wanted](const job_submitted& done) { announce(x, wanted, done); },
    refusing(x, "conflict"));
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
  answer(x, submission_json(done, view, wanted->warnings));
}

void http_gateway_state::list_jobs_of(const call& x) {
  auto parsed = rest::parse_list_jobs(x->query_parameters);
  if (auto* bad = std::get_if<rest::refusal>(&parsed))
    return refuse(x, *bad);
  auto& [query, warnings] = std::get<rest::read_request<list_jobs>>(parsed);
  query.ctx = x->ctx;
  query.who = x->who;
  self->ask(
    store, settings.store_timeout, query,
    [this, x, notes = warnings](const job_list& found) {
      with_places(x, found.jobs, 0, [=, this](const queue_positions& places) {
        ordered_json body
          = {{"jobs", ordered_json::array()}, {"total", found.total}};
        for (const auto& job : found.jobs)
          body["jobs"].push_back(job_json(job, view_of(job, places)));
        if (!notes.empty())
          body["warnings"] = notes;
        answer(x, body);
      });
    },
    refusing(x));
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
