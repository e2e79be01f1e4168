#include "tests/supervisor_fixture.hpp"

using namespace tunerd;
using namespace tunerd::test;

namespace {

/// A worker that takes nothing out of its mailbox, not even its end, until
/// `other` answers; ends if that is an error.
caf::behavior absorbed(caf::event_based_actor* self, caf::actor other) {
  self
    ->request(other, std::chrono::minutes{1440}, get_polling_status{{"corr-9"}})
    .await([](const polling_status&) {});
  return {[](const tick&) {}};
}

struct mailbox_fixture : supervisor_fixture {
  ~mailbox_fixture() {
    while (held > 0)
      answer();
  }

  worker make_absorbed() {
    return {.name = "absorbed", .start = [this] {
              ++held;
              auto hdl = sys.spawn(absorbed, caf::actor{self});
              return live["absorbed"] = hdl;
            }};
  }

  /// Lets the worker go on, or crash.
  void answer(const caf::error& failure = {}) {
    self->receive(
      [&](const get_polling_status& x) -> caf::result<polling_status> {
        if (failure)
          return failure;
        return polling_status{x.ctx, true};
      });
    --held;
    settle();
  }

  caf::timespan age(const std::string& name) {
    return status(name).mailbox_age;
  }

  /// Those that wait for an answer.
  int held = 0;
};

} // namespace

TEST_CASE_METHOD(mailbox_fixture,
                 "a worker that takes no messages is seen by their age",
                 "[supervisor]") {
  start({make("a"), make_absorbed()});
  advance(4s);
  CHECK(age("absorbed") == 0s); // not asked yet
  advance(3s);
  CHECK(age("absorbed") == 2s);
  advance(5min);
  CHECK(age("absorbed") == 5min + 2s);
  CHECK(age("a") == 0s);
  CHECK(status("absorbed").phase == worker_phase::running);
  answer();
  CHECK(age("absorbed") == 5min + 2s); // that is what the last one waited
  advance(5s);
  CHECK(age("absorbed") == 0s);
  CHECK(happened() == "+a");
}

TEST_CASE_METHOD(mailbox_fixture, "a worker may hang for very long",
                 "[supervisor]") {
  start({make_absorbed()});
  advance(10h, 5s);
  CHECK(age("absorbed") > 9h);
  answer();
  advance(10s);
  CHECK(age("absorbed") == 0s);
}

TEST_CASE_METHOD(mailbox_fixture, "the age of a mailbox ends with the worker",
                 "[supervisor]") {
  start({make_absorbed()});
  advance(8s);
  CHECK(age("absorbed") == 3s);
  answer(make_error(ec::database_error, "gone"));
  CHECK(status("absorbed").phase == worker_phase::restarting);
  CHECK(age("absorbed") == 0s);
  advance(backoff);
  CHECK(status("absorbed").restarts == 1);
  CHECK(age("absorbed") == 0s);
  advance(5s);
  const auto waited = age("absorbed");
  CHECK(waited > 0s);
  CHECK(waited < 5s);
}

TEST_CASE_METHOD(mailbox_fixture, "nobody is asked while the daemon stops",
                 "[supervisor]") {
  how["a"] = manners::slow;
  start({make("a"), make("b")});
  advance(6s);
  stop();
  advance(10s);
  CHECK(ended);
  CHECK(alive.empty());
}
