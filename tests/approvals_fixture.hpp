#pragma once

#include "actors/store/approval_table.hpp"

#include "tests/store_fixture.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace tunerd::test {

inline caller person(const std::string& user, caller_level level,
                     const std::string& org = "o") {
  return {user, org, "", level, "token of " + user};
}

inline const caller lead = person("lead", caller_level::lead);

class approvals_fixture : public store_fixture {
protected:
  /// Submits a job of user 7 in org o that waits for approval.
  job blocked(const std::string& id,
              caf::optional<caf::timespan> deadline = caf::none) {
    auto x = submission(id);
    x.subject.org_id = "o";
    x.requires_approval = true;
    x.approval_deadline = deadline;
    return ask<job_submitted>(aut, x).subject;
  }

  rule_changes expensive(const std::string& usd) const {
    rule_changes x;
    x.name = "expensive";
    x.condition = rule_condition::cost_exceeds;
    x.threshold = usd;
    return x;
  }

  approval_rule rule(const rule_changes& wanted) {
    return ask<rule_found>(aut, create_rule{{"c"}, {}, wanted}).subject;
  }

  decide_approval decision(int64_t id, approval_verdict verdict,
                           caller who = lead) const {
    return {{"corr-decide"}, who, id, "", verdict, "because"};
  }

  approval request(int64_t id) {
    return ask<approval_found>(aut, get_approval{{"c"}, {}, id}).subject;
  }

  approvals_swept sweep(int32_t batch_max = 500,
                        caf::timespan warn = caf::timespan{0}) {
    return ask<approvals_swept>(aut, sweep_approvals{{"c"}, warn, batch_max});
  }

  std::vector<nlohmann::json> events_of(const std::string& type) {
    std::vector<nlohmann::json> result;
    for (const auto& x : events().events)
      if (x.type == type)
        result.push_back(nlohmann::json::parse(x.data));
    return result;
  }

  /// @returns "action subject user" of every audit row, in order.
  std::vector<std::string> audit() {
    std::vector<std::string> result;
    auto raw = db->connect(sql::connection::mode::read_only);
    auto rows = raw->query("SELECT action || ' ' || subject || ' ' || user_id "
                           "FROM audit ORDER BY id");
    while (rows.step())
      result.push_back(rows.get<std::string>(0));
    return result;
  }

  std::string text_of_refusal(const decide_approval& x) {
    return render(ask_error<approval_decided>(aut, x));
  }
};

} // namespace tunerd::test
