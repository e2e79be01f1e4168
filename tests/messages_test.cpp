#include "actors/support/actor.hpp"
#include "messages/fingerprint.hpp"
#include "messages/interfaces.hpp"

#include "tests/deterministic.hpp"

using namespace tunerd;

namespace {

struct echo_state {
  static inline constexpr const char* name = "echo";
  pointer<job_poller_actor, echo_state> self;
  std::vector<context>* seen;
};

job_poller_actor::behavior_type echo(pointer<job_poller_actor, echo_state> self,
                                     std::vector<context>* seen) {
  self->state = {.self = self, .seen = seen};
  return {
    [self](const refresh_polling& x) {
      self->state.seen->push_back(current_context());
      return polling_status{x.ctx};
    },
    [self](const get_polling_status&) -> caf::result<polling_status> {
      throw std::runtime_error("broken on purpose");
    },
    [](const poll_jobs& x) { return jobs_polled{x.ctx}; },
    [self](const tick&) { self->state.seen->push_back(current_context()); },
  };
}

} // namespace

TEST_CASE("status names read back as the same status", "[messages]") {
  for (uint8_t i = 0; i < 7; ++i) {
    const auto job = static_cast<job_status>(i);
    CHECK(parse_job_status(to_string(job)) == job);
    const auto queue = static_cast<queue_status>(i);
    CHECK(parse_queue_status(to_string(queue)) == queue);
  }
  CHECK(!parse_job_status("pending_approval"));
}

TEST_CASE("a priority is named after its ten", "[messages]") {
  CHECK(priority_name(9) == "low");
  CHECK(priority_name(10) == "normal");
  CHECK(priority_name(50) == "critical");
}

TEST_CASE("a fingerprint ignores key order, model prefix and secrets",
          "[messages]") {
  const std::string stored = R"({"b": 1, "token": "${secret:HF_TOKEN}"})";
  const auto ours = fingerprint("replicate", "me/m:abc", stored, stored);
  CHECK(ours.size() == 64);
  CHECK(fingerprint("replicate", "abc", R"({"token":"hf_x","b":1})", stored)
        == ours);
  CHECK(fingerprint("replicate", "abd", stored, stored) != ours);
  CHECK(fingerprint("replicate", "abc", R"({"b":2})", stored) != ours);
  CHECK(fingerprint("replicate", "abc", "nonsense", stored).empty());
}

struct traced_fixture : test::deterministic {};

TEST_CASE_METHOD(traced_fixture, "a handler runs in its message's context",
                 "[messages][L1]") {
  std::vector<context> seen;
  auto aut = spawn(echo, &seen);
  ask<polling_status>(aut, refresh_polling{{"corr-1", {{"job_id", "42"}}}});
  caf::anon_send(aut, tick{});
  settle();
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].correlation_id == "corr-1");
  CHECK(seen[0].fields.at("job_id") == "42");
  CHECK(seen[1].correlation_id.empty());
}

TEST_CASE_METHOD(traced_fixture, "an exception reaches the requester as text",
                 "[messages]") {
  std::vector<context> seen;
  auto aut = spawn(echo, &seen);
  auto err = ask_error<polling_status>(aut, get_polling_status{{"corr-1"}});
  CHECK(render(err) == "broken on purpose");
}
