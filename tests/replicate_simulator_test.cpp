#include "actors/replicate_simulator/replicate_simulator.hpp"
#include "tests/loopback_client.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <atomic>
#include <random>

using namespace tunerd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::loopback_client;

namespace {

/// The simulator on a real socket; its clock is the test's.
struct simulator_fixture {
  simulator_fixture() {
    simulator.start();
    client.connect(simulator.port());
  }

  static std::string request(const std::string& method,
                             const std::string& target,
                             const std::string& body = "") {
    return method + " " + target
           + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer x\r\n"
             "X-Correlation-ID: corr-1\r\nContent-Length: "
           + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  json ask(const std::string& method, const std::string& target,
           const std::string& body = "", int status = 200) {
    const auto reply = client.ask(request(method, target, body));
    INFO(method << " " << target << " answered " << reply.body);
    CHECK(reply.status == status);
    return json::parse(reply.body);
  }

  std::atomic<int64_t> seconds{1'700'000'000};
  std::mt19937_64 engine{1};
  replicate_simulator simulator{
    {.clock = [this] { return timestamp{std::chrono::seconds{seconds}}; },
     .random = [this] { return engine(); }}};
  loopback_client client;
};

const std::string submission = R"({"version": "o/m:v", "input": {"job": "j"}})";

} // namespace

TEST_CASE_METHOD(simulator_fixture, "every route answers over the wire",
                 "[replicate_simulator]") {
  CHECK(simulator.base_url()
        == "http://127.0.0.1:" + std::to_string(simulator.port()) + "/v1");
  const auto made = ask("POST", "/v1/predictions", submission, 201);
  const auto target = "/v1/predictions/" + made["id"].get<std::string>();
  seconds += 2;
  CHECK(ask("GET", target)["status"] == "processing");
  CHECK(ask("GET", "/v1/predictions")["results"].size() == 1);
  CHECK(ask("POST", target + "/cancel")["status"] == "canceled");
  CHECK(ask("GET", "/v1/account")["username"] == "simulator");
  CHECK(ask("GET", "/v1/models/a/b/versions")["results"].size() == 1);
  CHECK(ask("POST", "/simulator/faults", "{}")["latency_ms"] == 0);
  CHECK(ask("GET", "/simulator/stats")["by_job"]["j"]["created"] == 1);
  CHECK(ask("POST", "/simulator/reset").empty());
}

TEST_CASE_METHOD(simulator_fixture, "a call can hang, be cut or be late",
                 "[replicate_simulator]") {
  ask("POST", "/simulator/faults",
      R"({"submit": [{"kind": "hang", "created": true},
                     {"kind": "close", "created": true}]})");
  loopback_client hanging;
  hanging.connect(simulator.port());
  hanging.send(request("POST", "/v1/predictions", submission));
  CHECK_FALSE(hanging.hears_within(20ms));
  loopback_client cut;
  cut.connect(simulator.port());
  cut.send(request("POST", "/v1/predictions", submission));
  CHECK(cut.sees_close());
  CHECK(ask("GET", "/simulator/stats")["created"] == 2);
  ask("POST", "/simulator/faults", R"({"latency_ms": 40})");
  client.send(request("GET", "/v1/account"));
  CHECK_FALSE(client.hears_within(10ms));
  CHECK(client.receive().status == 200);
  simulator.stop();
  CHECK(hanging.sees_close());
}

TEST_CASE("an IPv6 simulator names itself in brackets",
          "[replicate_simulator]") {
  try {
    replicate_simulator simulator{{.host = "::1",
                                   .clock = [] { return timestamp{}; },
                                   .random = [] { return uint64_t{1}; }}};
    CHECK(simulator.origin()
          == "http://[::1]:" + std::to_string(simulator.port()));
  } catch (const std::system_error&) {
    return; // A machine without IPv6.
  }
}
