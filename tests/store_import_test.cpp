#include "tests/log_capture.hpp"
#include "tests/store_fixture.hpp"

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

struct store_import_fixture : test::store_fixture {
  store_import_fixture() {
    limit(100, 100);
  }

  provider_job found(const std::string& external_id, job_status status,
                     caf::timespan age = 1h) {
    provider_job x{.external_id = external_id};
    x.status = status;
    x.created_at = now() - age;
    return x;
  }

  jobs_imported import_all(std::vector<provider_job> jobs) {
    const caller who{"7", "1", "vision", caller_level::lead};
    return ask<jobs_imported>(
      aut, import_jobs{{"corr-i"}, who, "replicate", std::move(jobs)});
  }

  std::vector<std::string> imported(std::vector<provider_job> jobs) {
    std::vector<std::string> result;
    for (const auto& x : import_all(std::move(jobs)).imported)
      result.push_back(x.external_id);
    return result;
  }

  job get_by(const std::string& external_id) {
    for (const auto& x : ask<job_list>(aut, list_jobs{{"c"}, {}}).jobs)
      if (x.external_id == external_id)
        return x;
    FAIL("no job " << external_id);
    return {};
  }

  using names = std::vector<std::string>;
};

} // namespace

TEST_CASE_METHOD(store_import_fixture,
                 "what is new at a provider is taken over", "[store]") {
  auto active = found("e1", job_status::running);
  active.started_at = now() - 30min;
  auto over = found("e2", job_status::completed);
  over.completed_at = now() - 10min;
  over.cost_micros = 9;
  over.output_url = "https://out";
  over.logs = "done";
  const auto answer = import_all({active, over});
  CHECK(answer.ctx.correlation_id == "corr-i");
  REQUIRE(answer.imported.size() == 2);
  const auto running = get(answer.imported[0].id);
  CHECK(running.id.size() == 16);
  CHECK(running.row == answer.imported[0].row);
  CHECK(running.external_id == "e1");
  CHECK(running.provider == "replicate");
  CHECK(running.status == job_status::running);
  CHECK(running.queue == queue_status::running);
  CHECK(running.created_at == now() - 1h);
  CHECK(running.started_at == now() - 30min);
  CHECK(running.user_id == "7");
  CHECK(running.org_id == "1");
  CHECK(running.team_id == "vision");
  CHECK(running.metadata == R"({"imported": true})");
  CHECK(running.correlation_id == "corr-i");
  const auto completed = get(answer.imported[1].id);
  CHECK(completed.status == job_status::completed);
  CHECK(completed.queue == queue_status::completed);
  CHECK(completed.completed_at == now() - 10min);
  CHECK(completed.cost_micros == int64_t{9});
  CHECK(ask<job_logs_found>(aut, get_job_logs{{"c"}, {}, completed.id}).logs
        == "done");
  const auto log = events().events;
  REQUIRE(log.size() == 3);
  CHECK(log[1].type == "job_status_changed");
  CHECK(log[1].job_id == running.id);
  const auto trace = ask<trace_found>(aut, get_trace{{"c"}, {}, "corr-i"});
  REQUIRE(trace.audit.size() == 2);
  CHECK(trace.audit[0].action == "job.import");
  CHECK(trace.audit[0].details == "replicate e1");
}

TEST_CASE_METHOD(store_import_fixture, "an imported active job is followed",
                 "[store][Q1]") {
  limit(1, 1);
  submit("j1");
  const auto job = import_all({found("e1", job_status::queued)}).imported.at(0);
  CHECK(claim({"j1"}).refused.size() == 1); // it holds the only slot
  const auto active = ask<job_list>(aut, list_active_jobs{{"c"}});
  REQUIRE(active.jobs.size() == 1);
  CHECK(active.jobs[0].id == job.id);
  CHECK(apply(seen(job.id, job_status::completed)).changed);
  CHECK(claim({"j1"}).claimed.size() == 1);
}

TEST_CASE_METHOD(store_import_fixture, "what is known is not imported again",
                 "[store][Q2]") {
  const auto e1 = found("e1", job_status::completed);
  CHECK(imported({e1, e1}) == names{"e1"});
  const auto head = events().head;
  CHECK(imported({e1}).empty());
  CHECK(events().head == head);
  at_provider("j1", "mine");
  apply(seen("j1", job_status::completed));
  CHECK(imported({found("mine", job_status::running)}).empty());
  // Not even after the job is deleted: nobody wants it back.
  ask<job_found>(aut, delete_job{{"c"}, {}, "j1"});
  CHECK(imported({found("mine", job_status::running)}).empty());
  const auto id = get_by("e1").id;
  ask<job_found>(aut, delete_job{{"c"}, {}, id});
  CHECK(imported({e1}).empty());
  // The same name at another provider is another job.
  import_jobs other{{"c"}, {}, "simpletuner_io", {e1}};
  CHECK(ask<jobs_imported>(aut, other).imported.size() == 1);
}

TEST_CASE_METHOD(store_import_fixture, "an imported job is nobody's submission",
                 "[store][Q2]") {
  const auto attempt = claimed("j1");
  CHECK(imported({found("e1", job_status::running)}) == names{"e1"});
  CHECK(refused<submission_recorded>(
          outcome("j1", attempt, submission_result::accepted, "e1"))
        == ec::conflict);
  const auto waits = ask<queue_stats>(aut, get_queue_stats{{"c"}});
  CHECK(waits.average_wait == caf::timespan{0}); // of j1 alone
}

TEST_CASE_METHOD(store_import_fixture, "what may be ours is left alone",
                 "[store][Q3]") {
  const auto attempt = claimed("j1");
  advance(1min);
  auto undated = found("e3", job_status::running);
  undated.created_at = caf::none;
  const std::vector<provider_job> all{found("old", job_status::running, 1h),
                                      found("same", job_status::running, 1min),
                                      found("young", job_status::running, 1s),
                                      undated};
  CHECK(imported(all) == names{"old"});
  import_jobs other{{"c"}, {}, "simpletuner_io", {undated}};
  CHECK(ask<jobs_imported>(aut, other).imported.size() == 1);
  record(outcome("j1", attempt, submission_result::in_doubt));
  CHECK(imported(all).empty());
  record(outcome("j1", attempt, submission_result::accepted, "same"));
  CHECK(imported(all) == names{"young", "e3"});
}

TEST_CASE_METHOD(store_import_fixture, "a status we do not know is no import",
                 "[store][P7]") {
  test::log_capture log;
  auto x = found("e1", job_status::running);
  x.status = caf::none;
  x.raw_status = "pondering";
  CHECK(imported({x, found("", job_status::running)}).empty());
  CHECK(log.contains("WARNING", "Not importing e1 from replicate: unknown "
                                "status 'pondering'"));
  CHECK(log.lines().back().correlation_id == "corr-i");
  // What the provider has not started is there all the same.
  CHECK(import_all({found("e2", job_status::pending)}).imported.at(0).status
        == job_status::queued);
}

TEST_CASE_METHOD(store_import_fixture, "an import is for leads and bounded",
                 "[store]") {
  import_jobs x{{"c"}, {"7", "", "", caller_level::researcher}, "replicate"};
  x.found = {found("e1", job_status::running)};
  CHECK(refused<jobs_imported>(x) == ec::permission_denied);
  x.who = {};
  x.found.resize(1'001);
  CHECK(refused<jobs_imported>(x) == ec::validation_error);
  x.found.clear();
  x.provider.clear();
  CHECK(refused<jobs_imported>(x) == ec::validation_error);
}

TEST_CASE_METHOD(store_import_fixture, "what retention has removed stays away",
                 "[store][Q12]") {
  auto old = found("e1", job_status::completed, 24h * 100);
  old.completed_at = now() - 24h * 91;
  auto recent = found("e2", job_status::completed, 24h * 100);
  recent.completed_at = now() - 24h * 89;
  CHECK(imported({old, recent, found("e3", job_status::running, 24h * 100)})
        == names{"e2", "e3"});
}
