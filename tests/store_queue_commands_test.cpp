#include "tests/log_capture.hpp"
#include "tests/store_fixture.hpp"

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

const caller owner{"7", "1", "", caller_level::researcher};
const caller viewer{"7", "1", "", caller_level::viewer};
const caller colleague{"8", "1", "", caller_level::researcher};
const caller lead{"8", "1", "", caller_level::lead};
const caller foreign_lead{"8", "2", "", caller_level::lead};

struct store_queue_fixture : test::store_fixture {
  job submit_in_org(const std::string& id, const std::string& user = "7",
                    queue_status queue = queue_status::pending) {
    auto x = submission(id, user);
    x.subject.org_id = "1";
    x.requires_approval = queue == queue_status::blocked;
    return ask<job_submitted>(aut, x).subject;
  }

  cancel_queued_job cancel(const std::string& id, const caller& who = {}) {
    return {{"corr-cancel"}, who, id};
  }

  set_priority prioritise(const std::string& id,
                          caf::optional<int32_t> priority,
                          const caller& who = {}) {
    return {{"corr-prio"}, who, id, priority};
  }

  std::vector<audit_entry> audit(const std::string& correlation_id) {
    return ask<trace_found>(aut, get_trace{{"c"}, {}, correlation_id}).audit;
  }

  std::vector<std::string> listed(list_queue query) {
    std::vector<std::string> result;
    for (const auto& x : ask<queue_page>(aut, query).entries)
      result.push_back(x.id);
    return result;
  }
};

} // namespace

// -- cancel -------------------------------------------------------------------

TEST_CASE_METHOD(store_queue_fixture,
                 "what waits can be taken out of the queue", "[store][Q11]") {
  test::log_capture log;
  submit_in_org("waits");
  submit_in_org("held", "7", queue_status::blocked);
  for (const auto* id : {"waits", "held"}) {
    const auto answer = ask<job_found>(aut, cancel(id, owner));
    CHECK(answer.ctx.correlation_id == "corr-cancel");
    CHECK(answer.subject.status == job_status::cancelled);
    CHECK(get(id).queue == queue_status::cancelled);
    CHECK(get(id).completed_at == now());
  }
  CHECK(claim({"waits", "held"}).claimed.empty());
  CHECK(events().events.back().type == "job_status_changed");
  CHECK(log.contains("INFO", "Cancelled queued job waits"));
  CHECK(log.lines().back().correlation_id == "corr-held"); // of the job
  REQUIRE(audit("corr-cancel").size() == 2);
  CHECK(audit("corr-cancel")[0].action == "job.cancel");
  CHECK(audit("corr-cancel")[0].subject == "waits");
  CHECK(audit("corr-cancel")[0].org_id == "1");
  CHECK(audit("corr-cancel")[0].user_id == "7");
}

TEST_CASE_METHOD(store_queue_fixture, "what does not wait stays as it is",
                 "[store][Q11]") {
  test::log_capture log;
  submit("over");
  end("over");
  claimed("ready");
  at_provider("runs", "e1");
  const auto head = events().head;
  for (const auto* id : {"over", "ready", "runs"})
    CHECK(refused<job_found>(cancel(id)) == ec::conflict);
  CHECK(refused<job_found>(cancel("none")) == ec::job_not_found);
  CHECK(events().head == head);
  CHECK(audit("corr-cancel").empty());
  CHECK(!log.contains("Cannot cancel running job over via queue"));
  CHECK(log.contains("WARNING", "Cannot cancel running job ready via queue"));
  CHECK(log.contains("WARNING", "Cannot cancel running job runs via queue"));
}

TEST_CASE_METHOD(store_queue_fixture, "an entry is cancelled by its owner",
                 "[store]") {
  submit_in_org("j1");
  for (const auto& who : {viewer, colleague, lead, foreign_lead})
    CHECK(refused<job_found>(cancel("j1", who)) == ec::permission_denied);
  CHECK(get("j1").status == job_status::pending);
  CHECK(ask<job_found>(aut, cancel("j1")).subject.id == "j1"); // an admin
}

// -- priority -----------------------------------------------------------------

TEST_CASE_METHOD(store_queue_fixture, "a priority is set and unset",
                 "[store][Q5]") {
  submit_in_org("j1");
  submit_in_org("j2");
  const auto set = ask<priority_set>(aut, prioritise("j2", 40, lead));
  CHECK(set.ctx.correlation_id == "corr-prio");
  CHECK(!set.before.priority_override);
  CHECK(set.subject.priority_override == 40);
  CHECK(get("j2").priority_override == 40);
  CHECK(events().events.back().type == "queue_changed");
  CHECK(events().events.back().job_id == "j2");
  CHECK(hints.back().job_ids == std::vector<std::string>{"j2"});
  // The scheduler and people see the new order.
  CHECK(load().entries.at(1).priority == 40);
  CHECK(listed({{"c"}, {}}) == std::vector<std::string>{"j2", "j1"});
  const auto unset = ask<priority_set>(aut, prioritise("j2", caf::none));
  CHECK(unset.before.priority_override == 40);
  CHECK(!get("j2").priority_override);
  REQUIRE(audit("corr-prio").size() == 2);
  CHECK(audit("corr-prio")[0].action == "job.priority");
  CHECK(audit("corr-prio")[0].details == "none to 40");
  CHECK(audit("corr-prio")[1].details == "40 to none");
}

TEST_CASE_METHOD(store_queue_fixture, "a priority survives claim and restart",
                 "[store][Q5]") {
  submit("j1");
  ask<priority_set>(aut, prioritise("j1", 0));
  const auto attempt = claim({"j1"}).claimed.at(0).attempt_id;
  ask<priority_set>(aut, prioritise("j1", 50)); // ready may still change
  record(outcome("j1", attempt, submission_result::not_accepted));
  stop();
  start();
  CHECK(get("j1").priority_override == 50);
}

TEST_CASE_METHOD(store_queue_fixture,
                 "a priority that makes no sense is refused", "[store][Q5]") {
  test::log_capture log;
  submit_in_org("j1");
  submit_in_org("held", "7", queue_status::blocked);
  for (const auto priority : {-1, 51})
    CHECK(refused<priority_set>(prioritise("j1", priority))
          == ec::validation_error);
  CHECK(log.contains("WARNING", "Invalid priority_override 51 (must be 0-50)"));
  for (const auto& who : {viewer, owner, colleague, foreign_lead})
    CHECK(refused<priority_set>(prioritise("j1", 30, who))
          == ec::permission_denied);
  CHECK(ask<priority_set>(aut, prioritise("held", 50)).subject.id == "held");
  at_provider("runs", "e1");
  end("j1");
  CHECK(refused<priority_set>(prioritise("runs", 30)) == ec::conflict);
  CHECK(refused<priority_set>(prioritise("j1", 30)) == ec::conflict);
  CHECK(refused<priority_set>(prioritise("none", 30)) == ec::job_not_found);
  CHECK(!get("j1").priority_override);
  CHECK(audit("corr-prio").size() == 1);
}

// -- clean --------------------------------------------------------------------

TEST_CASE_METHOD(store_queue_fixture, "cleaning takes old entries out of lists",
                 "[store][Q12]") {
  limit(100, 100);
  submit("old");
  end("old");
  submit("waits");
  at_provider("runs", "e1");
  claimed("doubt");
  end("doubt"); // over, but its attempt is open
  advance(24h * 2, 24h);
  submit("young");
  end("young");
  list_queue query{{"c"}, {}};
  query.include_completed = true;
  CHECK(listed(query)
        == std::vector<std::string>{"runs", "doubt", "waits", "young", "old"});
  const auto answer
    = ask<queue_cleaned>(aut, clean_queue{{"corr-clean"}, {}, 1});
  CHECK(answer.ctx.correlation_id == "corr-clean");
  CHECK(answer.deleted == 1);
  CHECK(listed(query)
        == std::vector<std::string>{"runs", "doubt", "waits", "young"});
  query.status = queue_status::cancelled;
  CHECK(listed(query) == std::vector<std::string>{"young"});
  CHECK(get("old").status == job_status::cancelled); // the job stays
  CHECK(ask<job_list>(aut, list_jobs{{"c"}, {}}).total == 5);
  CHECK(ask<queue_cleaned>(aut, clean_queue{{"c"}, {}, 1}).deleted == 0);
  REQUIRE(audit("corr-clean").size() == 1);
  CHECK(audit("corr-clean")[0].action == "queue.clean");
  CHECK(audit("corr-clean")[0].details == "1 entries older than 1 days");
}

TEST_CASE_METHOD(store_queue_fixture, "the queue is cleaned by admins",
                 "[store]") {
  CHECK(refused<queue_cleaned>(clean_queue{{"c"}, lead, 1})
        == ec::permission_denied);
  CHECK(refused<queue_cleaned>(clean_queue{{"c"}, {}, 0})
        == ec::validation_error);
  CHECK(refused<queue_cleaned>(clean_queue{{"c"}, {}, 366})
        == ec::validation_error);
}

// -- lists --------------------------------------------------------------------

TEST_CASE_METHOD(store_queue_fixture, "pages of the queue join without a seam",
                 "[store]") {
  for (int i = 0; i < 7; ++i)
    submit_in_org("over" + std::to_string(i));
  for (int i = 0; i < 7; ++i)
    end("over" + std::to_string(i));
  for (int i = 0; i < 5; ++i)
    submit_in_org("wait" + std::to_string(i));
  for (const auto& who : {caller{}, lead, owner}) {
    list_queue query{{"c"}, who};
    query.include_completed = true;
    const auto all = listed(query);
    REQUIRE(all.size() == 12);
    CHECK(all[0] == "wait0");
    CHECK(all[5] == "over6");
    query.limit = 3;
    std::vector<std::string> paged;
    for (query.offset = 0; query.offset < 15; query.offset += 3)
      for (auto& id : listed(query))
        paged.push_back(id);
    CHECK(paged == all);
  }
}

TEST_CASE_METHOD(store_queue_fixture,
                 "the store counts what a user has in the queue",
                 "[store][Q10]") {
  limit(100, 100);
  for (int i = 0; i < 12; ++i)
    submit_in_org("w" + std::to_string(i));
  ask<priority_set>(aut, prioritise("w11", 30));
  submit_in_org("held", "7", queue_status::blocked);
  submit_in_org("theirs", "8");
  submit_in_org("ready");
  claim({"ready"});
  at_provider("runs", "e1");
  const auto see = [this](const caller& who) {
    return ask<user_queue>(aut, get_user_queue{{"corr-u"}, who, "7"});
  };
  const auto mine = see(viewer);
  CHECK(mine.ctx.correlation_id == "corr-u");
  CHECK(mine.pending_count == 12);
  CHECK(mine.running_count == 2);
  CHECK(mine.blocked_count == 1);
  REQUIRE(mine.pending.size() == 10);
  CHECK(mine.pending[0].id == "w11");
  CHECK(mine.pending[1].id == "w0");
  CHECK(mine.running.size() == 2);
  CHECK(see({}).pending_count == 12);
  CHECK(see(lead).pending_count == 12);
  CHECK(see(lead).running_count == 1); // "runs" belongs to no org
  CHECK(see(foreign_lead).pending_count == 0);
  CHECK(see(colleague).pending.empty());
}

TEST_CASE_METHOD(store_queue_fixture, "a lead's list has each job once",
                 "[store]") {
  submit_in_org("a", "7");
  submit_in_org("b", "8");
  submit("c", "8"); // its own, outside of its org
  submit("d", "9");
  end("a");
  list_jobs query{{"c"}, lead};
  auto page = ask<job_list>(aut, query);
  CHECK(page.total == 3);
  REQUIRE(page.jobs.size() == 3);
  CHECK(page.jobs[0].id == "c");
  CHECK(page.jobs[2].id == "a");
  query.limit = 1;
  query.offset = 1;
  CHECK(ask<job_list>(aut, query).jobs.at(0).id == "b");
  query.offset = 0;
  query.status = job_status::cancelled;
  query.provider = "replicate";
  query.job_type = "cloud";
  page = ask<job_list>(aut, query);
  CHECK(page.total == 1);
  CHECK(page.jobs.at(0).id == "a");
  query.who = {};
  CHECK(ask<job_list>(aut, query).total == 1);
  query.job_type = "local";
  CHECK(ask<job_list>(aut, query).total == 0);
}
