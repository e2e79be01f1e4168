#include "actors/http_gateway/approval_requests.hpp"
#include "actors/http_gateway/http_gateway.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

// The routes below /api/queue about one user's or one job's entries.

namespace tunerd {

using nlohmann::ordered_json;

namespace {

constexpr logger log{"simpletuner.cloud.queue"};

/// @returns the best place of `jobs`; null if none has one.
ordered_json best_of(const std::vector<job>& jobs,
                     const queue_positions& places) {
  ordered_json best;
  for (const auto& job : jobs)
    if (auto i = places.positions.find(job.id); i != places.positions.end())
      if (best.is_null() || i->second < best.get<int64_t>())
        best = i->second;
  return best;
}

std::set<std::string> ids_of(const std::vector<job>& jobs) {
  std::set<std::string> ids;
  for (const auto& job : jobs)
    ids.insert(job.id);
  return ids;
}

} // namespace

// -- of one user --------------------------------------------------------------

void http_gateway_state::show_own_queue(const call& x) {
  show_queue_of(x, x->who.user_id);
}

void http_gateway_state::show_user_queue(const call& x) {
  show_queue_of(x, x->parameters.at("id"));
}

void http_gateway_state::show_queue_of(const call& x,
                                       const std::string& user_id) {
  self->ask(
    store, settings.store_timeout, get_user_queue{x->ctx, x->who, user_id},
    [this, x](const user_queue& found) {
      with_places(x, found.pending, 0, [=, this](const queue_positions& y) {
        ordered_json body = {{"pending_count", found.pending_count},
                             {"running_count", found.running_count},
                             {"blocked_count", found.blocked_count},
                             {"best_position", best_of(found.pending, y)},
                             {"pending_jobs", ordered_json::array()},
                             {"running_jobs", ordered_json::array()}};
        for (const auto& job : found.pending)
          body["pending_jobs"].push_back(entry_json(job, view_of(job, y)));
        for (const auto& job : found.running)
          body["running_jobs"].push_back(entry_json(job, view_of(job, y)));
        answer(x, body);
      });
    },
    refusing(x));
}

// -- why it waits -------------------------------------------------------------

void http_gateway_state::show_position(const call& x) {
  with_explanation(x, [this, x](const job& subject, const job_explained& why) {
    answer(x, {{"job_id", subject.id},
               {"position",
                why.position ? ordered_json(*why.position) : ordered_json{}},
               {"status", to_string(subject.queue)},
               {"priority", effective_priority(subject, view_of(subject, {}))},
               {"queued_at", utc_text(subject.queued_at)},
               {"estimated_wait_seconds", seconds_json(why.estimated_wait)}});
  });
}

void http_gateway_state::explain(const call& x) {
  with_explanation(x, [this, x](const job& subject, const job_explained& all) {
    with_known_holders(x, all, [this, x, subject](const job_explained& why) {
      auto constraints = ordered_json::array();
      for (const auto& constraint : why.constraints)
        constraints.push_back(constraint_json(constraint));
      answer(x, {{"job_id", subject.id},
                 {"status", to_string(subject.queue)},
                 {"position",
                  why.position ? ordered_json(*why.position) : ordered_json{}},
                 {"constraints", std::move(constraints)},
                 {"estimated_wait_seconds", seconds_json(why.estimated_wait)}});
    });
  });
}

void http_gateway_state::with_explanation(
  const call& x, std::function<void(const job&, const job_explained&)> then) {
  self->ask(
    store, settings.store_timeout,
    get_job{x->ctx, x->who, x->parameters.at("job")},
    [this, x, then](const job_found& found) {
      const auto& job = found.subject;
      if (is_terminal(job.status))
        return then(job, {});
      self->ask(
        scheduler, settings.store_timeout, explain_job{x->ctx, job.id},
        [job, then](const job_explained& why) { then(job, why); }, refusing(x));
    },
    refusing(x));
}

void http_gateway_state::with_known_holders(
  const call& x, const job_explained& why,
  std::function<void(const job_explained&)> then) {
  const auto& all = why.constraints;
  // A lead sees its org only, and a holder's id does not tell whose it is.
  if (x->who.level == caller_level::admin
      || std::all_of(all.begin(), all.end(),
                     [](const auto& y) { return y.holders.empty(); }))
    return then(why);
  self->ask(
    store, settings.store_timeout,
    get_user_queue{x->ctx, x->who, x->who.user_id},
    [why, then](const user_queue& own) {
      then(rest::with_holders(why, ids_of(own.running)));
    },
    [why, then](const caf::error&) { then(rest::with_holders(why, {})); });
}

// -- changes ------------------------------------------------------------------

std::function<void(const caf::error&)>
http_gateway_state::refusing_state(const call& x,
                                   std::function<void(const job&)> note) {
  return [this, x, note](const caf::error& err) {
    if (code_of(err) != ec::conflict)
      return refusing(x)(err);
    self->ask(
      store, settings.store_timeout,
      get_job{x->ctx, x->who, x->parameters.at("job")},
      [this, x, note, err](const job_found& found) {
        {
          log_context scope{context_of(found.subject)};
          note(found.subject);
        }
        refusing(x)(err);
      },
      [this, x, err](const caf::error&) { refusing(x)(err); });
  };
}

void http_gateway_state::cancel_queued(const call& x) {
  self->ask(
    store, settings.store_timeout,
    cancel_queued_job{x->ctx, x->who, x->parameters.at("job")},
    [this, x](const job_found& found) {
      answer(x, {{"success", true}, {"job_id", found.subject.id}});
    },
    refusing_state(x, [](const job& subject) {
      if (holds_slot(subject.queue))
        log.warning("Cannot cancel running job {} via queue", subject.id);
    }));
}

void http_gateway_state::approve_queued(const call& x,
                                        const std::string& body) {
  auto parsed = rest::parse_approve(body);
  if (auto* wanted = accept(x, parsed))
    decide_queued(x, wanted->message, wanted->warnings);
}

void http_gateway_state::reject_queued(const call& x) {
  auto parsed = rest::parse_reject_query(x->query_parameters);
  if (auto* wanted = accept(x, parsed))
    decide_queued(x, wanted->message, wanted->warnings);
}

void http_gateway_state::decide_queued(const call& x,
                                       const decide_approval& command,
                                       const std::vector<std::string>& notes) {
  auto about = command;
  about.job_id = x->parameters.at("job");
  decide(
    x, about,
    [this, x, about, notes](const approval_decided& done) {
      const auto reviewer = id_json(done.subject.reviewed_by);
      ordered_json body = {{"success", true}, {"job_id", about.job_id}};
      if (about.verdict == approval_verdict::approve)
        body["approved_by"] = reviewer;
      else
        body.update({{"rejected_by", reviewer}, {"reason", about.text}});
      answer(x, rest::with_warnings(std::move(body), notes));
    },
    refusing_state(x, [](const job& subject) {
      if (subject.queue != queue_status::blocked)
        log.warning("Job {} is not blocked (status: {})", subject.id,
                    to_string(subject.queue));
    }));
}

void http_gateway_state::change_priority(const call& x,
                                         const std::string& body) {
  auto parsed = rest::parse_priority(body);
  if (std::holds_alternative<rest::refusal>(parsed))
    log.warning("Invalid priority_override {} (must be 0-50)",
                rest::priority_text(body));
  auto* wanted = accept(x, parsed);
  if (wanted == nullptr)
    return;
  auto& command = wanted->message;
  command.ctx = x->ctx;
  command.who = x->who;
  command.job_id = x->parameters.at("job");
  self->ask(
    store, settings.store_timeout, command,
    [this, x, wanted = *wanted](const priority_set& done) {
      const auto& job = done.subject;
      const auto override_json = job.priority_override
                                   ? ordered_json(*job.priority_override)
                                   : ordered_json{};
      const auto effective = effective_priority(job, view_of(job, {}));
      {
        log_context scope{context_of(job)};
        log.info("Set priority override for job {}: {} (effective: {})", job.id,
                 override_json.dump(), effective);
      }
      answer(x, rest::with_warnings(
                  {{"success", true},
                   {"job_id", job.id},
                   {"previous_effective_priority",
                    effective_priority(done.before, view_of(done.before, {}))},
                   {"new_effective_priority", effective},
                   {"priority_override", override_json}},
                  wanted.warnings));
    },
    refusing(x));
}

// -- of the whole queue -------------------------------------------------------

void http_gateway_state::process(const call& x) {
  self->ask(
    scheduler, settings.cancel_timeout, process_queue{x->ctx},
    [this, x](const queue_processed& done) {
      audit(x, "queue.process", {},
            {{"success", true},
             {"dispatched", done.job_ids.size()},
             {"job_ids", done.job_ids}});
    },
    refusing(x));
}

void http_gateway_state::clean_up(const call& x) {
  auto parsed = rest::parse_cleanup(x->query_parameters);
  auto* wanted = accept(x, parsed);
  if (wanted == nullptr)
    return;
  auto& command = wanted->message;
  command.ctx = x->ctx;
  command.who = x->who;
  self->ask(
    store, settings.store_timeout, command,
    [this, x, wanted = *wanted](const queue_cleaned& done) {
      answer(x, rest::with_warnings({{"success", true},
                                     {"deleted", done.deleted},
                                     {"days", wanted.message.days}},
                                    wanted.warnings));
    },
    refusing(x));
}

} // namespace tunerd
