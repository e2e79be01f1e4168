#include "actors/store/queries.hpp"
#include "tests/store_fixture.hpp"

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

struct store_metrics_fixture : test::store_fixture {
  store_metrics_fixture() {
    limit(100, 100);
  }

  store_metrics measure() {
    return ask<store_metrics>(aut, get_store_metrics{{"corr-m"}});
  }

  cost_report report(const caller& who = {}, int32_t days = 30) {
    return ask<cost_report>(aut, get_cost_report{{"corr-r"}, who, days});
  }

  /// A job of `user` that completed after `duration`, for one micro-USD.
  void complete(const std::string& id, const std::string& user,
                caf::timespan duration) {
    auto x = submission(id, user);
    x.subject.org_id = user == "7" ? "1" : "2";
    ask<job_submitted>(aut, x);
    record(outcome(id, claim({id}).claimed.at(0).attempt_id,
                   submission_result::accepted, "e-" + id));
    auto end = seen(id, job_status::completed);
    end.seen.started_at = now() - duration;
    end.seen.completed_at = now();
    end.seen.cost_micros = 1;
    apply(end);
  }
};

} // namespace

TEST_CASE_METHOD(store_metrics_fixture, "metrics of an empty store are zeros",
                 "[store][L5]") {
  const auto x = measure();
  CHECK(x.ctx.correlation_id == "corr-m");
  CHECK(x.jobs_by_status.size() == 7);
  CHECK(x.queue_by_status.size() == 7);
  CHECK(x.approvals_by_status.size() == 5);
  CHECK(x.jobs_by_status.at("running") == 0);
  CHECK(!x.average_duration);
  CHECK(!x.longest_wait);
  CHECK(x.cost_micros == 0);
  CHECK(x.attempts_in_doubt == 0);
}

TEST_CASE_METHOD(store_metrics_fixture,
                 "sums over the store move with what they count",
                 "[store][L5]") {
  const auto audit_before = measure().audit_entries;
  complete("a", "7", 2s);
  complete("b", "7", 4s);
  record(outcome("c", claimed("c"), submission_result::in_doubt));
  record(outcome("d", claimed("d"), submission_result::unresolved));
  submit("w1");
  advance(5s);
  submit("w2");
  submit("x");
  end("x");
  auto x = measure();
  CHECK(x.jobs_by_status.at("completed") == 2);
  CHECK(x.jobs_by_status.at("pending") == 4);
  CHECK(x.jobs_by_status.at("cancelled") == 1);
  CHECK(x.queue_by_status.at("ready") == 2);
  CHECK(x.queue_by_status.at("pending") == 2);
  CHECK(x.average_duration == caf::timespan{3s});
  CHECK(x.cost_micros == 2);
  CHECK(x.attempts_in_doubt == 1);
  CHECK(x.attempts_unresolved == 1);
  CHECK(x.longest_wait == caf::timespan{5s});
  CHECK(x.event_head == events().head);
  append_audit note{{"c"}, {}};
  note.entry.action = "x.y";
  ask<audit_appended>(aut, note);
  CHECK(measure().audit_entries > audit_before);
  CHECK(measure().audit_entries_24h == measure().audit_entries);
  advance(31 * 24h, 24h);
  x = measure();
  CHECK(x.audit_entries_24h == 0);
  CHECK(x.audit_entries > 0);
  CHECK(!x.average_duration);
  CHECK(x.cost_micros == 2);
}

TEST_CASE_METHOD(store_metrics_fixture, "metrics read no job", "[store][L5]") {
  submit("j0");
  clone_job("j0", 5'000);
  auto raw = db->connect(sql::connection::mode::read_only);
  sql::snapshot scope{*raw};
  const sql::view in{*raw, now(), limits};
  REQUIRE(look_up(in, get_store_metrics{{"c"}})->jobs_by_status.at("pending")
          == 5'001);
  // One pass each over the indexes of status and queue.
  CHECK(raw->rows_scanned() < 2 * 5'001 + 100);
}

TEST_CASE_METHOD(store_metrics_fixture, "a report sums up what its reader sees",
                 "[store][W5]") {
  complete("a", "7", 2s);
  complete("b", "8", 4s);
  advance(48h, 24h);
  complete("c", "7", 6s);
  submit("w", "9");
  const auto all = report();
  CHECK(all.ctx.correlation_id == "corr-r");
  CHECK(all.cost_micros == 3);
  CHECK(all.job_count == 4);
  CHECK(all.average_duration == caf::timespan{4s});
  CHECK(all.jobs_by_status.size() == 7);
  CHECK(all.jobs_by_status.at("completed") == 3);
  CHECK(all.jobs_by_status.at("pending") == 1);
  REQUIRE(all.cost_by_day.size() == 2);
  CHECK(all.cost_by_day.begin()->first == "2019-12-20");
  CHECK(all.cost_by_day.begin()->second == 2);
  CHECK(report({}, 1).job_count == 2);
  const caller own{"8", "", "", caller_level::viewer};
  CHECK(report(own).cost_micros == 1);
  CHECK(report(own).job_count == 1);
  CHECK(report({"5", "1", "", caller_level::lead}).job_count == 2);
  CHECK(!report({"5", "", "", caller_level::lead}).average_duration);
  for (const auto days : {0, 366})
    CHECK(refused<cost_report>(get_cost_report{{"c"}, {}, days})
          == ec::validation_error);
}
