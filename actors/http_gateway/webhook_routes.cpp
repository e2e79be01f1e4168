#include "actors/http_gateway/http_gateway.hpp"
#include "actors/http_gateway/queries.hpp"
#include "actors/http_gateway/reader.hpp"
#include "actors/http_gateway/webhook_adoption.hpp"

#include <nlohmann/json.hpp>

// Deliveries from providers, and a way to try an address out.

namespace tunerd {

using nlohmann::ordered_json;

namespace {

constexpr logger log{"simpletuner.cloud.webhooks"};

/// As the store says it.
constexpr const char* unknown_job = "unknown job";

ordered_json ignored_json(const std::string& reason) {
  return {{"status", "ignored"}, {"reason", reason}};
}

rest::or_refusal<send_test_webhook> parse_test(const std::string& body,
                                               std::vector<std::string>& notes,
                                               std::string provider) {
  auto parsed = rest::parse_object(body);
  if (auto* bad = std::get_if<rest::refusal>(&parsed))
    return std::move(*bad);
  rest::body_reader in{std::get<nlohmann::json>(parsed)};
  send_test_webhook out{.ctx = {}, .provider = std::move(provider)};
  caf::optional<int32_t> seconds;
  in.text("webhook_url", out.url, 2048);
  if (!out.url.starts_with("https://"))
    in.fail("webhook_url", "want an https URL");
  in.text("provider", out.provider, 64);
  in.integer("timeout", seconds, 1, 30);
  in.text("method", out.method, 8);
  if (out.method != "GET" && out.method != "HEAD" && out.method != "POST")
    in.fail("method", "want GET, HEAD or POST");
  if (in.mistake())
    return *in.mistake();
  if (seconds)
    out.timeout = std::chrono::seconds{*seconds};
  notes = in.warnings();
  return out;
}

apply_webhook command_of(const rest::request& x, const webhook_read& delivery) {
  apply_webhook result{x.ctx, x.parameters.at("provider"), delivery};
  result.delivery.seen.input.clear(); // It may hold secrets.
  return result;
}

} // namespace

void http_gateway_state::send_webhook_test(const call& x,
                                           const std::string& body) {
  std::vector<std::string> notes;
  auto parsed = parse_test(body, notes, settings.default_provider);
  if (auto* bad = std::get_if<rest::refusal>(&parsed))
    return refuse(x, *bad);
  auto& command = std::get<send_test_webhook>(parsed);
  command.ctx = x->ctx;
  // Our own client waits no longer than the server lets us.
  command.timeout = std::min(command.timeout, settings.outbound_timeout);
  self->ask(
    providers, settings.outbound_timeout + settings.health_timeout, command,
    [this, x, notes, method = command.method,
     provider = command.provider](const test_webhook_sent& y) {
      using std::chrono::duration_cast;
      ordered_json reply
        = {{"success", y.success},
           {"latency_ms",
            duration_cast<std::chrono::milliseconds>(y.latency).count()},
           {"status_code",
            y.status_code == 0 ? ordered_json{} : ordered_json(y.status_code)},
           {"error", y.error.empty() ? ordered_json{} : ordered_json(y.error)},
           {"method", method}};
      audit(x, "webhook.test", provider,
            rest::with_warnings(std::move(reply), notes));
    },
    refusing(x));
}

void http_gateway_state::receive_webhook(const call& x,
                                         const std::string& body) {
  const read_webhook query{x->ctx, x->parameters.at("provider"), x->headers,
                           body, x->client};
  self->ask(
    providers, settings.prepare_timeout, query,
    [this, x](const webhook_read& delivery) {
      if (delivery.is_signed)
        return apply_delivery(x, delivery, job_named_in(x->query_parameters));
      answer(x, ignored_json("unsigned"));
      poll_named(x, x->parameters.at("provider"), delivery.seen.external_id);
    },
    refusing_named(x));
}

// A delivery takes several steps. Each may be done twice, since the provider
// delivers again what it got no answer to.
void http_gateway_state::apply_delivery(const call& x,
                                        const webhook_read& delivery,
                                        const std::string& job_id) {
  self->ask(
    store, within(x, settings.store_timeout), command_of(*x, delivery),
    [this, x, delivery, job_id](const webhook_applied& done) {
      if (done.ignored == unknown_job && !job_id.empty())
        look_for_attempt(x, delivery, job_id);
      else
        settle_delivery(x, done);
    },
    refusing(x));
}

void http_gateway_state::apply_again(const call& x,
                                     const webhook_read& delivery,
                                     const std::string& job_id) {
  self->ask(
    store, within(x, settings.store_timeout), command_of(*x, delivery),
    [this, x, job_id,
     external_id = delivery.seen.external_id](const webhook_applied& done) {
      if (done.ignored == unknown_job && !job_id.empty())
        log.warning("{} tells of a submission of job {} that it does not "
                    "follow: {}",
                    x->parameters.at("provider"), job_id, external_id);
      settle_delivery(x, done);
    },
    refusing(x));
}

void http_gateway_state::settle_delivery(const call& x,
                                         const webhook_applied& done) {
  if (!done.ignored.empty()) {
    log.debug("Webhook ignored: {}", done.ignored);
    return answer(x, ignored_json(done.ignored));
  }
  {
    log_context scope{context_of(done.subject)};
    log.debug("Webhook applied to job {}", done.subject.id);
  }
  auto updates = ordered_json::object();
  for (const auto& [field, value] : done.updates)
    updates[field] = value;
  answer(x, {{"status", "received"},
             {"job_id", done.subject.id},
             {"updates", std::move(updates)}});
  if (is_terminal(done.subject.status) && !done.subject.cost_micros)
    complete(done.subject);
}

void http_gateway_state::look_for_attempt(const call& x,
                                          const webhook_read& delivery,
                                          const std::string& job_id) {
  self->ask(
    store, within(x, settings.store_timeout), reload_queue{x->ctx, {job_id}},
    [this, x, delivery, job_id](const queue_snapshot& found) {
      const auto* attempt = attempt_behind(
        found.attempts, x->parameters.at("provider"), delivery.seen);
      // Another one is settled already.
      const auto is_other = found.attempts.empty() && !found.entries.empty();
      if (attempt)
        adopt(x, delivery, *attempt);
      else
        apply_again(x, delivery, is_other ? job_id : std::string{});
    },
    refusing(x));
}

// The store judges once more: it refuses what is settled or taken by now. Then
// the job may be known all the same, so the delivery is applied as any other.
void http_gateway_state::adopt(const call& x, const webhook_read& delivery,
                               const open_attempt& attempt) {
  record_submission command{
    {attempt.correlation_id,
     {{"job_id", attempt.job_id}, {"provider", attempt.provider}}},
    attempt.job_id,
    attempt.id};
  command.outcome.result = submission_result::accepted;
  command.outcome.seen = delivery.seen;
  command.outcome.seen.input.clear();
  self->ask(
    store, within(x, settings.store_timeout), command,
    [this, x, delivery, ctx = command.ctx](const submission_recorded& done) {
      {
        log_context scope{ctx};
        log.info("Job {} already submitted to provider (status: {}), updating "
                 "queue",
                 done.subject.id, delivery.seen.raw_status);
      }
      apply_delivery(x, delivery, {});
      // Others that were early have been answered, and nobody else may ask.
      if (done.poll_at_once)
        complete(done.subject);
    },
    [this, x, delivery, job_id = attempt.job_id](const caf::error& err) {
      if (is_transient(err))
        return refusing(x)(err); // The provider delivers again.
      log.debug("Webhook adopts nothing: {}", render(err));
      apply_again(x, delivery, job_id);
    });
}

// A delivery does not know the job's hardware, and so not always its cost; and
// nobody polls a job that is over.
void http_gateway_state::complete(const job& subject) {
  const auto ctx = context_of(subject);
  self->ask(
    providers, settings.call_timeout,
    get_provider_job{ctx, subject.provider, subject.external_id,
                     subject.hardware_profile},
    [this, ctx, id = subject.id](const provider_job_found& found) {
      self->ask(
        store, settings.store_timeout,
        apply_status{ctx, id, found.seen, change_source::webhook},
        [](const status_applied&) {}, [](const caf::error&) {});
    },
    [](const caf::error& err) {
      log.debug("Provider job not read again: {}", render(err));
    });
}

// What nobody signed is believed only as far as asking the provider goes.
void http_gateway_state::poll_named(const call& x, const std::string& provider,
                                    const std::string& external_id) {
  self->ask(
    store, settings.store_timeout, list_active_jobs{x->ctx},
    [this, x, provider, external_id](const job_list& active) {
      for (const auto& job : active.jobs)
        if (job.provider == provider && job.external_id == external_id)
          self->ask(
            poller, settings.outbound_timeout,
            poll_jobs{context_of(job), {job.id}}, [](const jobs_polled&) {},
            [](const caf::error&) {}); // the next round asks again
    },
    [](const caf::error&) {});
}

} // namespace tunerd
