#include "actors/provider_gateway/http_client.hpp"
#include "actors/provider_gateway/provider_gateway.hpp"
#include "actors/replicate_simulator/replicate_simulator.hpp"
#include "messages/fingerprint.hpp"

#include "tests/http_client_fixture.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

// The actors with the real curl thread, as far as the simulator.

using namespace tunerd;
using namespace tunerd::test;
using namespace std::chrono_literals;

// -- the actor ----------------------------------------------------------------

namespace {

struct client_fixture {
  client_fixture() {
    cfg.add_message_types<caf::id_block::tunerd>();
    cfg.set("scheduler.max-threads", size_t{2});
  }

  template <class Answer, class Handle, class Message>
  caf::error ask(const Handle& whom, const Message& message, Answer& answer) {
    caf::error result;
    self->request(whom, 20s, message)
      .receive([&](Answer& x) { answer = std::move(x); },
               [&](caf::error& err) { result = std::move(err); });
    return result;
  }

  caf::actor_system_config cfg;
  caf::actor_system sys{cfg};
  caf::scoped_actor self{sys};
};

} // namespace

TEST_CASE_METHOD(client_fixture, "the client names itself and the work",
                 "[provider][http_client][L3][W6]") {
  std::promise<std::string> seen;
  tiny_server server{[&seen](peer& other) {
    seen.set_value(other.read_request());
    other.answer("hello");
  }};
  auto curl = std::make_shared<curl_thread>(settings());
  auto client = sys.spawn(http_client, curl);
  http_response response;
  CHECK(!ask(client, get(server.url()), response));
  CHECK(response.body == "hello");
  CHECK(response.ctx.correlation_id == "corr-1");
  const auto text = seen.get_future().get();
  CHECK(text.find("X-Correlation-ID: corr-1\r\n") != text.npos);
  CHECK(
    text.find("User-Agent: SimpleTuner-Cloud/1.0 tunerd/" TUNERD_VERSION "\r\n")
    != text.npos);
}

TEST_CASE_METHOD(client_fixture, "the client answers when its thread stops",
                 "[provider][http_client]") {
  gate reached;
  tiny_server server{[&](peer& other) {
    other.read_request();
    reached.open();
    other.wait_for_close();
  }};
  auto curl = std::make_shared<curl_thread>(settings());
  http_client_actor client = sys.spawn(http_client, curl);
  auto pending = self->request(client, 20s, post(server.url()));
  reached.wait();
  curl->stop();
  http_transfer transfer = http_transfer::answered;
  pending.receive([&](http_response& x) { transfer = x.transfer; },
                  [](caf::error&) {});
  CHECK(transfer == http_transfer::lost);
  http_response response;
  CHECK(code_of(ask(client, get(server.url()), response)) == ec::overloaded);
}

TEST_CASE_METHOD(client_fixture, "a late answer of a dead client hurts nobody",
                 "[provider][http_client]") {
  gate reached;
  tiny_server server{[&](peer& other) {
    other.read_request();
    reached.open();
    other.wait_for_close();
  }};
  auto curl = std::make_shared<curl_thread>(settings());
  http_client_actor client = sys.spawn(http_client, curl);
  self->send(client, post(server.url()));
  reached.wait();
  self->monitor(client);
  self->send_exit(client, caf::exit_reason::kill);
  self->receive([](const caf::down_msg&) {});
  curl->stop();
}

// -- the whole way to the simulator -------------------------------------------

namespace {

/// Gateway, client and simulator as the daemon has them.
struct simulator_fixture : client_fixture {
  simulator_fixture() {
    simulator.start();
    provider_gateway_settings x;
    x.replicate.base_url = simulator.base_url();
    x.replicate.token = "r8_x";
    x.replicate.version = "me/model:5f2";
    x.world = {.now = clock, .random = [] { return uint64_t{0}; }};
    gateway = sys.spawn(provider_gateway, x, sys.spawn(http_client, curl),
                        settings_store_actor{});
  }

  ~simulator_fixture() {
    curl->stop();
    // Its time-outs would keep it, and the system, alive until they fire.
    caf::anon_send_exit(gateway, caf::exit_reason::kill);
  }

  submission_outcome submit() {
    const context ctx{"corr-1"};
    prepare_job wish{ctx, "replicate"};
    wish.input = R"({"job": "j1"})";
    job_prepared prepared;
    CHECK(!ask(gateway, wish, prepared));
    submission_outcome outcome;
    CHECK(!ask(gateway,
               submit_to_provider{ctx, "replicate", "j1", prepared.input},
               outcome));
    return outcome;
  }

  /// Lets the next submission end with `fault`, a JSON object.
  void fail_submission(const std::string& fault) {
    auto request = post(simulator.origin() + "/simulator/faults",
                        R"({"submit": [)" + fault + "]}");
    request.headers = {{"content-type", "application/json"}};
    CHECK(call(*curl, request).status == 200);
  }

  std::vector<provider_job> listed() {
    provider_job_page page;
    CHECK(!ask(gateway,
               list_provider_jobs{
                 {"corr-1"}, "replicate", clock() - std::chrono::minutes{5}},
               page));
    return page.jobs;
  }

  std::atomic<int64_t> time{1'700'000'000};
  wall_clock clock = [this] { return timestamp{std::chrono::seconds{time}}; };
  std::atomic<uint64_t> bits{0};
  replicate_simulator simulator{
    {.clock = clock, .random = [this] { return ++bits * 0x9E3779B97F4A7C15; }}};
  std::shared_ptr<curl_thread> curl = std::make_shared<curl_thread>(settings());
  provider_desk_actor gateway;
};

} // namespace

TEST_CASE_METHOD(simulator_fixture, "a job goes its way at the simulator",
                 "[provider][http_client][replicate_simulator]") {
  const auto outcome = submit();
  REQUIRE(outcome.result == submission_result::accepted);
  CHECK(outcome.seen.status == job_status::queued);
  time += 2;
  const get_provider_job query{
    {"corr-1"}, "replicate", outcome.seen.external_id, "h100"};
  provider_job_found found;
  REQUIRE(!ask(gateway, query, found));
  CHECK(found.seen.status == job_status::running);
  CHECK(found.seen.version == "5f2");
  const auto jobs = listed();
  REQUIRE(jobs.size() == 1);
  CHECK(jobs[0].external_id == outcome.seen.external_id);
  CHECK(jobs[0].input == R"({"job":"j1"})");
  provider_job_cancelled cancelled;
  REQUIRE(!ask(gateway,
               cancel_provider_job{query.ctx, "replicate", query.external_id},
               cancelled));
  CHECK(cancelled.seen.status == job_status::cancelled);
}

TEST_CASE_METHOD(simulator_fixture, "the simulator tells account and logs",
                 "[provider][http_client][replicate_simulator]") {
  provider_validated account;
  REQUIRE(!ask(gateway, validate_provider{{"corr-1"}, "replicate"}, account));
  CHECK(account.valid);
  CHECK(account.user_info.find("simulator") != std::string::npos);
  const auto outcome = submit();
  get_provider_job query{{"corr-1"}, "replicate", outcome.seen.external_id};
  time += 3;
  provider_job_found found;
  REQUIRE(!ask(gateway, query, found));
  CHECK(found.seen.logs.empty());
  query.with_logs = true;
  REQUIRE(!ask(gateway, query, found));
  CHECK(found.seen.logs.ends_with("step 5/10\nValidation\nTraining\n"));
  time += 10;
  query.with_logs = false;
  REQUIRE(!ask(gateway, query, found));
  CHECK(found.seen.logs.ends_with("Saving checkpoint\n"));
}

TEST_CASE_METHOD(simulator_fixture, "a delivery is judged by a fetched secret",
                 "[provider][http_client][replicate_simulator][webhook]") {
  read_webhook forged{{"corr-1"},
                      "replicate",
                      {{"webhook-id", "msg_1"},
                       {"webhook-timestamp", std::to_string(time)},
                       {"webhook-signature", "v1,forged"}}};
  webhook_read read;
  CHECK(code_of(ask(gateway, forged, read)) == ec::invalid_signature);
}

TEST_CASE_METHOD(simulator_fixture, "an answer that got lost leaves one job",
                 "[provider][http_client][replicate_simulator][Q3]") {
  fail_submission(R"({"kind": "close", "created": true})");
  CHECK(submit().result == submission_result::in_doubt);
  CHECK(listed().size() == 1);
  fail_submission(R"({"kind": "garbage", "created": true})");
  CHECK(submit().result == submission_result::in_doubt);
  CHECK(listed().size() == 2);
  fail_submission(R"({"kind": "status", "status": 429, "retry_after": 7})");
  const auto throttled = submit();
  CHECK(throttled.result == submission_result::not_accepted);
  CHECK(throttled.retry_after == 7s);
  CHECK(listed().size() == 2);
}

TEST_CASE_METHOD(simulator_fixture, "a runtime is kept to by the provider",
                 "[provider][http_client][replicate_simulator]") {
  const auto ends_as = [this](caf::timespan runtime, int64_t seconds) {
    const context ctx{"corr-1"};
    submit_to_provider command{ctx, "replicate", "j1", {"me/model:5f2"}};
    command.input.body = R"({"simulate":{"queue_ms":60000,"run_ms":600000}})";
    command.input.max_runtime = runtime;
    submission_outcome outcome;
    REQUIRE(!ask(gateway, command, outcome));
    time += seconds;
    provider_job_found found;
    REQUIRE(
      !ask(gateway,
           get_provider_job{ctx, "replicate", outcome.seen.external_id, "h100"},
           found));
    return found.seen.raw_status;
  };
  CHECK(ends_as(2min, 119) == "processing");
  CHECK(ends_as(2min, 120) == "canceled");
  CHECK(ends_as(1min, 60) == "aborted");    // before it started
  CHECK(ends_as(61s, 119) == "processing"); // whole minutes, never fewer
  CHECK(ends_as(0s, 660) == "succeeded");
}

TEST_CASE_METHOD(simulator_fixture, "the newest version is asked over the wire",
                 "[provider][http_client][replicate_simulator][W5]") {
  prepare_job wish{{"corr-1"}, "replicate"};
  wish.version = "me/model";
  wish.input = "{}";
  job_prepared prepared;
  REQUIRE(!ask(gateway, wish, prepared));
  CHECK(prepared.input.version == "me/model:" + sha256_hex("me/model"));
}
