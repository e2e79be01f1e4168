#include "actors/cluster/cluster.hpp"

#include "tests/deterministic.hpp"
#include "tests/log_capture.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <random>

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

/// Nodes that share a store, which is a lambda with some knobs.
struct cluster_fixture : test::deterministic {
  struct node {
    std::shared_ptr<leadership> lead;
    std::vector<role_changed> told;
    std::vector<events_appended> hints;
    cluster_actor aut;
  };

  cluster_fixture() {
    store = spawn([this](lease_store_actor::pointer) {
      return lease_store_actor::behavior_type{
        [this](const keep_lease& x) { return keep(x); }};
    });
  }

  caf::result<lease_kept> keep(const keep_lease& x) {
    CHECK(!x.ctx.correlation_id.empty());
    wishes[x.me.name].push_back(x.wish);
    if (fails || deaf == x.me.name)
      return make_error(ec::database_error, "no server");
    lease_kept result{x.ctx};
    const auto mine = row.holder == x.me.incarnation && row.epoch == x.epoch;
    if (x.wish == lease_wish::take && row == x.known) {
      row = {x.me.incarnation, row.epoch + 1, row.renewals + 1};
      result.done = true;
    } else if (x.wish == lease_wish::renew && mine) {
      ++row.renewals;
      result.done = true;
    } else if (x.wish == lease_wish::release && mine) {
      row = {"", row.epoch, row.renewals + 1};
      result.done = true;
    }
    result.row = row;
    result.holder_name = row.holder.substr(0, row.holder.find('/'));
    result.holder_url = "http://" + result.holder_name;
    result.name_is_taken = twin;
    result.events_head = head;
    return result;
  }

  node& start(const std::string& name) {
    auto& x = nodes[name];
    x.lead = std::make_shared<leadership>([this] {
      return caf::timespan{sched.clock().current_time.time_since_epoch()};
    });
    const cluster_settings settings{
      .me = {.name = name, .incarnation = name + "/1", .url = "http://" + name},
      .lead = x.lead,
      .random = rng};
    x.aut = spawn(cluster, settings, store, spawn_recorder(x.told),
                  std::vector{spawn_recorder(x.hints)});
    settle();
    return x;
  }

  void end(const node& x, caf::exit_reason why) {
    caf::anon_send_exit(x.aut, why);
    settle();
  }

  /// @returns how long it takes until `x` leads.
  caf::timespan time_until_leading(const node& x) {
    const auto begin = sched.clock().current_time;
    while (!x.lead->holds()) {
      REQUIRE(sched.clock().current_time - begin < 1min);
      advance(100ms);
    }
    return sched.clock().current_time - begin;
  }

  std::map<std::string, node> nodes;
  std::map<std::string, std::vector<lease_wish>> wishes;
  lease_row row;
  bool fails = false;
  /// Whose questions alone are not answered.
  std::string deaf;
  bool twin = false;
  int64_t head = 0;
  std::mt19937_64 rng{7};
  lease_store_actor store;
};

} // namespace

TEST_CASE_METHOD(cluster_fixture, "a lonely node leads at once and for long",
                 "[cluster]") {
  test::log_capture log;
  const auto& a = start("a");
  CHECK(a.lead->holds());
  CHECK(a.lead->epoch() == 1);
  REQUIRE(a.told.size() >= 2);
  CHECK(!a.told.front().leads);
  CHECK(a.told.back().leads);
  CHECK(a.told.back().epoch == 1);
  CHECK(log.contains("INFO", "This node leads"));
  advance(60s);
  CHECK(a.lead->holds());
  CHECK(row.epoch == 1);
  CHECK(row.renewals > 50);
  CHECK(log.lines_with("leads").size() == 1);
}

TEST_CASE_METHOD(cluster_fixture,
                 "another node leads soon after the leader was killed",
                 "[cluster]") {
  const auto& a = start("a");
  const auto& b = start("b");
  advance(10s);
  CHECK(a.lead->holds());
  CHECK(!b.lead->holds());
  end(a, caf::exit_reason::kill);
  CHECK(time_until_leading(b) <= 3s + 2s);
  CHECK(b.told.back().leads);
  CHECK(b.told.back().epoch == 2);
}

TEST_CASE_METHOD(cluster_fixture, "a clean stop hands over within a second",
                 "[cluster]") {
  const auto& a = start("a");
  const auto& b = start("b");
  advance(10s);
  end(a, caf::exit_reason::user_shutdown);
  CHECK(!a.lead->holds());
  CHECK(row.holder.empty());
  CHECK(time_until_leading(b) <= 1s);
}

TEST_CASE_METHOD(cluster_fixture, "a node stops although the store is gone",
                 "[cluster]") {
  const auto& a = start("a");
  fails = true;
  bool ended = false;
  caf::actor_cast<caf::actor>(a.aut)->attach_functor(
    [&ended](const caf::error&) { ended = true; });
  end(a, caf::exit_reason::user_shutdown);
  CHECK(ended);
}

TEST_CASE_METHOD(cluster_fixture,
                 "a leader without the store stops before another one starts",
                 "[cluster]") {
  test::log_capture log;
  const auto& a = start("a");
  const auto& b = start("b");
  advance(5s);
  deaf = "a";
  for (auto passed = 0ms; !b.lead->holds(); passed += 100ms) {
    REQUIRE(passed < 5s);
    advance(100ms);
    CHECK(a.lead->holds() + b.lead->holds() <= 1);
  }
  CHECK(!a.told.back().leads);
  CHECK(log.contains("WARNING", "This node leads no more"));
  CHECK(log.lines_with("Cannot read the lease").size() == 1);
  deaf.clear();
  advance(5s);
  CHECK(b.lead->holds());
  CHECK(log.contains("INFO", "The lease can be read again"));
  CHECK(log.contains("INFO", "Node b leads"));
}

TEST_CASE_METHOD(cluster_fixture, "a database that comes back is led again",
                 "[cluster]") {
  const auto& a = start("a");
  fails = true;
  advance(20s);
  CHECK(!a.lead->holds());
  fails = false;
  CHECK(time_until_leading(a) <= 1s);
  CHECK(a.told.back().epoch == 2); // what was decided before is out of date
}

TEST_CASE_METHOD(cluster_fixture, "a refused transaction ends the leadership",
                 "[cluster]") {
  const auto& a = start("a");
  row = {"b/1", 2, 100}; // somebody took it
  caf::anon_send(a.aut, lease_refused{1});
  settle();
  CHECK(!a.lead->holds());
  CHECK(!a.told.back().leads);
}

TEST_CASE_METHOD(cluster_fixture, "the stand-in names the leader",
                 "[cluster]") {
  start("a");
  const auto& b = start("b");
  advance(1s);
  REQUIRE(b.told.back().stand_in);
  const auto poller = caf::actor_cast<job_poller_actor>(b.told.back().stand_in);
  const auto err
    = ask_error<polling_status>(poller, get_polling_status{{"corr-1"}});
  CHECK(code_of(err) == ec::worker_restarting);
  CHECK(render(err)
        == "worker_restarting: this node does not lead, node a does, at "
           "http://a");
  self->send(poller, tick{}); // a hint, which nobody minds
  settle();
  CHECK(
    code_of(ask_error<polling_status>(poller, get_polling_status{{"corr-1"}}))
    == ec::worker_restarting);
}

TEST_CASE_METHOD(cluster_fixture,
                 "events of other nodes are heard within a second",
                 "[cluster]") {
  const auto& a = start("a");
  const auto& b = start("b");
  advance(2s);
  CHECK(a.hints.size() == 1); // whatever was there before
  head = 7;
  advance(1s);
  for (const auto* x : {&a, &b}) {
    REQUIRE(x->hints.size() == 2);
    CHECK(x->hints[1].last_id == 7);
    CHECK(x->hints[1].first_id > 7); // it names none
  }
}

TEST_CASE_METHOD(cluster_fixture, "two nodes of one name are reported once",
                 "[cluster]") {
  test::log_capture log;
  twin = true;
  start("a");
  advance(10s);
  CHECK(log.lines_with("Another process is node a, too").size() == 1);
}
