#include "tests/dispatch_fixture.hpp"

// A webhook that overtakes the record of its job.

using namespace tunerd;
using namespace tunerd::test;

namespace {

struct early_webhook_fixture : dispatch_fixture {
  /// The next submission is accepted, and by the time of its record the job
  /// runs already and a webhook has said so.
  void overtake() {
    there.on_submit = [this](auto&) {
      apply_webhook x{{"corr-hook"}, "replicate", {}};
      x.delivery.delivery_id = "d1";
      x.delivery.is_signed = true;
      x.delivery.seen.external_id = "x1";
      x.delivery.seen.status = job_status::running;
      caf::anon_send(store_itself, x);
      return mood::accept;
    };
    knobs.on_request = [this](const caf::message& x) {
      if (x.match_elements<record_submission>())
        there.made.at(0).status = job_status::running;
      return fate::pass;
    };
  }
};

} // namespace

TEST_CASE_METHOD(early_webhook_fixture,
                 "a webhook before the record leads to a poll at once",
                 "[dispatch][job_poller][W1]") {
  start();
  overtake();
  submit("a");
  settle();
  REQUIRE(there.gets.size() == 1);
  CHECK(there.gets[0].external_id == "x1");
  CHECK(there.gets[0].ctx.correlation_id == "corr-a");
  CHECK(get("a").status == job_status::running);
  const auto applied = knobs.all<apply_status>();
  REQUIRE(applied.size() == 1);
  CHECK(applied[0].source == change_source::webhook);
  there.on_submit = [](auto&) { return mood::accept; };
  submit("b");
  settle();
  CHECK(there.gets.size() == 1); // Nothing overtook this one.
}

TEST_CASE_METHOD(early_webhook_fixture, "if that poll fails, others follow",
                 "[dispatch][job_poller][W1]") {
  start();
  overtake();
  there.on_get = [](auto&) { return make_error(ec::provider_timeout, "slow"); };
  submit("a");
  settle();
  CHECK(get("a").status == job_status::queued);
  CHECK(log.contains("DEBUG", "Failed to sync job a: provider_timeout: slow"));
  submit("b"); // The scheduler lives.
  settle();
  CHECK(get("b").status == job_status::queued);
}
