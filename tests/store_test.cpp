#include "tests/store_fixture.hpp"

#include <nlohmann/json.hpp>

using namespace tunerd;
using namespace std::chrono_literals;

using store_fixture = test::store_fixture;

// -- submissions --------------------------------------------------------------

TEST_CASE_METHOD(store_fixture, "an accepted job reads back as it was sent",
                 "[store]") {
  auto x = submission("j1");
  x.subject.org_id = "3";
  x.subject.team_id = "vision";
  x.subject.config_name = "flux";
  x.subject.hardware_profile = "h100-x8";
  x.subject.estimated_cost_micros = 2'500'000;
  x.subject.priority_override = 30;
  x.subject.metadata = R"({"snapshot":"s"})";
  const auto answer = ask<job_submitted>(aut, x);
  CHECK(answer.ctx.correlation_id == "corr-j1");
  CHECK(!answer.idempotent_hit);
  CHECK(answer.event_id == 1);
  const auto found = get("j1");
  CHECK(found.row == 1);
  CHECK(found.status == job_status::pending);
  CHECK(found.queue == queue_status::pending);
  CHECK(found.org_id == "3");
  CHECK(found.team_id == "vision");
  CHECK(found.config_name == "flux");
  CHECK(found.hardware_profile == "h100-x8");
  CHECK(found.estimated_cost_micros == int64_t{2'500'000});
  CHECK(found.priority_override == 30);
  CHECK(found.metadata == R"({"snapshot":"s"})");
  CHECK(found.created_at == now());
  CHECK(found.queued_at == now());
  CHECK(found.correlation_id == "corr-j1");
}

TEST_CASE_METHOD(store_fixture, "a submission starts from the beginning",
                 "[store][P7]") {
  auto x = submission("j1");
  x.subject.status = job_status::running;
  x.subject.queue = queue_status::running;
  x.subject.external_id = "ext";
  x.subject.attempts_used = 2;
  const auto stored = ask<job_submitted>(aut, x).subject;
  CHECK(stored.status == job_status::pending);
  CHECK(stored.queue == queue_status::pending);
  CHECK(stored.external_id.empty());
  CHECK(get("j1").attempts_used == 0);
}

TEST_CASE_METHOD(store_fixture, "a submission out of range is refused",
                 "[store]") {
  auto x = submission("j1");
  x.subject.priority_override = 51;
  CHECK(refused<job_submitted>(x) == ec::validation_error);
  x = submission("");
  CHECK(refused<job_submitted>(x) == ec::validation_error);
  x = submission("j1");
  x.idempotency_key = std::string(257, 'k');
  CHECK(refused<job_submitted>(x) == ec::validation_error);
  submit("j1");
  CHECK(refused<job_submitted>(submission("j1")) == ec::conflict);
}

TEST_CASE_METHOD(store_fixture, "one idempotency key makes one job",
                 "[store][Q13]") {
  auto first = submission("j1");
  first.idempotency_key = "k";
  first.request_hash = "h";
  auto second = first;
  second.subject.id = "j2";
  auto foreign = second;
  foreign.subject.id = "j3";
  foreign.subject.user_id = "8";
  // All in one transaction, as concurrent ones are.
  auto a = self->request(aut, 1min, first);
  auto b = self->request(aut, 1min, second);
  auto c = self->request(aut, 1min, foreign);
  settle();
  const auto fail = [](const caf::error& err) { FAIL(render(err)); };
  a.receive([](const job_submitted& x) { CHECK(!x.idempotent_hit); }, fail);
  b.receive(
    [](const job_submitted& x) {
      CHECK(x.idempotent_hit);
      CHECK(x.subject.id == "j1");
    },
    fail);
  c.receive([](const job_submitted& x) { CHECK(x.subject.id == "j3"); }, fail);
  second.request_hash = "other";
  CHECK(refused<job_submitted>(second) == ec::conflict);
  CHECK(load().entries.size() == 2);
}

TEST_CASE_METHOD(store_fixture, "a known key answers whatever else is missing",
                 "[store][Q13]") {
  auto x = submission("j1");
  x.idempotency_key = "k";
  x.request_hash = "h";
  ask<job_submitted>(aut, x);
  x.subject.id.clear();
  x.input = {};
  const auto again = ask<job_submitted>(aut, x);
  CHECK(again.idempotent_hit);
  CHECK(again.subject.id == "j1");
  x.request_hash = "other";
  CHECK(refused<job_submitted>(x) == ec::conflict);
  x.idempotency_key = "unknown";
  CHECK(refused<job_submitted>(x) == ec::validation_error);
  CHECK(load().entries.size() == 1);
}

TEST_CASE_METHOD(store_fixture, "an idempotency key expires after a day",
                 "[store][Q13]") {
  auto x = submission("j1");
  x.idempotency_key = "k";
  ask<job_submitted>(aut, x);
  advance(23h, 1h);
  x.subject.id = "j2";
  CHECK(ask<job_submitted>(aut, x).idempotent_hit);
  advance(1h, 1h);
  CHECK(!ask<job_submitted>(aut, x).idempotent_hit);
  CHECK(get("j2").id == "j2");
}

TEST_CASE_METHOD(store_fixture, "the key of a deleted job starts no second one",
                 "[store][Q13]") {
  auto x = submission("j1");
  x.idempotency_key = "k";
  ask<job_submitted>(aut, x);
  end("j1");
  ask<job_found>(aut, delete_job{{"c"}, {}, "j1"});
  x.subject.id = "j2";
  CHECK(refused<job_submitted>(x) == ec::conflict);
}

// -- reading ------------------------------------------------------------------

TEST_CASE_METHOD(store_fixture, "a caller sees only what it may see",
                 "[store]") {
  auto x = submission("mine", "7");
  x.subject.org_id = "1";
  ask<job_submitted>(aut, x);
  x = submission("ours", "8");
  x.subject.org_id = "1";
  ask<job_submitted>(aut, x);
  submit("theirs", "9");
  const auto count = [this](const caller& who) {
    return ask<job_list>(aut, list_jobs{{"c"}, who}).total;
  };
  const caller viewer{"7", "1", "", caller_level::viewer};
  const caller lead{"7", "1", "", caller_level::lead};
  const caller lead_without_org{"7", "", "", caller_level::lead};
  CHECK(count(viewer) == 1);
  CHECK(count(lead) == 2);
  CHECK(count(lead_without_org) == 1);
  CHECK(count({}) == 3);
  CHECK(ask<queue_page>(aut, list_queue{{"c"}, lead}).total_pending == 2);
  CHECK(refused<job_found>(get_job{{"c"}, lead, "theirs"})
        == ec::permission_denied);
  CHECK(refused<job_found>(get_job{{"c"}, {}, "none"}) == ec::job_not_found);
  CHECK(refused<job_found>(delete_job{{"c"}, lead, "ours"})
        == ec::permission_denied);
  CHECK(refused<job_found>(delete_job{{"c"}, viewer, "mine"})
        == ec::permission_denied);
}

TEST_CASE_METHOD(store_fixture, "lists filter, page and count all matches",
                 "[store]") {
  constexpr int count = 10'000;
  submit("j0", "8");
  clone_job("j0", count - 1);
  db->connect(sql::connection::mode::read_write)
    ->execute("UPDATE jobs SET user_id = '7' WHERE row % 2 = 0");
  end("j5");
  list_jobs query{{"corr-list"}, {}};
  query.limit = 500;
  query.offset = 9'900;
  auto page = ask<job_list>(aut, query);
  CHECK(page.ctx.correlation_id == "corr-list");
  CHECK(page.total == count);
  REQUIRE(page.jobs.size() == 100);
  CHECK(page.jobs.back().id == "j0"); // newest first
  query.offset = 0;
  query.limit = 1'000'000;
  CHECK(ask<job_list>(aut, query).jobs.size() == 500);
  query.status = job_status::cancelled;
  page = ask<job_list>(aut, query);
  CHECK(page.total == 1);
  CHECK(page.jobs.at(0).id == "j5");
  query = {{"c"}, {"7", "", "", caller_level::viewer}};
  query.provider = "replicate";
  query.job_type = "cloud";
  CHECK(ask<job_list>(aut, query).total == count / 2);
  query.provider = "other";
  CHECK(ask<job_list>(aut, query).total == 0);
}

TEST_CASE_METHOD(store_fixture, "the queue list shows holders, then the order",
                 "[store]") {
  for (const auto* id : {"low", "late", "urgent", "run", "gone"})
    submit(id);
  auto blocked = submission("held");
  blocked.requires_approval = true;
  ask<job_submitted>(aut, blocked);
  auto urgent = submission("first");
  urgent.subject.priority_override = 40;
  ask<job_submitted>(aut, urgent);
  claim({"run"});
  end("gone");
  list_queue query{{"c"}, {}};
  const auto ids = [&] {
    std::vector<std::string> result;
    for (const auto& x : ask<queue_page>(aut, query).entries)
      result.push_back(x.id);
    return result;
  };
  CHECK(ids()
        == std::vector<std::string>{"run", "first", "low", "late", "urgent",
                                    "held"});
  query.include_completed = true;
  CHECK(ids().back() == "gone");
  query.status = queue_status::cancelled;
  CHECK(ids() == std::vector<std::string>{"gone"});
  query.status = queue_status::pending;
  query.limit = 2;
  query.offset = 1;
  CHECK(ids() == std::vector<std::string>{"low", "late"});
  CHECK(ask<queue_page>(aut, query).total_pending == 4);
}

TEST_CASE_METHOD(store_fixture, "stats count rows and measure waits",
                 "[store][Q10]") {
  CHECK(!ask<queue_stats>(aut, get_queue_stats{{"c"}}).average_wait);
  submit("a", "7");
  submit("b", "8");
  submit("c", "8");
  advance(4s);
  claim({"a"});
  advance(4s);
  claim({"b"});
  end("c");
  const auto stats = ask<queue_stats>(aut, get_queue_stats{{"corr-s"}});
  CHECK(stats.ctx.correlation_id == "corr-s");
  CHECK(stats.by_status.size() == 7);
  CHECK(stats.by_status.at("ready") == 2);
  CHECK(stats.by_status.at("cancelled") == 1);
  CHECK(stats.by_status.at("pending") == 0);
  CHECK(stats.by_user == std::map<std::string, int64_t>{{"7", 1}, {"8", 1}});
  CHECK(stats.average_wait == caf::timespan{6s});
}

// -- deleting -----------------------------------------------------------------

TEST_CASE_METHOD(store_fixture, "only a job that is over can be deleted",
                 "[store][Q12]") {
  const auto attempt = claimed("j1");
  const delete_job command{{"c"}, {}, "j1"};
  CHECK(refused<job_found>(command) == ec::conflict);
  end("j1");
  CHECK(refused<job_found>(command) == ec::conflict); // its attempt is open
  record(outcome("j1", attempt, submission_result::not_accepted));
  CHECK(ask<job_found>(aut, command).subject.status == job_status::cancelled);
  CHECK(refused<job_found>(command) == ec::job_not_found);
  CHECK(ask<job_list>(aut, list_jobs{{"c"}, {}}).total == 0);
}

TEST_CASE_METHOD(store_fixture, "an owner deletes its own job", "[store]") {
  submit("j1");
  end("j1");
  const caller owner{"7", "", "", caller_level::researcher};
  CHECK(ask<job_found>(aut, delete_job{{"c"}, owner, "j1"}).subject.id == "j1");
}

// -- limits -------------------------------------------------------------------

TEST_CASE_METHOD(store_fixture, "stored limits win over the file and survive",
                 "[store][Q9]") {
  set_limits x{{"corr-l"}, {}};
  x.max_concurrent = 50;
  x.enable_fair_share = true;
  auto answer = ask<limits_in_force>(aut, x).limits;
  CHECK(answer.max_concurrent == 50);
  CHECK(answer.user_max_concurrent == 2);
  CHECK(events().events.back().type == "limits_changed");
  CHECK(events().events.back().correlation_id == "corr-l");
  stop();
  limits.max_concurrent = 9;
  limits.user_max_concurrent = 4;
  start();
  answer = ask<limits_in_force>(aut, get_limits{{"c"}}).limits;
  CHECK(answer.max_concurrent == 50);
  CHECK(answer.user_max_concurrent == 4); // was never set over the API
  CHECK(answer.enable_fair_share);
}

TEST_CASE_METHOD(store_fixture, "limits out of range or by others are refused",
                 "[store]") {
  set_limits x{{"c"}, {}};
  x.max_concurrent = 0;
  CHECK(refused<limits_in_force>(x) == ec::validation_error);
  x.max_concurrent = 1'000'001;
  CHECK(refused<limits_in_force>(x) == ec::validation_error);
  x.max_concurrent = 7;
  x.who.level = caller_level::lead;
  CHECK(refused<limits_in_force>(x) == ec::permission_denied);
  CHECK(ask<limits_in_force>(aut, get_limits{{"c"}}).limits.max_concurrent
        == 5);
}

// -- events -------------------------------------------------------------------

TEST_CASE_METHOD(store_fixture, "a change of status is one event with its data",
                 "[store][E1]") {
  auto x = submission("j1", "7");
  x.subject.org_id = "acme";
  ask<job_submitted>(aut, x);
  end("j1");
  auto page = events();
  REQUIRE(page.events.size() == 2);
  const auto created = nlohmann::json::parse(page.events[0].data);
  CHECK(created["type"] == "job_status_changed");
  CHECK(created["status"] == "pending");
  CHECK(created["previous_status"].is_null());
  CHECK(page.events[1].type == "job_status_changed");
  CHECK(page.events[1].job_id == "j1");
  CHECK(page.events[1].user_id == "7");
  CHECK(page.events[1].org_id == "acme");
  CHECK(page.events[1].correlation_id == "corr-j1");
  CHECK(page.events[1].time == now());
  const auto ended = nlohmann::json::parse(page.events[1].data);
  CHECK(ended["job_id"] == "j1");
  CHECK(ended["status"] == "cancelled");
  CHECK(ended["previous_status"] == "pending");
  CHECK(ended["source"] == "api");
  CHECK(ended["correlation_id"] == "corr-j1");
  CHECK(ended["user_id"] == 7);
  CHECK(ended["org_id"] == "acme");
  CHECK(ended["timestamp"].get<std::string>().size() == 24);
  submit("j2");
  claim({"j2"});
  limit(1, 1);
  page = events(3);
  REQUIRE(page.events.size() == 2);
  CHECK(nlohmann::json::parse(page.events[0].data)["queue_status"] == "ready");
  CHECK(nlohmann::json::parse(page.events[1].data)["type"] == "limits_changed");
}

TEST_CASE_METHOD(store_fixture, "the log is read in pages and knows its ends",
                 "[store][E1]") {
  CHECK(events().head == 0);
  for (int i = 0; i < 5; ++i)
    submit("j" + std::to_string(i));
  auto page = events(2, 2);
  REQUIRE(page.events.size() == 2);
  CHECK(page.events[0].id == 3);
  CHECK(page.events[1].id == 4);
  CHECK(page.oldest == 1);
  CHECK(page.head == 5);
  CHECK(events(5).events.empty());
}

TEST_CASE_METHOD(store_fixture, "an event of its own is stored as it comes",
                 "[store]") {
  append_event x{{"corr-w"}, {}};
  x.subject.type = "worker_status";
  x.subject.data = R"({"type":"worker_status"})";
  CHECK(ask<event_appended>(aut, x).id == 1);
  const auto stored = events().events.at(0);
  CHECK(stored.type == "worker_status");
  CHECK(stored.correlation_id == "corr-w");
  CHECK(stored.time == now());
  x.subject.type.clear();
  CHECK(refused<event_appended>(x) == ec::validation_error);
}

TEST_CASE_METHOD(store_fixture, "old events go, their ids do not come back",
                 "[store][E1]") {
  submit("j1");
  submit("j2");
  advance(24h * 8, 24h);
  submit("j3"); // what is old goes with the next commit
  const auto page = events();
  REQUIRE(page.events.size() == 1);
  CHECK(page.oldest == 3);
  CHECK(page.head == 3);
}

TEST_CASE_METHOD(store_fixture, "the input goes a day after the job's end",
                 "[store]") {
  submit("j1");
  submit("j2");
  end("j1");
  advance(25h, 1h);
  submit("j3");
  auto raw = db->connect(sql::connection::mode::read_only);
  auto count = raw->query("SELECT min(job_id), max(job_id), count(*) "
                          "FROM job_inputs");
  REQUIRE(count.step());
  CHECK(count.get<std::string>(0) == "j2");
  CHECK(count.get<std::string>(1) == "j3");
  CHECK(count.get<int64_t>(2) == 2);
}
