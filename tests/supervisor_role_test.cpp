#include "tests/supervisor_fixture.hpp"

using namespace tunerd;
using namespace tunerd::test;

namespace {

/// A node that does not lead, with "a" that always runs and "b", "c" that only
/// a leader has.
struct role_fixture : supervisor_fixture {
  role_fixture() {
    settings.leads = false;
    stand_in = spawn([this](job_poller_actor::pointer) {
      return job_poller_actor::behavior_type{
        [](const refresh_polling& x) { return polling_status{x.ctx}; },
        [this](const get_polling_status& x) {
          ++stood_in;
          return polling_status{x.ctx};
        },
        [](const poll_jobs& x) { return jobs_polled{x.ctx}; },
        [](const tick&) {},
      };
    });
    auto b = make("b");
    auto c = make_stoppable("c", {"b"});
    b.leader_only = c.leader_only = true;
    start({make("a"), b, c, make("d")});
  }

  void lead(int64_t epoch) {
    tell({{"corr-9"}, true, epoch, caf::actor_cast<caf::actor>(stand_in)});
  }

  void follow() {
    tell({{"corr-9"}, false, 0, caf::actor_cast<caf::actor>(stand_in)});
  }

  void tell(const role_changed& x) {
    caf::anon_send(caf::actor_cast<caf::actor>(aut), x);
    settle();
  }

  int stood_in = 0;
  job_poller_actor stand_in;
};

} // namespace

TEST_CASE_METHOD(role_fixture, "what only a leader has runs while it leads",
                 "[supervisor][cluster]") {
  CHECK(happened() == "+a +d");
  CHECK(status("b").phase == worker_phase::stopped);
  lead(1);
  CHECK(happened() == "+b +c");
  CHECK(status("b").phase == worker_phase::running);
  lead(1); // nothing new
  CHECK(happened().empty());
  follow();
  CHECK(happened() == "-c -b");
  CHECK(status("b").phase == worker_phase::stopped);
  CHECK(status("b").restarts == 0);
  lead(2);
  CHECK(happened() == "+b +c");
  stop();
  CHECK(happened() == "-d -c -b -a");
}

TEST_CASE_METHOD(role_fixture, "a leader at another epoch begins anew",
                 "[supervisor][cluster]") {
  lead(1);
  happened();
  lead(2);
  CHECK(happened() == "-c -b +b +c");
}

TEST_CASE_METHOD(role_fixture, "who leads again meets no older incarnation",
                 "[supervisor][cluster]") {
  lead(1);
  happened();
  how["b"] = manners::good;
  caf::anon_send(caf::actor_cast<caf::actor>(aut),
                 role_changed{{"corr-9"}, false, 0, {}});
  caf::anon_send(caf::actor_cast<caf::actor>(aut),
                 role_changed{{"corr-9"}, true, 2, {}});
  settle();
  CHECK(happened() == "-c -b +b +c");
}

TEST_CASE_METHOD(role_fixture, "a crash of what does not run is no concern",
                 "[supervisor][cluster]") {
  lead(1);
  crash("b");
  happened();
  follow();
  advance(300s, 1s);
  CHECK(happened().empty());
  CHECK(!ended);
}

TEST_CASE_METHOD(role_fixture, "the stand-in answers on a node that follows",
                 "[supervisor][cluster]") {
  const get_polling_status query{{"corr-1"}};
  CHECK(code_of(ask_error<polling_status>(address["b"], query))
        == ec::worker_restarting);
  follow();
  CHECK(!ask<polling_status>(address["b"], query).is_active);
  CHECK(stood_in == 1);
  lead(1);
  CHECK(ask<polling_status>(address["b"], query).is_active);
  follow();
  ask<polling_status>(address["b"], query);
  CHECK(stood_in == 2);
  CHECK(ask<polling_status>(address["a"], query).is_active);
}

TEST_CASE_METHOD(role_fixture, "people do not start what only a leader has",
                 "[supervisor][cluster]") {
  CHECK(refused("c", worker_action::start) == ec::conflict);
  lead(1);
  CHECK(control("c", worker_action::stop) == worker_phase::stopped);
  follow();
  happened();
  lead(2);
  CHECK(happened() == "+b"); // their wish stands
}
