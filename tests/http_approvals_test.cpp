#include "actors/http_gateway/approval_requests.hpp"

#include "tests/http_fixture.hpp"

using namespace tunerd;
using namespace tunerd::test;
using namespace std::chrono_literals;

namespace {

/// The HTTP GATEWAY with the approvals' part of store and expirer.
struct approvals_fixture : gateway_fixture {
  approval_rule rule{
    .id = 3, .name = "dear", .threshold = "10", .created_by = "7"};
  approval request{.id = 5, .job_id = "j1", .user_id = "ann"};
  std::map<int64_t, caf::error> refusals;
  caf::error refusal;
  std::vector<create_rule> created;
  std::vector<change_rule> changed_rules;
  std::vector<delete_rule> deleted;
  std::vector<get_rule> shown;
  std::vector<list_rules> rules_listed;
  std::vector<decide_approval> decided;
  std::vector<extend_approval> extended;
  std::vector<get_approval> asked_for;
  std::vector<list_approvals> requests_listed;
  std::vector<expire_approvals> expired;

  approvals_fixture() {
    more_of_store = caf::message_handler{
      [this](const create_rule& x) { return note(created, x, found(x)); },
      [this](const change_rule& x) { return note(changed_rules, x, found(x)); },
      [this](const delete_rule& x) { return note(deleted, x, found(x)); },
      [this](const get_rule& x) { return note(shown, x, found(x)); },
      [this](const list_rules& x) {
        return note(rules_listed, x, rule_list{x.ctx, {rule}});
      },
      [this](const decide_approval& x) { return decide(x); },
      [this](const extend_approval& x) {
        auto later = request;
        later.expires_at = now() + x.extension;
        return note(extended, x, approval_found{x.ctx, later});
      },
      [this](const get_approval& x) {
        return note(asked_for, x, approval_found{x.ctx, request});
      },
      [this](const list_approvals& x) {
        return note(requests_listed, x, approval_list{x.ctx, {request}, 17});
      },
    };
    more_of_expirer = caf::message_handler{[this](const expire_approvals& x) {
      return note(expired, x, approvals_swept{x.ctx, 12});
    }};
    start();
  }

  template <class Message>
  rule_found found(const Message& x) {
    return {x.ctx, rule};
  }

  caf::result<approval_decided> decide(const decide_approval& x) {
    approval_decided done{x.ctx, request, stored};
    done.subject.id = x.approval_id;
    done.subject.reviewed_by = x.who.user_id;
    done.subject.status
      = x.verdict == approval_verdict::approve  ? approval_status::approved
        : x.verdict == approval_verdict::reject ? approval_status::rejected
                                                : approval_status::cancelled;
    if (auto i = refusals.find(x.approval_id); i != refusals.end())
      return i->second;
    return note(decided, x, done);
  }

  template <class Message, class Answer>
  caf::result<Answer> note(std::vector<Message>& log, const Message& x,
                           const Answer& answer) {
    CHECK(x.ctx.correlation_id == "corr-1");
    log.push_back(x);
    if (refusal)
      return refusal;
    return answer;
  }

  json send(const char* method, std::string target, const json& body) {
    const auto reply = call(method, std::move(target), body.dump());
    INFO(reply.body);
    CHECK(reply.status == 200);
    return json::parse(reply.body);
  }
};

const std::string requests = "/api/approvals/requests";

} // namespace

// -- rules --------------------------------------------------------------------

TEST_CASE_METHOD(approvals_fixture, "all conditions are explained",
                 "[http_gateway]") {
  const auto conditions = get("/api/approvals/conditions")["conditions"];
  REQUIRE(conditions.size() == 7);
  for (const auto& x : conditions) {
    CHECK(parse_rule_condition(x["value"].get<std::string>()));
    CHECK(!x["description"].get<std::string>().empty());
  }
}

TEST_CASE_METHOD(approvals_fixture, "a rule is created from its fields",
                 "[http_gateway][A6]") {
  const auto reply
    = post("/api/approvals/rules", {{"name", "dear"},
                                    {"condition", "cost_exceeds"},
                                    {"threshold", "10"},
                                    {"priority", 5},
                                    {"exempt_levels", {"admin", "lead"}},
                                    {"required_approver_level", "admin"},
                                    {"deadline_seconds", 60},
                                    {"colour", "red"}});
  CHECK(reply["id"] == 3);
  CHECK(reply["created_by"] == 7);
  CHECK(reply["warnings"].size() == 1);
  REQUIRE(created.size() == 1);
  const auto& wanted = created[0].wanted;
  CHECK(created[0].who.user_id == "local");
  CHECK(*wanted.name == "dear");
  CHECK(*wanted.condition == rule_condition::cost_exceeds);
  CHECK(*wanted.threshold == "10");
  CHECK(*wanted.priority == 5);
  CHECK(*wanted.exempt_levels == std::vector<std::string>{"admin", "lead"});
  CHECK(*wanted.required_approver_level == "admin");
  CHECK(*wanted.deadline_seconds == 60);
  CHECK(!wanted.is_active);
  CHECK(!wanted.description);
}

TEST_CASE_METHOD(approvals_fixture, "a rule that is refused says why",
                 "[http_gateway][A6]") {
  refusal = make_error(ec::validation_error, "threshold: want a number");
  const auto reply = call("POST", "/api/approvals/rules", "{}");
  check_error(reply, 400, "validation_error");
  CHECK(json::parse(reply.body)["message"] == "threshold: want a number");
}

TEST_CASE_METHOD(approvals_fixture, "a patch changes what it names",
                 "[http_gateway]") {
  send("PATCH", "/api/approvals/rules/3",
       {{"is_active", false},
        {"threshold", 2.5},
        {"description", nullptr},
        {"exempt_levels", nullptr},
        {"required_approver_level", nullptr}});
  REQUIRE(changed_rules.size() == 1);
  const auto& wanted = changed_rules[0].wanted;
  CHECK(changed_rules[0].rule_id == 3);
  CHECK(*wanted.is_active == false);
  CHECK(*wanted.threshold == "2.5");
  CHECK(wanted.description->empty());
  CHECK(wanted.exempt_levels->empty());
  CHECK(*wanted.required_approver_level == "lead");
  CHECK(!wanted.name);
  CHECK(!wanted.condition);
  CHECK(!wanted.priority);
}

TEST_CASE("a wrong field of a rule is named", "[http_gateway][A6]") {
  const std::vector<std::pair<std::string, json>> wrong{
    {"name", ""},
    {"name", nullptr},
    {"name", 1},
    {"condition", "cost"},
    {"condition", nullptr},
    {"threshold", true},
    {"is_active", "yes"},
    {"priority", 1.5},
    {"priority", 1'000'001},
    {"applies_to_level", "boss"},
    {"exempt_levels", "admin"},
    {"exempt_levels", {"boss"}},
    {"exempt_levels", {1}},
    {"exempt_levels", json(17, "admin")},
    {"deadline_seconds", 0},
    {"description", std::string(1001, 'x')},
  };
  for (const auto& [field, value] : wrong) {
    INFO(field << ": " << value);
    const auto x = rest::parse_rule(json{{field, value}}.dump());
    REQUIRE(std::holds_alternative<rest::refusal>(x));
    CHECK(std::get<rest::refusal>(x).field == field);
  }
  const auto odd = rest::parse_rule(R"({"required_approver_level":"boss"})");
  CHECK(std::get<0>(odd).warnings.size() == 1);
}

TEST_CASE_METHOD(approvals_fixture, "rules are listed, shown and deleted",
                 "[http_gateway]") {
  const auto list = get("/api/approvals/rules?active_only=true");
  CHECK(list["rules"][0]["name"] == "dear");
  CHECK(rules_listed[0].active_only);
  CHECK(get("/api/approvals/rules/3")["threshold"] == "10");
  CHECK(shown[0].rule_id == 3);
  const auto reply = call("DELETE", "/api/approvals/rules/3");
  CHECK(json::parse(reply.body) == json{{"success", true}, {"rule_id", 3}});
  refusal = make_error(ec::conflict, "requests are pending");
  check_error(call("DELETE", "/api/approvals/rules/3"), 409, "conflict");
  refusal = make_error(ec::not_found, "no rule 3");
  check_error(call("GET", "/api/approvals/rules/3"), 404, "not_found");
  for (const auto* id : {"abc", "0", "-1", "3x", "99999999999999999999"})
    check_error(call("GET", std::string{"/api/approvals/rules/"} + id), 400,
                "validation_error");
}

// -- requests -----------------------------------------------------------------

TEST_CASE_METHOD(approvals_fixture, "requests are listed as asked for",
                 "[http_gateway]") {
  const auto reply
    = get(requests + "?pending_only=true&limit=200&offset=3&x=1");
  CHECK(reply["requests"][0]["id"] == 5);
  CHECK(reply["pending_count"] == 17);
  CHECK(reply["warnings"].size() == 1);
  REQUIRE(requests_listed.size() == 1);
  const auto& query = requests_listed[0];
  CHECK(query.status == approval_status::pending);
  CHECK(query.limit == 200);
  CHECK(query.offset == 3);
  CHECK(!query.own_only);
  CHECK(query.who.user_id == "local");
  get("/api/approvals/me?status=expired");
  CHECK(requests_listed[1].own_only);
  CHECK(requests_listed[1].status == approval_status::expired);
  CHECK(get(requests + "/pending/count") == json{{"pending_count", 17}});
  for (const auto* query_text :
       {"?status=odd", "?limit=201", "?pending_only=true&status=approved"})
    check_error(call("GET", requests + query_text), 400, "validation_error");
}

TEST_CASE_METHOD(approvals_fixture, "a request is shown by id and by job",
                 "[http_gateway]") {
  CHECK(get(requests + "/5")["job_id"] == "j1");
  CHECK(get(requests + "/job/j1")["id"] == 5);
  REQUIRE(asked_for.size() == 2);
  CHECK(asked_for[0].approval_id == 5);
  CHECK(asked_for[1].approval_id == 0);
  CHECK(asked_for[1].job_id == "j1");
  refusal = make_error(ec::permission_denied, "another's");
  check_error(call("GET", requests + "/5"), 403, "permission_denied");
  check_error(call("GET", requests + "/five"), 400, "validation_error");
}

// -- decisions ----------------------------------------------------------------

TEST_CASE_METHOD(approvals_fixture, "a request is decided by id",
                 "[http_gateway][A5]") {
  auto reply = send("POST", requests + "/5/approve", {{"notes", "go\non"}});
  CHECK(reply
        == json{{"success", true},
                {"request_id", 5},
                {"approved_by", "local"},
                {"job_id", "j1"}});
  reply = send("POST", requests + "/6/reject", {{"reason", "too dear"}});
  CHECK(reply
        == json{{"success", true},
                {"request_id", 6},
                {"rejected_by", "local"},
                {"reason", "too dear"},
                {"job_id", "j1"}});
  reply = json::parse(call("POST", requests + "/7/cancel").body);
  CHECK(reply == json{{"success", true}, {"request_id", 7}});
  REQUIRE(decided.size() == 3);
  CHECK(decided[0].text == "go\non");
  CHECK(decided[0].approval_id == 5);
  CHECK(decided[1].verdict == approval_verdict::reject);
  CHECK(decided[2].verdict == approval_verdict::cancel);
}

TEST_CASE_METHOD(approvals_fixture, "notes are optional, reasons are not",
                 "[http_gateway][A5]") {
  CHECK(call("POST", requests + "/5/approve").status == 200);
  CHECK(call("POST", requests + "/5/approve", "{}").status == 200);
  CHECK(decided.size() == 2);
  for (const auto* body : {"", "{}", R"({"reason":" \n"})", R"({"reason":1})"})
    check_error(call("POST", requests + "/5/reject", body), 400,
                "validation_error");
  check_error(call("POST", requests + "/5/approve", "[]"), 400,
              "validation_error");
  const auto too_long = json{{"notes", std::string(1001, 'x')}}.dump();
  check_error(call("POST", requests + "/5/approve", too_long), 400,
              "validation_error");
  CHECK(decided.size() == 2);
}

TEST_CASE_METHOD(approvals_fixture, "a late or second decision is a conflict",
                 "[http_gateway][A4]") {
  log_capture lines;
  refusal = make_error(ec::conflict, "the deadline passed 2 s ago");
  const auto reply = call("POST", requests + "/5/approve");
  check_error(reply, 409, "conflict");
  CHECK(reply.body.find("2 s ago") != std::string::npos);
  check_error(call("POST", requests + "/5/extend", R"({"hours":1})"), 409,
              "conflict");
  refusal = make_error(ec::permission_denied, "takes an admin");
  check_error(call("POST", requests + "/5/approve"), 403, "permission_denied");
  refusal = make_error(ec::not_found, "no request 5");
  check_error(call("POST", requests + "/5/approve"), 404, "not_found");
  CHECK(lines.lines_with("Approved job").empty());
}

TEST_CASE_METHOD(approvals_fixture, "a deadline is moved by hours",
                 "[http_gateway]") {
  const auto reply = send("POST", requests + "/5/extend", {{"hours", 168}});
  CHECK(reply["request_id"] == 5);
  CHECK(reply["expires_at"] == utc_text(now() + 168h));
  REQUIRE(extended.size() == 1);
  CHECK(extended[0].extension == 168h);
  for (const auto* body :
       {"{}", R"({"hours":0})", R"({"hours":169})", R"({"hours":"1"})"})
    check_error(call("POST", requests + "/5/extend", body), 400,
                "validation_error");
}

TEST_CASE_METHOD(approvals_fixture, "many are decided, each for itself",
                 "[http_gateway][A4][A5]") {
  refusals[2] = make_error(ec::conflict, "request 2 is expired");
  refusals[9] = make_error(ec::database_error, "/var/lib: disk full");
  auto reply = send("POST", requests + "/bulk-approve",
                    {{"request_ids", {1, 2, 1, 9, 3}}, {"notes", "all"}});
  CHECK(reply["total"] == 4);
  CHECK(reply["succeeded"] == 2);
  CHECK(reply["failed"] == 2);
  const auto& results = reply["results"];
  REQUIRE(results.size() == 4);
  CHECK(results[0]
        == json{{"request_id", 1}, {"success", true}, {"error", nullptr}});
  CHECK(results[1]
        == json{{"request_id", 2},
                {"success", false},
                {"error", "request 2 is expired"}});
  CHECK(results[2]["request_id"] == 9);
  CHECK(results[2].dump().find("/var/lib") == std::string::npos);
  CHECK(results[3]["request_id"] == 3);
  CHECK(decided[1].text == "all");
  reply = send("POST", requests + "/bulk-reject",
               {{"request_ids", {1}}, {"reason", "no"}});
  CHECK(reply["succeeded"] == 1);
  CHECK(decided.back().verdict == approval_verdict::reject);
}

TEST_CASE("a bulk decision is about 1 to 100 requests", "[http_gateway]") {
  const auto parse = [](const json& ids) {
    return rest::parse_bulk(json{{"request_ids", ids}}.dump(),
                            approval_verdict::approve);
  };
  json ids = json::array();
  for (int i = 1; i <= 100; ++i)
    ids.push_back(i);
  CHECK(std::get<0>(parse(ids)).message.ids.size() == 100);
  ids.push_back(101);
  CHECK(std::holds_alternative<rest::refusal>(parse(ids)));
  for (const auto& bad : std::vector<json>{json::array(),
                                           1,
                                           nullptr,
                                           {1.5},
                                           {"1"},
                                           {0},
                                           {-1},
                                           {18446744073709551615ull}})
    CHECK(std::holds_alternative<rest::refusal>(parse(bad)));
  CHECK(std::holds_alternative<rest::refusal>(
    rest::parse_bulk(R"({"request_ids":[1]})", approval_verdict::reject)));
}

TEST_CASE_METHOD(approvals_fixture, "a sweep tells how many it expired",
                 "[http_gateway][A2]") {
  CHECK(post("/api/approvals/expire", json::object())["expired"] == 12);
  REQUIRE(expired.size() == 1);
  refusal = make_error(ec::worker_restarting, "");
  check_error(call("POST", "/api/approvals/expire"), 503,
              "service_unavailable");
}

TEST_CASE("no body makes the parsers of approvals fail", "[http_gateway]") {
  constexpr unsigned seed = 7;
  INFO("seed " << seed);
  std::mt19937 random{seed};
  const std::vector<json> values{nullptr,
                                 true,
                                 -1,
                                 0,
                                 1.5,
                                 "",
                                 "lead",
                                 "x\ny",
                                 json::array(),
                                 {1, "a"},
                                 json::object(),
                                 18446744073709551615ull,
                                 1e300};
  for (int i = 0; i < 1000; ++i) {
    json body;
    for (const auto* key :
         {"name", "condition", "threshold", "is_active", "priority", "notes",
          "exempt_levels", "reason", "request_ids", "hours", "description",
          "required_approver_level", "deadline_seconds", "applies_to_level"})
      if (random() % 3 == 0)
        body[key] = values[random() % values.size()];
    const auto text = body.dump();
    rest::parse_rule(text);
    rest::parse_approve(text);
    rest::parse_reject(text);
    rest::parse_extend(text);
    const auto bulk = rest::parse_bulk(text, approval_verdict::reject);
    if (const auto* good = std::get_if<0>(&bulk))
      CHECK((!good->message.ids.empty() && !good->message.each.text.empty()));
  }
}
