#include "tests/log_capture.hpp"
#include "tests/provider_fixture.hpp"

using namespace tunerd;
using namespace std::chrono_literals;
using test::answered;
using test::corr;
using test::running;
using test::step;
using enum submission_result;

namespace {

/// The gateway with few calls in its budgets.
struct budget_fixture : test::provider_fixture {
  explicit budget_fixture(int creates = 60, int others = 60)
    : provider_fixture([=](auto& x) {
        x.replicate.creates_per_minute = creates;
        x.replicate.requests_per_minute = others;
      }) {
    always = answered(200, running);
  }

  /// Asks about so many jobs at once.
  void poll(int count) {
    for (int i = 0; i < count; ++i)
      polls.push_back(self->request(aut, 60min, query()));
    settle();
  }

  /// @returns the codes of the queries that have failed; forgets all that have
  /// been answered.
  std::vector<ec> failures() {
    std::vector<ec> result;
    for (auto& x : polls)
      x.receive([](provider_job_found&) {},
                [&](caf::error& err) { result.push_back(code_of(err)); });
    polls.clear();
    return result;
  }

  provider_budget budget(const std::string& kind) {
    const auto list = ask<provider_list>(aut, get_providers{corr});
    for (const auto& x : list.providers.at(0).budgets)
      if (x.kind == kind)
        return x;
    return {};
  }

  using pending_answer = decltype(std::declval<caf::scoped_actor&>()->request(
    std::declval<provider_desk_actor&>(), 1min, get_provider_job{}));
  std::vector<pending_answer> polls;
};

/// One call at once, the next query after 6.7 s, the next submission after 15
/// s.
struct tight_fixture : budget_fixture {
  tight_fixture() : budget_fixture(5, 10) {
  }
};

} // namespace

TEST_CASE_METHOD(budget_fixture, "queries beyond the budget wait their turn",
                 "[provider_budget][P9]") {
  poll(8);
  CHECK(requests.size() == 6);
  advance(1'200ms);
  CHECK(requests.size() == 7);
  advance(1'200ms);
  CHECK(requests.size() == 8);
  CHECK(failures().empty());
}

TEST_CASE_METHOD(tight_fixture, "a query that would wait too long is told so",
                 "[provider_budget][P9]") {
  poll(8);
  CHECK(requests.size() == 1);
  advance(40s);
  CHECK(requests.size() == 5);
  CHECK(failures() == std::vector<ec>(3, ec::provider_throttled));
}

TEST_CASE_METHOD(tight_fixture, "queries take no place from submissions",
                 "[provider_budget][P9]") {
  poll(20);
  CHECK(submit(answered(201, running)).result == accepted);
  advance(40s);
  failures();
}

TEST_CASE_METHOD(budget_fixture, "a submission waits for a place that is near",
                 "[provider_budget][Q8]") {
  always = answered(201, running);
  for (int i = 0; i < 6; ++i)
    ask<submission_outcome>(aut, submission());
  const auto outcome = ask_for<submission_outcome>(submission(), 2s);
  REQUIRE(outcome);
  CHECK(outcome->result == accepted);
  CHECK(asked_at.at(6) - asked_at.at(5) == 1'200ms); // 1.1 s on a 0.1 s grid
}

TEST_CASE_METHOD(tight_fixture,
                 "a submission without a place was surely not accepted",
                 "[provider_budget][Q3][Q8]") {
  CHECK(submit(answered(201, running)).result == accepted);
  const auto outcome = submit(answered(201, running));
  CHECK(outcome.result == not_accepted);
  CHECK(outcome.retry_after > 14s);
  CHECK(outcome.retry_after <= 15s);
  CHECK(outcome.reason.find("used up for 15s") != std::string::npos);
  CHECK(requests.size() == 1);
}

TEST_CASE_METHOD(budget_fixture,
                 "a 429 slows all queries of the credential, no submission",
                 "[provider_budget][P9]") {
  script = {answered(429, "{}", {{"retry-after", "20"}})};
  poll(3); // the other two were on their way
  CHECK(requests.size() == 3);
  poll(2);
  advance(19s);
  CHECK(requests.size() == 3);
  CHECK(budget("other").left == 0);
  CHECK(submit(answered(201, running)).result == accepted);
  advance(10s);
  CHECK(requests.size() == 7);
  CHECK(failures().empty());
  const auto breakers = ask<breaker_list>(aut, get_breakers{corr}).breakers;
  CHECK(breakers.at(0).failures_total == 0);
}

TEST_CASE_METHOD(budget_fixture, "a wait is read however it is told",
                 "[provider_budget][P9]") {
  const auto date = now() + 2min; // 2020-01-01T01:02 and something
  CHECK(date > timestamp{});
  for (const auto& [body, headers] :
       std::vector<std::pair<std::string, http_headers>>{
         {"{}", {{"retry-after", "90"}}},
         {R"({"detail":"Your rate limit resets in ~90s."})", {}}}) {
    script = {answered(429, body, headers)};
    poll(1);
    const auto left = budget("other").throttled_for;
    CHECK(left > 80s);
    CHECK(left <= 90s);
    // Longer than anybody waits for: answered at once.
    CHECK(failures() == std::vector{ec::provider_throttled});
    advance(2min, 1s);
  }
}

TEST_CASE_METHOD(budget_fixture, "a 429 that names no time backs off",
                 "[provider_budget][P9]") {
  script = {answered(429), answered(429), answered(200, running)};
  poll(1);
  CHECK(budget("other").throttled_for == 1s);
  advance(1s);
  CHECK(requests.size() == 2);
  CHECK(budget("other").throttled_for == 2s);
  advance(2s);
  CHECK(failures().empty());
}

TEST_CASE_METHOD(budget_fixture, "people see what is left of the budgets",
                 "[provider_budget][L5]") {
  CHECK(budget("create").per_minute == 60);
  CHECK(budget("other").left == 6);
  poll(4);
  CHECK(budget("other").left == 2);
  CHECK(budget("create").left == 6);
  failures();
}

TEST_CASE_METHOD(budget_fixture, "a budget that runs low is said once a minute",
                 "[provider_budget]") {
  test::log_capture log;
  for (int i = 0; i < 40; ++i) {
    poll(2);
    advance(2s, 500ms);
  }
  advance(10s);
  failures();
  CHECK(log.contains("WARNING",
                     "80 % of this minute's queries to replicate are "
                     "used up: 48 of 60"));
  CHECK(log.lines_with("are used up").size() == 1);
}
