// A job that somebody must agree to, through the whole daemon and tunerctl.

#include "tests/integration/process.hpp"

#include <catch2/catch.hpp>

#include <csignal>

using namespace tunerd::test;
using nlohmann::json;

namespace {

/// A daemon with a simulator inside, and tunerctl to talk to it.
struct daemon_fixture {
  scratch dir;
  tunerd_process tunerd{dir,
                        {"--simulate"},
                        {},
                        "background: {job_status_polling: "
                        "{interval_seconds: 1}}\n"};
  int calls = 0;

  daemon_fixture() {
    REQUIRE(tunerd.ready());
  }

  /// Runs tunerctl. @returns its exit code; `said` gets what it printed.
  int tunerctl(std::vector<std::string> arguments, std::string& said) {
    arguments.insert(arguments.begin(), {TUNERCTL, "--url", tunerd.url});
    process child{std::move(arguments),
                  {},
                  dir.path + "/tunerctl-" + std::to_string(++calls)};
    const auto code = child.wait();
    said = child.output();
    return code;
  }

  json submit(json more) {
    json body = {{"input", {{"simulate", {{"run_ms", 100}}}}}};
    body.update(more);
    const auto reply = tunerd.post("/api/cloud/jobs/submit", body);
    INFO(reply.body);
    REQUIRE(reply.status == 200);
    return reply.json();
  }

  json entry(const std::string& job) {
    return tunerd.get("/api/cloud/jobs/" + job).json().at("job");
  }
};

} // namespace

TEST_CASE_METHOD(daemon_fixture, "a blocked job runs after tunerctl approve",
                 "[integration][A1][A5]") {
  const auto rule = tunerd.post("/api/approvals/rules",
                                {{"name", "expensive"},
                                 {"condition", "cost_exceeds"},
                                 {"threshold", "10"},
                                 {"required_approver_level", "lead"}});
  INFO(rule.body);
  REQUIRE(rule.status == 200);
  const auto cheap = submit({{"estimated_cost", 1.5}});
  const auto dear = submit({{"estimated_cost", 99}});
  CHECK(cheap["requires_approval"] == false);
  CHECK(dear["requires_approval"] == true);
  CHECK(dear["queue_status"] == "blocked");
  const auto id = dear["job_id"].get<std::string>();
  REQUIRE(eventually([&] {
    return entry(cheap["job_id"].get<std::string>())["status"] == "completed";
  }));
  CHECK(entry(id)["status"] == "pending");
  std::string said;
  CHECK(tunerctl({"why", id}, said) == 0);
  CHECK(said.find("approval") != std::string::npos);
  CHECK(tunerctl({"approve", id, "--notes", "fine"}, said) == 0);
  CHECK(said.find("may run") != std::string::npos);
  CHECK(eventually([&] { return entry(id)["status"] == "completed"; }));
  CHECK(tunerctl({"approve", id}, said) == 1);
  int told = 0; // by one of those who take part, and no other
  for (const auto& line : tunerd.child.log_lines())
    told += line.value("message", "").starts_with("Approved job " + id) ? 1 : 0;
  CHECK(told == 1);
  CHECK(tunerctl({"approvals", "--status", "all"}, said) == 0);
  CHECK(said.find("approved") != std::string::npos);
  CHECK(tunerctl({"trace", dear["correlation_id"].get<std::string>()}, said)
        == 0);
  CHECK(said.find("approval") != std::string::npos);
  CHECK(said.find("status=completed") != std::string::npos);
}

TEST_CASE_METHOD(daemon_fixture,
                 "a request expires on time and takes its job along",
                 "[integration][A2][A3][A4]") {
  process events{{"/usr/bin/curl", "-sN", tunerd.url + "/api/events"},
                 {},
                 dir.path + "/events.txt"};
  REQUIRE(eventually([&] {
    return events.output().find("event: connection") != std::string::npos;
  }));
  const auto began = std::chrono::steady_clock::now();
  const auto reply
    = submit({{"requires_approval", true}, {"approval_deadline_seconds", 3}});
  const auto id = reply["job_id"].get<std::string>();
  const auto request = std::to_string(reply["approval_id"].get<int>());
  REQUIRE(eventually([&] {
    return events.output().find("\"approval_expired\"") != std::string::npos;
  }));
  const auto took = std::chrono::steady_clock::now() - began;
  CHECK(took >= std::chrono::seconds{3});
  CHECK(took < std::chrono::seconds{4});
  const auto job = entry(id);
  CHECK(job["status"] == "cancelled");
  CHECK(job["queue_status"] == "failed");
  const auto error = job["error_message"].get<std::string>();
  CHECK(error.find("Approval request expired after 3") == 0);
  std::string said;
  CHECK(tunerctl({"approve", request}, said) == 1);
  CHECK(said.find("409") != std::string::npos);
}

TEST_CASE("a request that expired while the daemon was down ends its job",
          "[integration][A2]") {
  scratch dir;
  std::string id;
  {
    tunerd_process tunerd{dir, {"--simulate"}};
    REQUIRE(tunerd.ready());
    const auto reply = tunerd.post("/api/cloud/jobs/submit",
                                   {{"input", {{"steps", 1}}},
                                    {"requires_approval", true},
                                    {"approval_deadline_seconds", 1}});
    REQUIRE(reply.status == 200);
    id = reply.json()["job_id"].get<std::string>();
    tunerd.child.signal(SIGKILL);
    tunerd.child.wait();
  }
  const auto until
    = std::chrono::steady_clock::now() + std::chrono::milliseconds{1500};
  eventually([&] { return std::chrono::steady_clock::now() > until; });
  tunerd_process tunerd{dir, {"--simulate"}};
  REQUIRE(tunerd.ready());
  CHECK(eventually([&] {
    return tunerd.get("/api/cloud/jobs/" + id).json()["status"] == "cancelled";
  }));
}
