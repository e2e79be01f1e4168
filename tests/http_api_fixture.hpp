#pragma once

#include "messages/fingerprint.hpp"

#include "tests/http_fixture.hpp"

#include <set>

namespace tunerd::test {

/// The HTTP GATEWAY between fake workers that know every message, and tokens
/// of every level: "t-viewer" belongs to user "u-viewer" of org "acme", and so
/// on. The store's job belongs to whom `stored` names; the fakes show and
/// change it by the rules of the real store.
struct api_fixture : gateway_fixture {
  /// Who asked, by every message that says.
  std::vector<caller> callers;
  std::vector<put_settings> put;
  std::vector<settings_changed> announced;
  std::vector<read_webhook> deliveries;
  std::vector<apply_webhook> applied;
  std::vector<control_worker> controlled;
  std::vector<audit_entry> audited;
  std::vector<poll_jobs> polled;
  std::vector<send_test_webhook> tested;
  int refreshed = 0, swept = 0, dispatched = 0;

  std::map<std::string, std::string> stored_settings;
  std::string config = R"({"webhook_url":"https://a.example/x"})";
  /// Whether deliveries are signed; an unsigned one is refused unless `lax`.
  bool is_signed = true, lax = false;
  webhook_applied applied_next;
  store_metrics sums{.ctx = {},
                     .jobs_by_status = {{"pending", 2}, {"completed", 3}},
                     .approvals_by_status = {{"pending", 1}},
                     .cost_micros = 2'500'000};
  cost_limit_status cost{.ctx = {},
                         .enabled = true,
                         .limit_micros = 10'000'000,
                         .spent_micros = 2'500'000};
  trace_found trace;
  polling_status polling{{}, true, std::chrono::seconds{30}, "setting"};

  static config::auth tokens();

  api_fixture();

  void require_tokens() {
    settings.auth.set(tokens());
  }

  /// @returns `result`, or the failure of `m`.
  template <class T>
  caf::result<T> say(mood& m, const context& ctx, T result) {
    m.seen.push_back(ctx);
    if (m.failure)
      return m.failure;
    return result;
  }

  /// The same if `who` may see the job.
  template <class T, class Query>
  caf::result<T> show(mood& m, const Query& x, T result) {
    callers.push_back(x.who);
    if (!m.failure && !may_see(x.who, stored.user_id, stored.org_id))
      return make_error(ec::permission_denied, "not yours");
    return say(m, x.ctx, std::move(result));
  }

  /// The same if `who` owns it or is admin.
  template <class T, class Query>
  caf::result<T> change(mood& m, const Query& x, T result) {
    callers.push_back(x.who);
    if (!m.failure && x.who.level != caller_level::admin
        && x.who.user_id != stored.user_id)
      return make_error(ec::permission_denied, "not yours");
    return say(m, x.ctx, std::move(result));
  }

  template <class T, class Query>
  caf::result<T> list(mood& m, const Query& x, T result) {
    callers.push_back(x.who);
    return say(m, x.ctx, std::move(result));
  }

  void teach_store();
  void teach_others();

  /// @returns the answer to what the owner of `token` asks; an event stream
  /// is a 200 without a body.
  http_reply call_as(const std::string& token, std::string method,
                     std::string target, std::string body = {},
                     http_headers headers = {});

  approval request() const {
    return {.id = 5,
            .job_id = stored.id,
            .user_id = stored.user_id,
            .org_id = stored.org_id};
  }
};

} // namespace tunerd::test
