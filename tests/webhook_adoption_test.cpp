#include "actors/http_gateway/http_gateway.hpp"
#include "actors/http_gateway/webhook_adoption.hpp"

#include "tests/dispatch_fixture.hpp"

#include <nlohmann/json.hpp>

// Deliveries that name the job whose submission they tell of, in a query that
// nobody signs.

using namespace tunerd;
using namespace tunerd::test;
using nlohmann::json;

namespace {

/// Keeps every answer.
struct answers : http_exchange {
  std::map<uint64_t, http_reply> by_call;

  void reply(uint64_t id, http_reply answer) override {
    by_call[id] = std::move(answer);
  }
  void hand_over(uint64_t, std::function<void(int)>) override {
  }
};

struct adoption_fixture : dispatch_fixture {
  adoption_fixture() {
    door->serve(server);
    const auto desk = [this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const read_webhook& x) { return read(x); },
              [this](const get_provider_job& x) {
                return provider_job_found{
                  x.ctx, there.seen(*there.find(x.external_id))};
              }};
    };
    const auto nobody
      = [](caf::event_based_actor*) -> caf::behavior { return {[](tick) {}}; };
    http_gateway_settings settings;
    settings.world = world();
    gateway_itself = spawn(
      http_gateway, settings, door, gated,
      caf::actor_cast<queue_scheduler_actor>(spawn(nobody)),
      caf::actor_cast<provider_desk_actor>(spawn(desk)),
      caf::actor_cast<job_poller_actor>(spawn(nobody)),
      caf::actor_cast<approval_expirer_actor>(spawn(nobody)),
      caf::actor_cast<sse_broadcaster_actor>(spawn(nobody)),
      caf::actor_cast<log_sink_actor>(spawn(nobody)),
      caf::actor_cast<log_reader_actor>(spawn(nobody)), caf::weak_actor_ptr{});
    settle();
    there.is_list_broken = true; // The list decides nothing here.
    start();
  }

  ~adoption_fixture() {
    caf::anon_send_exit(gateway_itself, caf::exit_reason::kill);
    settle();
    gateway_itself = nullptr;
  }

  /// What a genuine delivery about the prediction in the body says.
  webhook_read read(const read_webhook& x) {
    webhook_read result{x.ctx, "d" + std::to_string(++deliveries)};
    result.seen = there.seen(*there.find(x.body));
    result.event_type = "start";
    result.is_signed = is_signed;
    return result;
  }

  void send(const std::string& external_id, const std::string& job_id) {
    http_call call{.method = "POST",
                   .target = "/api/webhooks/replicate?tunerd_job=" + job_id,
                   .headers = {{"host", "localhost:8770"},
                               {"content-type", "application/json"}},
                   .body = external_id,
                   .peer = "127.0.0.1"};
    call.id = ++calls;
    door->on_call(std::move(call));
  }

  /// @returns the job that the delivery changed, or why it was ignored.
  std::string deliver(const std::string& external_id,
                      const std::string& job_id) {
    send(external_id, job_id);
    settle();
    const auto& answer = server->by_call.at(calls);
    INFO(answer.body);
    CHECK(answer.status == 200);
    const auto body = json::parse(answer.body);
    return body.contains("job_id") ? body["job_id"] : body["reason"];
  }

  /// The provider gets it, we never hear of it. @returns its id there.
  std::string stray(const std::string& body,
                    const std::string& version = "me/model:v1") {
    return there
      .make({{"stray"}, "replicate", "stray", {version, body, "none"}})
      .external_id;
  }

  size_t open_attempts() {
    return ask<queue_snapshot>(store_itself, load_queue{{"c"}}).attempts.size();
  }

  std::shared_ptr<answers> server = std::make_shared<answers>();
  std::shared_ptr<call_gate> door
    = std::make_shared<call_gate>(world(), call_gate::limits{});
  http_gateway_actor gateway_itself;
  uint64_t calls = 0;
  int deliveries = 0;
  bool is_signed = true;
};

} // namespace

TEST_CASE_METHOD(adoption_fixture,
                 "a delivery gives an attempt in doubt its external id",
                 "[dispatch][webhook][Q3][W2]") {
  submit_once(mood::lose_created);
  REQUIRE(open_attempts() == 1);
  there.made[0].status = job_status::running;
  CHECK(deliver("x1", "a") == "a");
  CHECK(get("a").external_id == "x1");
  CHECK(get("a").status == job_status::running);
  CHECK(get("a").queue == queue_status::running);
  CHECK(open_attempts() == 0);
  CHECK(log.contains("INFO", "Job a already submitted to provider (status: "
                             "running), updating queue"));
  there.made[0].status = job_status::completed;
  CHECK(deliver("x1", "a") == "a");
  CHECK(get("a").queue == queue_status::completed);
  advance(15min, 1s);
  CHECK(there.submits.size() == 1);
}

TEST_CASE_METHOD(adoption_fixture, "a delivery decides what else a person must",
                 "[dispatch][webhook][Q3]") {
  there.is_list_broken = false;
  leave_unresolved();
  CHECK(deliver("x1", "a") == "a");
  CHECK(get("a").external_id == "x1");
}

TEST_CASE_METHOD(adoption_fixture, "a delivery about other work is no proof",
                 "[dispatch][webhook][Q3][W1]") {
  submit_once(mood::lose);
  CHECK(deliver(stray(R"({"steps":2})"), "a") == "unknown job");
  CHECK(deliver(stray(R"({"steps":1})", "me/model:v2"), "a") == "unknown job");
  CHECK(deliver(stray(R"({"steps":1})", ""), "a") == "unknown job");
  const auto same = stray(R"({"steps":1})");
  CHECK(deliver(same, "") == "unknown job");
  CHECK(deliver(same, "nobody") == "unknown job");
  there.shows_inputs = false;
  CHECK(deliver(same, "a") == "unknown job");
  there.shows_inputs = true;
  there.find(same)->created_at -= 1h;
  CHECK(deliver(same, "a") == "unknown job");
  is_signed = false;
  there.find(same)->created_at += 1h;
  CHECK(deliver(same, "a") == "unsigned");
  CHECK(get("a").external_id.empty());
  CHECK(open_attempts() == 1);
}

TEST_CASE_METHOD(adoption_fixture, "a query that names another's job is idle",
                 "[dispatch][webhook][W1]") {
  there.on_submit = [](auto&) { return mood::lose_created; };
  submit("a", "ann", R"({"steps":1})");
  submit("m", "mallory", R"({"steps":2})");
  settle();
  const auto of_mallory
    = there.made[0].job_id == "m" ? there.made[0].id : there.made[1].id;
  CHECK(deliver(of_mallory, "a") == "unknown job");
  CHECK(get("a").external_id.empty());
  CHECK(deliver(of_mallory, "m") == "m");
  CHECK(get("m").external_id == of_mallory);
}

TEST_CASE_METHOD(adoption_fixture, "what another job has is not adopted",
                 "[dispatch][webhook][Q2]") {
  submit("b");
  settle();
  REQUIRE(get("b").external_id == "x1");
  submit_once(mood::lose);
  there.made[0].status = job_status::running;
  CHECK(deliver("x1", "a") == "b");
  CHECK(get("b").status == job_status::running);
  CHECK(get("a").external_id.empty());
  CHECK(open_attempts() == 1);
}

TEST_CASE_METHOD(adoption_fixture, "what another job gets meanwhile is its own",
                 "[dispatch][webhook][Q2]") {
  there.on_submit = [](auto&) { return mood::lose_created; };
  submit("a");
  submit("b");
  settle();
  const auto open
    = ask<queue_snapshot>(store_itself, load_queue{{"c"}}).attempts;
  REQUIRE(open.size() == 2);
  const auto& of_b = open[open[0].job_id == "b" ? 0 : 1];
  knobs.on_request = [this, of_b](const caf::message& x) {
    record_submission other{{"c"}, "b", of_b.id};
    other.outcome.result = submission_result::accepted;
    other.outcome.seen.external_id = "x1";
    if (x.match_elements<reload_queue>())
      caf::anon_send(store_itself, other);
    return fate::pass;
  };
  CHECK(deliver("x1", "a") == "b");
  CHECK(get("a").external_id.empty());
}

TEST_CASE_METHOD(adoption_fixture, "a delivery may be faster than the answer",
                 "[dispatch][webhook][Q3]") {
  there.on_submit = [](auto&) { return mood::hang_created; };
  submit("a");
  settle();
  // Who still waits for the answer will know for sure.
  CHECK(deliver("x1", "a") == "unknown job");
  CHECK(get("a").external_id.empty());
  CHECK(!log.contains("WARNING", "that it does not follow"));
  advance(scheduler_settings.submit_timeout, 1s);
  CHECK(deliver("x1", "a") == "a");
  CHECK(get("a").external_id == "x1");
  CHECK(get("a").queue == queue_status::running);
  advance(15min, 1s);
  CHECK(there.submits.size() == 1);
  CHECK(get("a").external_id == "x1");
  CHECK(open_attempts() == 0);
  CHECK(!log.contains("ERROR", "a"));
}

TEST_CASE_METHOD(adoption_fixture, "a delivery and the answer may come at once",
                 "[dispatch][webhook][Q3]") {
  there.on_submit = [this](auto&) {
    const auto next = there.made.size() + 1;
    send("x" + std::to_string(next), "a");
    return mood::accept;
  };
  submit("a");
  settle();
  CHECK(get("a").external_id == "x1");
  CHECK(get("a").queue == queue_status::running);
  CHECK(open_attempts() == 0);
  there.on_submit = [](auto&) { return mood::accept; };
  submit("b"); // The scheduler lives.
  settle();
  CHECK(get("b").external_id == "x2");
}

TEST_CASE_METHOD(adoption_fixture, "two deliveries about one doubt are applied",
                 "[dispatch][webhook][Q3]") {
  submit_once(mood::lose_created);
  there.made[0].status = job_status::running;
  // Another one adopts between the two looks of this one.
  const auto open
    = ask<queue_snapshot>(store_itself, load_queue{{"c"}}).attempts;
  REQUIRE(open.size() == 1);
  knobs.on_request = [this, id = open[0].id](const caf::message& x) {
    record_submission other{{"c"}, "a", id};
    other.outcome.result = submission_result::accepted;
    other.outcome.seen.external_id = "x1";
    if (x.match_elements<reload_queue>())
      caf::anon_send(store_itself, other);
    return fate::pass;
  };
  CHECK(deliver("x1", "a") == "a");
  CHECK(get("a").status == job_status::running);
}

TEST_CASE_METHOD(adoption_fixture, "what was early is asked for after adoption",
                 "[dispatch][webhook][Q3]") {
  submit_once(mood::lose_created);
  there.made[0].status = job_status::running;
  // Once it is adopted the job is over, and no delivery says so.
  knobs.on_request = [this](const caf::message& x) {
    if (x.match_elements<record_submission>())
      there.made[0].status = job_status::completed;
    return fate::pass;
  };
  CHECK(deliver("x1", "a") == "a");
  CHECK(get("a").status == job_status::completed);
}

TEST_CASE_METHOD(adoption_fixture, "a second submission that shows up is told",
                 "[dispatch][webhook][Q3]") {
  submit("a");
  settle();
  REQUIRE(get("a").external_id == "x1");
  CHECK(deliver(stray(R"({"steps":1})"), "a") == "unknown job");
  CHECK(log.contains("WARNING", "replicate tells of a submission of job a that "
                                "it does not follow: x2"));
}

TEST_CASE_METHOD(adoption_fixture, "what is adopted too late is cancelled",
                 "[dispatch][webhook][Q3]") {
  submit_once(mood::lose_created);
  ask<job_found>(store_itself, end_job{{"c"}, "a", job_status::cancelled});
  CHECK(deliver("x1", "a") == "a");
  advance(1min, 1s);
  REQUIRE(there.cancels.size() == 1);
  CHECK(there.cancels[0].external_id == "x1");
  CHECK(get("a").status == job_status::cancelled);
  CHECK(open_attempts() == 0);
}

TEST_CASE("an attempt is found by what it has sent, not by its name",
          "[webhook][Q3]") {
  const auto input = input_of("replicate", R"({"a":1,"t":"${secret:T}"})");
  open_attempt sent{.id = 7, .job_id = "a", .provider = "replicate"};
  sent.version = input.version;
  sent.body = input.body;
  sent.fingerprint = input.fingerprint;
  provider_job seen{"x1"};
  seen.version = "v1";
  seen.input = R"({"t":"resolved","a":1})";
  const auto finds = [&](const open_attempt& x) {
    return attempt_behind({x}, "replicate", seen) != nullptr;
  };
  sent.state = attempt_state::claimed;
  CHECK(!finds(sent)); // Its answer is to come.
  for (const auto state :
       {attempt_state::in_doubt, attempt_state::unresolved}) {
    sent.state = state;
    CHECK(finds(sent));
    CHECK(!attempt_behind({sent}, "simpletuner_io", seen));
  }
  auto other = sent;
  other.external_id = "x0";
  CHECK(!finds(other));
  other = sent;
  other.state = attempt_state::released;
  CHECK(!finds(other));
  other.watched_since = timestamp{};
  // Its request may come late, and be this one.
  CHECK(!attempt_behind({other, sent}, "replicate", seen));
  other = sent;
  other.fingerprint.clear();
  CHECK(!finds(other));
  seen.input = R"({"a":2,"t":"resolved"})";
  CHECK(!finds(sent));
  CHECK(!attempt_behind({}, "replicate", seen));
}

TEST_CASE("a query names a job of sensible length or none", "[webhook]") {
  CHECK(job_named_in({}).empty());
  CHECK(job_named_in({{"a", "b"}, {"tunerd_job", "j1"}}) == "j1");
  CHECK(job_named_in({{"tunerd_job", std::string(65, 'a')}}).empty());
}
