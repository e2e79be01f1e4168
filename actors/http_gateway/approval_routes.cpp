#include "actors/http_gateway/approval_requests.hpp"
#include "actors/http_gateway/http_gateway.hpp"
#include "messages/approval_json.hpp"

#include <nlohmann/json.hpp>

// The routes below /api/approvals/requests, and what decides like them.

namespace tunerd {

using nlohmann::ordered_json;

namespace {

ordered_json requests_json(const approval_list& x) {
  ordered_json body
    = {{"requests", ordered_json::array()}, {"pending_count", x.pending_count}};
  for (const auto& request : x.requests)
    body["requests"].push_back(approval_json(request));
  return body;
}

ordered_json decision_json(const approval& request, const std::string& reason) {
  ordered_json body = {{"success", true}, {"request_id", request.id}};
  const auto reviewer = id_json(request.reviewed_by);
  if (request.status == approval_status::approved)
    body["approved_by"] = reviewer;
  if (request.status == approval_status::rejected)
    body.update({{"rejected_by", reviewer}, {"reason", reason}});
  if (request.status != approval_status::cancelled)
    body["job_id"] = request.job_id;
  return body;
}

/// What a bulk decision has gathered. Each answer finds its place by number.
struct bulk_result {
  std::vector<ordered_json> lines = {};
  size_t missing = 0;
  int64_t succeeded = 0;
};

ordered_json line_of(int64_t id, const std::string& error) {
  return {{"request_id", id},
          {"success", error.empty()},
          {"error", text_json(error)}};
}

ordered_json bulk_json(const bulk_result& x) {
  return {{"total", x.lines.size()},
          {"succeeded", x.succeeded},
          {"failed", static_cast<int64_t>(x.lines.size()) - x.succeeded},
          {"results", x.lines}};
}

} // namespace

// -- queries ------------------------------------------------------------------

void http_gateway_state::show_approvals(const call& x) {
  list_requests(x, false);
}

void http_gateway_state::show_own_approvals(const call& x) {
  list_requests(x, true);
}

void http_gateway_state::list_requests(const call& x, bool own_only) {
  auto parsed = rest::parse_list_approvals(x->query_parameters);
  auto* wanted = accept(x, parsed);
  if (wanted == nullptr)
    return;
  auto& query = wanted->message;
  query.ctx = x->ctx;
  query.who = x->who;
  query.own_only = own_only;
  self->ask(
    store, settings.store_timeout, query,
    [this, x, notes = wanted->warnings](const approval_list& found) {
      answer(x, rest::with_warnings(requests_json(found), notes));
    },
    refusing(x));
}

void http_gateway_state::count_approvals(const call& x) {
  list_approvals query{x->ctx, x->who};
  query.limit = 1;
  self->ask(
    store, settings.store_timeout, query,
    [this, x](const approval_list& found) {
      answer(x, {{"pending_count", found.pending_count}});
    },
    refusing(x));
}

void http_gateway_state::show_approval(const call& x) {
  if (const auto id = id_in_path(x, "request"))
    find_approval(x, {x->ctx, x->who, *id});
}

void http_gateway_state::show_job_approval(const call& x) {
  find_approval(x, {x->ctx, x->who, 0, x->parameters.at("job")});
}

void http_gateway_state::find_approval(const call& x,
                                       const get_approval& query) {
  self->ask(
    store, settings.store_timeout, query,
    [this, x](const approval_found& found) {
      answer(x, approval_json(found.subject));
    },
    refusing(x));
}

// -- decisions ----------------------------------------------------------------

void http_gateway_state::approve(const call& x, const std::string& body) {
  decide_request(x, rest::parse_approve(body));
}

void http_gateway_state::reject(const call& x, const std::string& body) {
  decide_request(x, rest::parse_reject(body));
}

void http_gateway_state::cancel_approval(const call& x) {
  rest::read_request<decide_approval> wanted;
  wanted.message.verdict = approval_verdict::cancel;
  decide_request(x, wanted);
}

void http_gateway_state::decide_request(
  const call& x, rest::or_refusal<rest::read_request<decide_approval>> parsed) {
  const auto id = id_in_path(x, "request");
  if (!id)
    return;
  auto* wanted = accept(x, parsed);
  if (wanted == nullptr)
    return;
  wanted->message.approval_id = *id;
  decide(
    x, wanted->message,
    [this, x, wanted = *wanted](const approval_decided& done) {
      answer(
        x, rest::with_warnings(decision_json(done.subject, wanted.message.text),
                               wanted.warnings));
    },
    refusing(x, "conflict"));
}

void http_gateway_state::decide(
  const call& x, decide_approval command,
  std::function<void(const approval_decided&)> then,
  std::function<void(const caf::error&)> fail) {
  command.ctx = x->ctx;
  command.who = x->who;
  self->ask(
    store, settings.store_timeout, command,
    [then](const approval_decided& done) { then(done); }, fail);
}

void http_gateway_state::extend(const call& x, const std::string& body) {
  const auto id = id_in_path(x, "request");
  if (!id)
    return;
  auto parsed = rest::parse_extend(body);
  auto* wanted = accept(x, parsed);
  if (wanted == nullptr)
    return;
  auto& command = wanted->message;
  command.ctx = x->ctx;
  command.who = x->who;
  command.approval_id = *id;
  self->ask(
    store, settings.store_timeout, command,
    [this, x, notes = wanted->warnings](const approval_found& found) {
      answer(x, rest::with_warnings(
                  {{"success", true},
                   {"request_id", found.subject.id},
                   {"expires_at", time_json(found.subject.expires_at)}},
                  notes));
    },
    refusing(x, "conflict"));
}

// -- decisions about many -----------------------------------------------------

void http_gateway_state::bulk_approve(const call& x, const std::string& body) {
  decide_many(x, body, approval_verdict::approve);
}

void http_gateway_state::bulk_reject(const call& x, const std::string& body) {
  decide_many(x, body, approval_verdict::reject);
}

void http_gateway_state::decide_many(const call& x, const std::string& body,
                                     approval_verdict verdict) {
  auto parsed = rest::parse_bulk(body, verdict);
  auto* wanted = accept(x, parsed);
  if (wanted == nullptr)
    return;
  const auto& [ids, each] = wanted->message;
  auto result = std::make_shared<bulk_result>();
  result->lines.resize(ids.size());
  result->missing = ids.size();
  const auto note = [this, x, result, notes = wanted->warnings](
                      size_t place, int64_t id, const std::string& error) {
    result->lines[place] = line_of(id, error);
    result->succeeded += error.empty() ? 1 : 0;
    if (--result->missing == 0)
      answer(x, rest::with_warnings(bulk_json(*result), notes));
  };
  // All at once: the store commits them together.
  for (size_t i = 0; i < ids.size(); ++i) {
    auto command = each;
    command.approval_id = ids[i];
    decide(
      x, command,
      [note, i, id = ids[i]](const approval_decided&) { note(i, id, {}); },
      [note, i, id = ids[i]](const caf::error& err) {
        note(i, id, rest::refusal_of(err).message);
      });
  }
}

// -- expiry -------------------------------------------------------------------

void http_gateway_state::expire(const call& x) {
  self->ask(
    expirer, settings.cancel_timeout, expire_approvals{x->ctx},
    [this, x](const approvals_swept& swept) {
      audit(x, "approval.sweep", {}, {{"expired", swept.expired}});
    },
    refusing(x));
}

} // namespace tunerd
