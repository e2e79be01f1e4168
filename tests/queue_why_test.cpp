#include "tests/dispatch_fixture.hpp"

// Why a job waits, and for how long.

using namespace tunerd;
using namespace tunerd::test;

namespace {

using ids = std::vector<std::string>;

caf::optional<caf::timespan> some(caf::timespan x) {
  return x;
}

struct why_fixture : dispatch_fixture {
  job_explained why(const std::string& id) {
    const auto answer = ask<job_explained>(aut, explain_job{{"corr-why"}, id});
    CHECK(answer.ctx.correlation_id == "corr-why");
    return answer;
  }

  /// The kinds of the constraints, limits with their scope.
  ids kinds(const std::string& id) {
    ids result;
    for (const auto& x : why(id).constraints)
      result.push_back(x.kind + (x.kind == "limit" ? " " + x.scope : ""));
    return result;
  }

  /// 0 if it has none.
  int64_t place(const std::string& id) {
    const auto position = why(id).position;
    return position ? *position : 0;
  }

  caf::optional<caf::timespan> wait_of(const std::string& id) {
    return why(id).estimated_wait;
  }
};

} // namespace

// -- why ----------------------------------------------------------------------

TEST_CASE_METHOD(why_fixture, "an unknown job is not explained",
                 "[queue_scheduler][why]") {
  start();
  const explain_job query{{"corr-why"}, "nobody"};
  CHECK(code_of(ask_error<job_explained>(aut, query)) == ec::job_not_found);
}

TEST_CASE_METHOD(why_fixture, "every full limit is named with its holders",
                 "[queue_scheduler][why][Q10]") {
  start();
  set(3, 2);
  for (const auto* id : {"a1", "a2", "a3", "a4"})
    submit(id);
  submit("b1", "bob");
  submit("b2", "bob");
  settle();
  const auto answer = why("a4");
  CHECK(answer.position == caf::optional<int64_t>{2});
  REQUIRE(answer.constraints.size() == 2);
  const auto& nearest = answer.constraints[0];
  CHECK(nearest.kind == "limit");
  CHECK(nearest.scope == "user");
  CHECK(nearest.limit == 2);
  CHECK(nearest.used == 2);
  CHECK(nearest.holders == ids{"a1", "a2"});
  CHECK(answer.constraints[1].scope == "global");
  CHECK(answer.constraints[1].holders == ids{"a1", "a2", "b1"});
  CHECK(kinds("b2") == ids{"limit global"});
  CHECK(place("b2") == 3);
  poll("b1", job_status::completed);
  settle();
  CHECK(get("b2").queue == queue_status::running);
  CHECK(kinds("b2").empty());
  CHECK(!why("b2").position);
  CHECK(!why("b2").estimated_wait);
}

TEST_CASE_METHOD(why_fixture, "a blocked job waits for its approval",
                 "[queue_scheduler][why]") {
  start();
  auto x = submission("a");
  x.requires_approval = true;
  x.subject.queue = queue_status::blocked;
  ask<job_submitted>(store_itself, x);
  CHECK(kinds("a") == ids{"approval"});
  CHECK(!why("a").position);
}

TEST_CASE_METHOD(why_fixture, "nothing keeps a job that is over",
                 "[queue_scheduler][why]") {
  start();
  submit("a");
  settle();
  poll("a", job_status::completed);
  settle();
  CHECK(kinds("a").empty());
  CHECK(!why("a").position);
}

TEST_CASE_METHOD(why_fixture, "a job says until when it waits for itself",
                 "[queue_scheduler][why][Q8]") {
  start();
  there.on_submit = [](auto&) { return mood::refuse; };
  submit("a");
  settle();
  const auto answer = why("a");
  REQUIRE(answer.constraints.size() == 1);
  CHECK(answer.constraints[0].kind == "not_before");
  CHECK(answer.constraints[0].until == get("a").not_before);
  CHECK(answer.estimated_wait == some(get("a").not_before - now()));
  CHECK(answer.position == caf::optional<int64_t>{1});
}

TEST_CASE_METHOD(why_fixture, "a parked provider is the reason",
                 "[queue_scheduler][why]") {
  start();
  submit_once(mood::throttle);
  submit("b");
  settle();
  const auto answer = why("b");
  REQUIRE(answer.constraints.size() == 1);
  CHECK(answer.constraints[0].kind == "provider_unavailable");
  CHECK(answer.constraints[0].scope == "replicate");
  CHECK(answer.constraints[0].until == now() + 20s);
  CHECK(!answer.estimated_wait); // nobody knows
  CHECK(kinds("a") == ids{"not_before", "provider_unavailable"});
  there.on_submit = [](auto&) { return mood::hang; };
  advance(20s); // one of them tries
  const auto other = get("a").queue == queue_status::ready ? "b" : "a";
  REQUIRE(kinds(other) == ids{"provider_unavailable"});
  CHECK(!why(other).constraints[0].until);
}

TEST_CASE_METHOD(why_fixture, "an attempt that is not settled is the reason",
                 "[queue_scheduler][why][Q3]") {
  start();
  there.shows_inputs = false;
  submit_once(mood::lose_created);
  CHECK(kinds("a") == ids{"in_doubt"});
  CHECK(!why("a").position);
  advance(2min);
  CHECK(kinds("a") == ids{"unresolved"});
  ask<job_found>(aut, cancel_job{{"corr-cancel"}, {}, "a"});
  settle();
  CHECK(kinds("a") == ids{"unresolved"}); // it still holds its slot
}

TEST_CASE_METHOD(why_fixture, "many submissions under way let others wait",
                 "[queue_scheduler][why]") {
  set(1000, 1000);
  there.on_submit = [](auto&) { return mood::hang; };
  for (int i = 0; i < 65; ++i)
    submit("j" + std::to_string(i));
  start();
  const auto answer = why("j64");
  REQUIRE(answer.constraints.size() == 1);
  CHECK(answer.constraints[0].kind == "submissions");
  CHECK(answer.constraints[0].scope == "replicate");
  CHECK(answer.constraints[0].limit == 64);
  CHECK(answer.constraints[0].used == 64);
  CHECK(answer.constraints[0].holders.size() == 64);
}

TEST_CASE_METHOD(why_fixture, "a job that no hint told of is found",
                 "[queue_scheduler][why][Q10]") {
  start();
  set(1, 1);
  submit("a");
  settle();
  loses_hints = true;
  submit("b");
  CHECK(kinds("b") == ids{"limit user", "limit global"});
  CHECK(place("b") == 1);
}

TEST_CASE_METHOD(why_fixture, "who asks too early is told so in a second",
                 "[queue_scheduler][why]") {
  submit("a");
  knobs.spoil<load_queue>(fate::fail, 1000);
  start();
  const auto answer = ask_slowly<job_explained>(explain_job{{"corr-why"}, "a"});
  CHECK(!*answer);
  advance(1s);
  REQUIRE(*answer);
  CHECK(code_of((**answer).error()) == ec::worker_restarting);
}

// -- estimates ----------------------------------------------------------------

TEST_CASE_METHOD(why_fixture, "the wait is estimated from what was held",
                 "[queue_scheduler][why][Q10]") {
  start();
  set(2, 2);
  for (const auto* id : {"a", "b", "c", "d", "e"})
    submit(id);
  settle();
  CHECK(!wait_of("c")); // nothing is known yet
  advance(10min, 1min);
  poll("a", job_status::completed);
  settle();
  CHECK(place("d") == 1);
  CHECK(wait_of("d") == some(10min));
  advance(20min, 1min);
  poll("b", job_status::failed); // 30 min
  settle();
  CHECK(wait_of("e") == some(20min));
  submit("f");
  submit("g");
  settle();
  CHECK(wait_of("f") == some(20min));
  CHECK(wait_of("g") == some(40min)); // two at a time
  set(2, 1);
  settle();
  CHECK(wait_of("g") == some(60min)); // one by one
}

TEST_CASE("a hold is a slot's time from its claim to the end",
          "[queue][why][Q10]") {
  const timestamp epoch{std::chrono::hours{24}};
  hold_times aut;
  CHECK(!aut.mean("p"));
  aut.begin("a", "p", epoch);
  aut.drop("a"); // it waits again
  aut.end("a", epoch + 1h);
  CHECK(!aut.mean("p"));
  aut.begin("a", "p", epoch);
  aut.begin("b", "q", epoch);
  CHECK(aut.holders() == ids{"a", "b"});
  aut.end("a", epoch + 1h);
  aut.end("a", epoch + 5h);
  CHECK(aut.mean("p") == some(1h));
  CHECK(!aut.mean("q"));
  for (size_t i = 0; i < hold_times::window; ++i) {
    aut.begin("c", "p", epoch);
    aut.end("c", epoch + 2min);
  }
  CHECK(aut.mean("p") == some(2min)); // a is forgotten
}

TEST_CASE("an estimate counts rounds of the longest line",
          "[queue][why][Q10]") {
  const timestamp now{std::chrono::hours{24}};
  using lines = std::vector<queue_line>;
  const std::vector<queue_constraint> later{
    {.kind = "not_before", .until = now + 90min}};
  const auto hour = caf::optional<caf::timespan>{1h};
  const auto wait
    = [&](const lines& all) { return estimated_wait(all, {}, hour, now); };
  CHECK(wait({}) == some(0s));
  CHECK(wait({{5, 5, 5}}) == some(1h));
  CHECK(wait({{5, 5, 6}}) == some(2h));
  CHECK(wait({{5, 3, 2}}) == some(0s)); // two slots are free
  CHECK(wait({{5, 3, 3}}) == some(1h));
  CHECK(wait({{2, 2, 1}, {5, 5, 6}}) == some(2h)); // others are ahead
  CHECK(wait({{2, 2, 6}, {5, 5, 6}}) == some(3h)); // its own user is
  CHECK(wait({{2, 4, 2}}) == some(1h));            // the limit was lowered
  CHECK(!estimated_wait({{5, 5, 6}}, {}, caf::none, now));
  CHECK(estimated_wait({}, later, caf::none, now) == some(90min));
  CHECK(estimated_wait({{5, 5, 5}}, later, hour, now) == some(90min));
  CHECK(estimated_wait({{5, 5, 10}}, later, hour, now) == some(2h));
  CHECK(!estimated_wait({}, {{"provider_unavailable"}}, hour, now));
  CHECK(estimated_wait({{2, 2, std::numeric_limits<int64_t>::max() / 2}}, {},
                       caf::timespan{24h * 365}, now)
        == some(24h * 365));
}

TEST_CASE_METHOD(why_fixture, "a new priority moves a job at once",
                 "[queue_scheduler][why][Q5]") {
  job_queue aut_queue{1h};
  aut_queue.set_limits({.max_concurrent = 1});
  queue_entry a{.job_id = "a", .row = 1, .user_id = "ann"};
  queue_entry b{.job_id = "b", .row = 2, .user_id = "bob"};
  aut_queue.update(a);
  aut_queue.update(b);
  const auto told = [&](const queue_entry& x) {
    return constraints_of(aut_queue, x, {}, now());
  };
  CHECK(told(a).empty());
  REQUIRE(told(b).size() == 1);
  CHECK(told(b)[0].kind == "turn");
  CHECK(told(b)[0].used == 1);
  b.priority = 45; // its row is read again
  aut_queue.update(b);
  CHECK(told(b).empty());
  CHECK(told(a)[0].kind == "turn");
  CHECK(aut_queue.choose(now(), 5) == ids{"b"});
  CHECK(told(a)[0].holders == ids{"b"});
}
