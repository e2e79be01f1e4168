// Every command of tunerctl against a real daemon, and its live views on a
// real terminal.

#include "tests/integration/process.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sys/wait.h>

using namespace tunerd::test;
using nlohmann::json;

namespace {

struct said {
  int code = -1;
  std::string text;

  bool has(const std::string& part) const {
    return text.find(part) != std::string::npos;
  }
};

/// A daemon with a simulator inside, and tunerctl to talk to it.
struct tunerctl_fixture {
  scratch dir;
  tunerd_process tunerd{dir,
                        {"--simulate"},
                        {},
                        "background: {job_status_polling: "
                        "{interval_seconds: 1}}\n"};
  int calls = 0;

  tunerctl_fixture() {
    REQUIRE(tunerd.ready());
  }

  said run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {TUNERCTL, "--url", tunerd.url});
    process child{std::move(arguments),
                  {},
                  dir.path + "/tunerctl-" + std::to_string(++calls)};
    const auto code = child.wait();
    return {code, child.output()};
  }

  /// Runs it, as a table and as JSON. @returns the table.
  said shows(const std::vector<std::string>& arguments) {
    auto for_programs = arguments;
    for_programs.insert(for_programs.end(), {"-o", "json"});
    const auto machine = run(for_programs);
    INFO(machine.text);
    CHECK(machine.code == 0);
    CHECK(!json::parse(machine.text, nullptr, false).is_discarded());
    const auto result = run(arguments);
    INFO(result.text);
    CHECK(result.code == 0);
    CHECK(!result.has("\033")); // no terminal, no colours
    return result;
  }

  std::string submit(int run_ms, const json& more = json::object()) {
    json body = {{"input", {{"simulate", {{"run_ms", run_ms}}}}}};
    body.update(more);
    std::ofstream{dir.path + "/job.json"} << body;
    const auto answer = run({"-o", "json", "submit", dir.path + "/job.json"});
    INFO(answer.text);
    REQUIRE(answer.code == 0);
    return json::parse(answer.text)["job_id"];
  }

  std::string status(const std::string& job) {
    return tunerd.get("/api/cloud/jobs/" + job).json()["job"]["status"];
  }

  /// The id of the request for approval of a job that is submitted now.
  std::string request() {
    const auto id = submit(50, {{"requires_approval", true}});
    return tunerd.get("/api/approvals/requests/job/" + id).json()["id"].dump();
  }
};

/// A program on a terminal of its own.
class on_terminal {
public:
  explicit on_terminal(const std::vector<std::string>& arguments) {
    master_ = ::posix_openpt(O_RDWR | O_NOCTTY);
    REQUIRE(::grantpt(master_) == 0);
    REQUIRE(::unlockpt(master_) == 0);
    const std::string name = ::ptsname(master_);
    std::vector<char*> argv;
    for (const auto& x : arguments)
      argv.push_back(const_cast<char*>(x.c_str()));
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::setsid();
      const int tty = ::open(name.c_str(), O_RDWR);
      ::dup2(tty, 1);
      ::dup2(tty, 2);
      ::setenv("TERM", "xterm", 1);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::fcntl(master_, F_SETFL, O_NONBLOCK);
  }

  ~on_terminal() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(master_);
  }

  on_terminal(const on_terminal&) = delete;
  on_terminal& operator=(const on_terminal&) = delete;

  /// @returns everything it has written so far.
  const std::string& seen() {
    char bytes[4096];
    for (ssize_t n; (n = ::read(master_, bytes, sizeof bytes)) > 0;)
      seen_.append(bytes, static_cast<size_t>(n));
    return seen_;
  }

  bool shows(const std::string& text) {
    return eventually([&] { return seen().find(text) != std::string::npos; });
  }

  /// Interrupts it. @returns the signal that ended it.
  int interrupt() {
    ::kill(pid_, SIGINT);
    int status = 0;
    const auto is_over
      = eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
    seen();
    if (!is_over)
      return -1;
    pid_ = -1;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

private:
  int master_ = -1;
  pid_t pid_ = -1;
  std::string seen_;
};

} // namespace

TEST_CASE_METHOD(tunerctl_fixture, "tunerctl follows a job through its life",
                 "[integration][tunerctl]") {
  const auto id = submit(50);
  REQUIRE(eventually([&] { return status(id) == "completed"; }));
  CHECK(shows({"jobs"}).has(id));
  CHECK(shows({"jobs", "--status", "completed", "--limit", "5"}).has(id));
  CHECK(shows({"job", id}).has("completed"));
  CHECK(shows({"logs", id}).code == 0);
  CHECK(shows({"position", id}).has(id));
  CHECK(shows({"progress", id}).has("last_log"));
  CHECK(shows({"why", id}).has("completed"));
  CHECK(run({"events"}).has(id));
  CHECK(run({"cancel", id}).code == 1); // it is over
  const auto other = submit(60'000);
  CHECK(run({"delete", other}).has("409"));
  CHECK(shows({"stats"}).has("cost_by_user"));
  CHECK(run({"cancel", other}).has("cancelled"));
  CHECK(run({"resolve", other, "fail"}).code == 1);
  const auto trace = tunerd.get("/api/cloud/jobs/" + id)
                       .json()["job"]["correlation_id"]
                       .get<std::string>();
  CHECK(shows({"trace", trace}).has("submitted"));
  CHECK(run({"delete", id}).has("is deleted"));
  CHECK(run({"job", id}).code == 1);
  CHECK(shows({"sync"}).has("Discovered"));
}

TEST_CASE_METHOD(tunerctl_fixture, "tunerctl shows and orders the queue",
                 "[integration][tunerctl]") {
  CHECK(shows({"limits", "user_max_concurrent=1"}).has("user_max_concurrent"));
  const auto first = submit(60'000);
  const auto second = submit(60'000);
  CHECK(shows({"queue"}).has(second));
  CHECK(shows({"queue", "--me"}).has("1 pending"));
  CHECK(shows({"queue", "--user", "local"}).has(second));
  CHECK(shows({"queue", "--status", "pending"}).has(second));
  CHECK(!run({"queue", "--status", "pending"}).has(first));
  CHECK(shows({"why", second}).has(first));
  CHECK(run({"priority", second, "45"}).has("has priority 45, had 30"));
  CHECK(shows({"priority", second, "none"}).has("has priority 30"));
  CHECK(run({"priority", second, "51"}).has("400"));
  CHECK(run({"priority", second, "high"}).has("want 0 to 50"));
  CHECK(run({"limits", "nonsense"}).code == 1);
  CHECK(shows({"process"}).has("0 dispatched"));
  CHECK(shows({"cleanup", "--days", "7"}).has("0 entries taken out"));
  CHECK(run({"cancel", second}).code == 0);
}

TEST_CASE_METHOD(tunerctl_fixture, "tunerctl decides about many at once",
                 "[integration][tunerctl]") {
  CHECK(shows({"conditions"}).has("cost_exceeds"));
  const auto rule = run({"-o", "json", "create-rule", "dear", "cost_exceeds",
                         "10", "--approver", "lead", "--exempt", "viewer"});
  INFO(rule.text);
  REQUIRE(rule.code == 0);
  CHECK(shows({"rules"}).has("dear"));
  CHECK(run({"create-rule", "odd", "cost_exceeds", "much"}).has("400"));
  CHECK(run({"delete-rule", json::parse(rule.text)["id"].dump()}).code == 0);
  CHECK(!run({"rules"}).has("dear"));

  const auto one = request();
  const auto two = request();
  const auto three = request();
  const auto four = request();
  CHECK(shows({"approvals"}).has("4 pending"));
  CHECK(shows({"approvals", "--me"}).has("4 pending"));
  CHECK(shows({"request", one}).has("pending"));
  CHECK(shows({"extend", one, "--hours", "48"}).has("now expires"));
  const auto bulk = run({"approve", one, two, "999999"});
  CHECK(bulk.code == 1); // one of them is not there
  CHECK(bulk.has(one + "  done\n" + two + "  done\n999999  "));
  CHECK(bulk.has("1 of 3 failed"));
  const auto job
    = tunerd.get("/api/approvals/requests/" + three).json()["job_id"];
  CHECK(shows({"request", job}).has(job));
  const auto rest = run({"reject", job, one, "--reason", "no"});
  CHECK(rest.code == 1);
  CHECK(rest.has(job.get<std::string>() + "  done\n"));
  CHECK(run({"cancel-request", four}).has("cancelled"));
  CHECK(shows({"approvals", "--status", "all"}).has("rejected"));
  const auto five = request();
  CHECK(run({"reject", five, "--reason", "no"}).has("is rejected"));
  CHECK(run({"approve", five}).code == 1);
}

TEST_CASE_METHOD(tunerctl_fixture, "tunerctl looks after the daemon",
                 "[integration][tunerctl]") {
  CHECK(shows({"workers"}).has("job_poller"));
  CHECK(shows({"providers"}).has("replicate"));
  CHECK(shows({"provider", "replicate"}).has("webhook_url"));
  CHECK(shows({"provider", "replicate", "cost_limit_amount=50"}).has("50"));
  CHECK(run({"provider", "replicate", "cost_limit_amount=much"}).code == 1);
  CHECK(shows({"validate", "replicate"}).has("accepts the credential"));
  CHECK(shows({"polling", "off"}).has("is_active         false"));
  CHECK(shows({"polling", "auto"}).has("preference        -"));
  CHECK(run({"test-webhook", "https://127.0.0.1/x"}).code == 1);
  CHECK(shows({"costs"}).has("total_cost"));
  CHECK(shows({"cost-limit"}).has("enabled"));
  CHECK(shows({"health"}).has("database"));
  CHECK(shows({"metrics", "tunerd_restarts"}).has("tunerd_restarts_total 0\n"));
  CHECK(shows({"expire"}).has("0 expired"));
  CHECK(shows({"log-level", "simpletuner.cloud.queue", "DEBUG"}).has("DEBUG"));
  CHECK(shows({"create-rule", "dear", "cost_exceeds", "5"}).has("dear"));
  CHECK(shows({"change-rule", "1", "--active", "off"}).has("false"));
  CHECK(shows({"change-rule", "1", "--threshold", "7"}).has("7"));
  CHECK(shows({"change-rule", "1", "--level", "viewer"}).has("viewer"));
  CHECK(!shows({"change-rule", "1", "--level", ""}).has("viewer"));
  CHECK(run({"change-rule", "1"}).has("nothing to change"));
  CHECK(run({"change-rule", "99", "--threshold", "7"}).code == 1);
  CHECK(shows({"worker", "job_poller", "refresh"}).has("done"));
  CHECK(run({"worker", "store", "stop"}).has("409"));
  const auto top = shows({"top"}); // there is no terminal: once
  CHECK(top.has("queue  0 pending"));
  CHECK(top.has("job_poller"));
  CHECK(top.has("replicate"));
  CHECK(shows({"top", "--once"}).has("EVENTS"));
}

TEST_CASE("tunerctl says what is wrong, and how it ended",
          "[integration][tunerctl]") {
  const scratch dir;
  int calls = 0;
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), TUNERCTL);
    process child{
      std::move(arguments), {}, dir.path + "/out-" + std::to_string(++calls)};
    const auto code = child.wait();
    return said{code, child.output()};
  };
  const auto url = "http://127.0.0.1:" + std::to_string(free_port());
  for (const auto* command : {"jobs", "workers", "top", "events"}) {
    const auto answer = run({"--url", url, command});
    CHECK(answer.code == 1);
    CHECK(answer.text
          == "tunerctl: no daemon at " + url + ": is it running?\n");
  }
  CHECK(run({"fly"}).code == 2);
  CHECK(run({"job"}).code == 2);
  CHECK(run({"--help"}).has("Exit codes: 0 done, 1"));
  CHECK(run({"--version"}).code == 0);
  CHECK(run({"submit", dir.path + "/none"}).has("cannot be read"));
}

TEST_CASE("the completion of bash works", "[integration][tunerctl]") {
  const scratch dir;
  const auto script = dir.path + "/completion";
  {
    process child{{TUNERCTL, "completion", "bash"}, {}, script};
    REQUIRE(child.wait() == 0);
  }
  int calls = 0;
  const auto bash = [&](const std::string& code) {
    process child{{"/bin/bash", "-c", code},
                  {},
                  dir.path + "/out-" + std::to_string(++calls)};
    CHECK(child.wait() == 0);
    return child.output();
  };
  CHECK(bash("bash -n " + script).empty());
  CHECK(bash("source " + script + "; complete -p tunerctl")
        == "complete -o default -F _tunerctl tunerctl\n");
  const auto completed = [&](const std::string& words, int at) {
    return bash("source " + script + "; COMP_WORDS=(" + words + "); COMP_CWORD="
                + std::to_string(at) + "; _tunerctl; echo ${COMPREPLY[@]}");
  };
  CHECK(completed("tunerctl app", 1) == "approvals approve\n");
  CHECK(completed("tunerctl extend 5 --ho", 3) == "--hours\n");
  CHECK(completed("tunerctl --url http://x jobs --st", 4) == "--status\n");
}

TEST_CASE_METHOD(tunerctl_fixture, "top gives the terminal back",
                 "[integration][tunerctl]") {
  on_terminal top{{TUNERCTL, "--url", tunerd.url, "top"}};
  CHECK(top.shows("\033[?1049h"));
  CHECK(top.shows("http_gateway"));
  const auto id = submit(50);
  CHECK(top.shows(id)); // from the stream
  CHECK(top.interrupt() == SIGINT);
  CHECK(top.seen().ends_with("\033[?7h\033[?25h\033[?1049l"));
}

TEST_CASE_METHOD(tunerctl_fixture, "a watched list changes",
                 "[integration][tunerctl]") {
  on_terminal jobs{{TUNERCTL, "--url", tunerd.url, "jobs", "--watch=1"}};
  CHECK(jobs.shows("0 of 0 jobs"));
  const auto id = submit(50);
  CHECK(jobs.shows(id));
  CHECK(jobs.shows("\033[32mcompleted\033[0m")); // in colour
  CHECK(jobs.interrupt() == SIGINT);
  CHECK(jobs.seen().ends_with("\033[?1049l"));
}
