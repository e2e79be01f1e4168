#include "tests/http_api_fixture.hpp"

namespace tunerd::test {

config::auth api_fixture::tokens() {
  config::auth out;
  for (const auto* level : {"viewer", "researcher", "lead", "admin"})
    out.tokens.push_back({.name = level,
                          .sha256 = sha256_hex(std::string{"t-"} + level),
                          .level = *parse_caller_level(level),
                          .user_id = std::string{"u-"} + level,
                          .org_id = "acme"});
  out.rate_limit_calls = 0;
  return out;
}

api_fixture::api_fixture() {
  workers.push_back({"job_poller", worker_phase::running});
  trace.jobs.push_back(stored);
  applied_next.subject = stored;
  teach_store();
  teach_others();
  start();
}

http_reply api_fixture::call_as(const std::string& token, std::string method,
                                std::string target, std::string body,
                                http_headers headers) {
  if (!token.empty())
    headers.emplace_back("authorization", "Bearer " + token);
  const auto id = begin({.method = std::move(method),
                         .target = std::move(target),
                         .headers = std::move(headers),
                         .body = std::move(body)});
  if (server->replies.count(id) == 0 && !server->handed_over.empty()
      && server->handed_over.back() == id)
    return {.status = 200};
  return answer_to(id);
}

void api_fixture::teach_store() {
  const caf::message_handler jobs{
    [this](const get_job& x) {
      return show(of_store, x, job_found{x.ctx, stored});
    },
    [this](const delete_job& x) {
      return change(of_store, x, job_found{x.ctx, stored});
    },
    [this](const get_job_logs& x) {
      return show(of_store, x, job_logs_found{x.ctx, stored, "line 1\n", true});
    },
    [this](const list_active_jobs& x) {
      return say(of_store, x.ctx, job_list{x.ctx, {stored}, 1});
    },
    [this](const list_jobs& x) {
      listed.push_back(x);
      return list(of_store, x, job_list{x.ctx, {stored}, 3});
    },
    [this](const list_queue& x) {
      return list(of_store, x, queue_page{x.ctx, {stored}, 1, 2});
    },
    [this](const get_user_queue& x) {
      return list(of_store, x, user_queue{x.ctx, 1, 0, 0, {stored}, {}});
    },
    [this](const cancel_queued_job& x) {
      return change(of_store, x, job_found{x.ctx, stored});
    },
    [this](const set_priority& x) {
      return show(of_store, x, priority_set{x.ctx, stored, stored});
    },
    [this](const clean_queue& x) {
      return list(of_store, x, queue_cleaned{x.ctx, 4});
    },
    [this](const set_limits& x) {
      changed.push_back(x);
      return list(of_store, x, limits_in_force{x.ctx, {}});
    }};
  const auto rule = [this](const auto& x) {
    return say(of_store, x.ctx, rule_found{x.ctx, {.id = 3, .name = "r"}});
  };
  const caf::message_handler approvals{
    [rule](const create_rule& x) { return rule(x); },
    [rule](const change_rule& x) { return rule(x); },
    [rule](const delete_rule& x) { return rule(x); },
    [rule](const get_rule& x) { return rule(x); },
    [this](const list_rules& x) {
      return say(of_store, x.ctx, rule_list{x.ctx, {{.id = 3, .name = "r"}}});
    },
    [this](const decide_approval& x) {
      auto y = request();
      y.status
        = x.verdict == approval_verdict::approve  ? approval_status::approved
          : x.verdict == approval_verdict::reject ? approval_status::rejected
                                                  : approval_status::cancelled;
      y.reviewed_by = x.who.user_id;
      return show(of_store, x, approval_decided{x.ctx, y, stored});
    },
    [this](const extend_approval& x) {
      auto y = request();
      y.expires_at = now();
      return show(of_store, x, approval_found{x.ctx, y});
    },
    [this](const get_approval& x) {
      return show(of_store, x, approval_found{x.ctx, request()});
    },
    [this](const list_approvals& x) {
      return list(of_store, x, approval_list{x.ctx, {request()}, 1});
    }};
  const caf::message_handler rest{
    [this](const get_settings& x) {
      return say(of_store, x.ctx, settings_found{x.ctx, stored_settings});
    },
    [this](const put_settings& x) {
      put.push_back(x);
      return list(of_store, x, settings_found{x.ctx, {}});
    },
    [this](const append_audit& x) {
      audited.push_back(x.entry);
      return say(of_store, x.ctx, audit_appended{x.ctx, 1});
    },
    [this](const get_trace& x) { return list(of_store, x, trace); },
    [this](const get_store_metrics& x) { return say(of_store, x.ctx, sums); },
    [this](const get_cost_report& x) {
      return list(of_store, x,
                  cost_report{x.ctx,
                              5'000'000,
                              2,
                              caf::timespan{std::chrono::seconds{90}},
                              {{"completed", 2}},
                              {{"2024-01-15", 5'000'000}}});
    },
    [this](const get_cost_limit& x) { return say(of_store, x.ctx, cost); },
    [this](const apply_webhook& x) {
      applied.push_back(x);
      return say(of_store, x.ctx, applied_next);
    }};
  more_of_store = jobs.or_else(approvals).or_else(rest);
}

void api_fixture::teach_others() {
  more_of_scheduler = caf::message_handler{
    [this](const cancel_job& x) {
      auto job = stored;
      job.status = job_status::cancelled;
      return change(of_scheduler, x, job_found{x.ctx, job});
    },
    [this](const explain_job& x) {
      return say(of_scheduler, x.ctx, job_explained{x.ctx});
    },
    [this](const process_queue& x) {
      ++dispatched;
      return say(of_scheduler, x.ctx, queue_processed{x.ctx, {"j1"}});
    },
    [this](const sync_provider_jobs& x) {
      return list(of_scheduler, x, provider_jobs_synced{x.ctx, 2});
    },
    [this](const resolve_attempt& x) {
      return list(of_scheduler, x, job_found{x.ctx, stored});
    }};
  more_of_providers = caf::message_handler{
    [this](const get_provider_config& x) -> caf::result<provider_config_found> {
      if (x.provider != "replicate")
        return make_error(ec::unknown_provider, x.provider);
      return say(of_providers, x.ctx, provider_config_found{x.ctx, config});
    },
    [this](const validate_provider& x) -> caf::result<provider_validated> {
      if (x.provider != "replicate")
        return make_error(ec::unknown_provider, x.provider);
      return say(of_providers, x.ctx,
                 provider_validated{x.ctx, true, R"({"username":"u"})"});
    },
    [this](const get_provider_job& x) {
      return say(of_providers, x.ctx, provider_job_found{x.ctx, {"p1"}});
    },
    [this](const read_webhook& x) -> caf::result<webhook_read> {
      deliveries.push_back(x);
      if (x.provider != "replicate")
        return make_error(ec::unknown_provider, x.provider);
      const auto genuine
        = is_signed && !header(x.headers, "webhook-id").empty();
      if (!genuine && !lax)
        return make_error(ec::invalid_signature, "webhook-signature");
      return say(of_providers, x.ctx,
                 webhook_read{x.ctx, "d1", {"p1"}, "completed", genuine});
    },
    [this](const send_test_webhook& x) {
      tested.push_back(x);
      return say(
        of_providers, x.ctx,
        test_webhook_sent{x.ctx, true, std::chrono::milliseconds{12}, 204});
    },
    [this](const settings_changed& x) { announced.push_back(x); }};
  const auto answer_polling
    = [this](const auto& x) { return say(of_poller, x.ctx, polling); };
  more_of_poller = caf::message_handler{
    [this, answer_polling](const refresh_polling& x) {
      ++refreshed;
      return answer_polling(x);
    },
    [answer_polling](const get_polling_status& x) { return answer_polling(x); },
    [this](const poll_jobs& x) {
      polled.push_back(x);
      return say(of_poller, x.ctx, jobs_polled{x.ctx, 1});
    }};
  more_of_expirer = caf::message_handler{[this](const expire_approvals& x) {
    ++swept;
    return say(of_expirer, x.ctx, approvals_swept{x.ctx, 3});
  }};
  more_of_supervisor = caf::message_handler{
    [this](const control_worker& x) -> caf::result<worker_list> {
      controlled.push_back(x);
      if (x.name != "job_poller" && x.name != "store")
        return make_error(ec::not_found, "no worker " + x.name);
      if (x.name == "store" && x.action == worker_action::stop)
        return make_error(ec::conflict, "store may not be stopped");
      return say(of_supervisor, x.ctx, worker_list{x.ctx, workers});
    }};
}

} // namespace tunerd::test
