#include "runtime/tunerctl/command_line.hpp"
#include "runtime/tunerctl/commands.hpp"
#include "runtime/tunerctl/completion.hpp"
#include "runtime/tunerctl/screen.hpp"
#include "runtime/tunerctl/sse_parser.hpp"
#include "runtime/tunerctl/table.hpp"
#include "runtime/tunerctl/timeline.hpp"
#include "runtime/tunerctl/top.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <random>
#include <sstream>
#include <vector>

using namespace tunerd::tunerctl;

namespace {

std::vector<std::string> events_of(sse_parser& parser, std::string_view bytes) {
  std::vector<std::string> result;
  parser.feed(bytes, [&result](const sse_event& e) {
    result.push_back(e.id + "|" + e.type + "|" + e.data);
  });
  return result;
}

/// What tunerctl makes of arguments.
struct parsed {
  command_line x = {};
  CLI::App app{"", "tunerctl"};

  explicit parsed(std::vector<std::string> arguments) {
    describe(app, x);
    std::reverse(arguments.begin(), arguments.end()); // as CLI11 wants them
    app.parse(arguments);
  }
};

/// @returns all commands, as the program lists them.
std::vector<std::string> commands() {
  command_line x;
  CLI::App app{"", "tunerctl"};
  describe(app, x);
  std::vector<std::string> result;
  for (const auto* command : app.get_subcommands({}))
    result.push_back(command->get_name());
  return result;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("the stream parser reads events however they are cut", "[tunerctl]") {
  const std::string stream = "retry: 3000\n\n:comment\nid: 1\ndata: {\"a\":1}"
                             "\n\nid: 2\r\nevent: gap\r\ndata: x\r\ndata: y"
                             "\r\n\r\nid: 3\n\n";
  sse_parser whole;
  const auto expected = events_of(whole, stream);
  CHECK(expected == std::vector<std::string>{"1||{\"a\":1}", "2|gap|x\ny"});
  CHECK(whole.last_id() == "3");
  std::mt19937 random{7};
  for (int round = 0; round < 1000; ++round) {
    sse_parser parser;
    std::vector<std::string> seen;
    for (size_t i = 0; i < stream.size();) {
      const auto count = std::min<size_t>(random() % 9 + 1, stream.size() - i);
      for (auto& e : events_of(parser, stream.substr(i, count)))
        seen.push_back(std::move(e));
      i += count;
    }
    REQUIRE(seen == expected);
  }
}

TEST_CASE("a table is aligned and cannot steer the terminal", "[tunerctl]") {
  const auto rows = nlohmann::json::parse(
    R"([{"a": "long value", "b": 1}, {"a": null, "b": "x\u001b[2J"}])");
  CHECK(render_table({{"A", "a"}, {"B", "b"}}, rows)
        == "A           B\nlong value  1\n-           x [2J\n");
}

TEST_CASE("late control characters steer no terminal either", "[tunerctl]") {
  CHECK(harmless("a\xc2\x9b"
                 "2Jb\n\x1b[m\x7f\tc")
        == "a 2Jb\n [m \tc");
  CHECK(harmless("\xc2\xa0 \xc3\x9b \xc2") == "\xc2\xa0 \xc3\x9b \xc2");
  CHECK(cell("x\n\xc2\x80y\xc2\x9f") == "x  y ");
  CHECK(cell({{"x", "\xc2\x9b"}}) == "{\"x\":\" \"}");
  std::mt19937 random{11};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    while (random() % 12 != 0)
      text += "\xc2\x9b\xc3\x80\x1b\n\x7f"[random() % 8];
    const auto shown = harmless(text, "");
    INFO(round);
    for (size_t i = 0; i < shown.size(); ++i) {
      const auto c = static_cast<unsigned char>(shown[i]);
      REQUIRE(c >= ' ');
      REQUIRE(c != 0x7f);
      if (c == 0xc2 && i + 1 < shown.size())
        REQUIRE((static_cast<unsigned char>(shown[i + 1]) & 0xe0) != 0x80);
    }
  }
}

TEST_CASE("JSON is plain text on a terminal, and exact elsewhere",
          "[tunerctl]") {
  const nlohmann::json answer = {{"x", "\xc2\x9bü\x7f"}};
  std::ostringstream shown;
  session{.to = {}, .json = true, .out = shown, .to_terminal = true}.print(
    answer, "");
  CHECK(shown.str() == "{\n  \"x\": \"\\u009b\\u00fc\\u007f\"\n}\n");
  std::ostringstream stored;
  session{.to = {}, .json = true, .out = stored}.print(answer, "");
  CHECK(nlohmann::json::parse(stored.str()) == answer);
  CHECK(has(stored.str(), "ü"));
}

TEST_CASE("a decision about many says what became of each", "[tunerctl]") {
  std::ostringstream out;
  const session s{.to = {.url = "nowhere://"}, .out = out};
  std::vector<std::string> ids{"job-1"};
  for (int i = 1; i <= 150; ++i)
    ids.push_back(std::to_string(i));
  CHECK_THROWS_WITH(approve(s, ids, ""), "151 of 151 failed");
  const auto text = out.str();
  CHECK(std::count(text.begin(), text.end(), '\n') == 151);
  CHECK(has(text, "job-1  nowhere://: "));
  CHECK(has(text, "\n1  nowhere://: "));
  CHECK(has(text, "\n150  nowhere://: "));
}

TEST_CASE("a trace is one list in order of time", "[tunerctl]") {
  const auto trace = nlohmann::json::parse(R"({
    "correlation_id": "abc",
    "jobs": [{"job_id": "j1", "status": "completed", "created_at": "T1",
              "provider": "replicate", "user_id": 7}],
    "attempts": [{"id": 1, "job_id": "j1", "attempt": 1, "state": "accepted",
                  "claimed_at": "T3", "closed_at": "T5",
                  "external_id": "p1"}],
    "approvals": [{"id": 5, "job_id": "j1", "status": "approved",
                   "reason": "dear", "created_at": "T1", "reviewed_by": "ann",
                   "reviewed_at": "T2", "expires_at": null}],
    "events": [{"id": 9, "timestamp": "T6", "type": "job_status_changed",
                "job_id": "j1", "data": {"status": "running"}}],
    "audit": [{"timestamp": "T2", "user_id": "ann", "token": null,
               "action": "approval.approve", "subject": "5",
               "details": "x\u001b[2J"}],
    "log": {"file": true, "truncated": true, "lines": [
      {"timestamp": "T4", "level": "INFO", "logger": "simpletuner.cloud.queue",
       "message": "Dispatching\u001b", "fields": {"job_id": "j1", "n": 2}}]}
  })");
  CHECK(timeline(trace)
        == "T1  job       j1  submitted  provider=replicate  user_id=7"
           "  now=completed\n"
           "T1  approval  j1  requested  id=5  reason=dear  now=approved\n"
           "T2  approval  j1  approved  id=5  reviewed_by=ann\n"
           "T2  audit     5  approval.approve  user_id=ann  details=x [2J\n"
           "T3  attempt   j1  claimed  attempt=1\n"
           "T4  INFO      simpletuner.cloud.queue  Dispatching   job_id=j1"
           "  n=2\n"
           "T5  attempt   j1  closed  attempt=1  state=accepted"
           "  external_id=p1\n"
           "T6  event     j1  job_status_changed  id=9  status=running\n"
           "(log: there may be more lines than these)\n");
  CHECK(timeline(nlohmann::json::object())
        == "nothing is known under this id\n");
}

TEST_CASE("a table shows states in colour, and only if it may", "[tunerctl]") {
  const auto rows = nlohmann::json::parse(
    R"([{"a": "running", "b": "failed"}, {"a": "x", "b": "half_open"},
        {"a": "ü", "b": null}])");
  const std::vector<column> columns{{"A", "a"}, {"B", "b", true}};
  CHECK(render_table(columns, rows)
        == "A        B\nrunning  failed\nx        half_open\nü        -\n");
  CHECK(render_table(columns, rows, true)
        == "\033[1mA\033[0m        \033[1mB\033[0m\n"
           "running  \033[31mfailed\033[0m\n"
           "x        \033[33mhalf_open\033[0m\n"
           "ü        -\n");
}

TEST_CASE("options of all commands may stand anywhere", "[tunerctl]") {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"-o", "json", "--url", "http://x", "jobs"},
        {"jobs", "-o", "json", "--url", "http://x"}}) {
    const parsed y{arguments};
    CHECK(y.x.output == "json");
    CHECK(y.x.to.url == "http://x");
    CHECK(y.x.run);
    CHECK(y.x.watch_seconds == 0);
  }
}

TEST_CASE("a list is watched every two seconds, or as told", "[tunerctl]") {
  for (const auto* command : {"jobs", "queue", "approvals", "rules", "workers",
                              "providers", "stats"}) {
    CHECK(parsed({command, "--watch"}).x.watch_seconds == 2);
    CHECK(parsed({command, "--watch=7"}).x.watch_seconds == 7);
  }
  CHECK_THROWS_AS(parsed({"job", "j1", "--watch"}), CLI::ParseError);
}

TEST_CASE("arguments reach their command", "[tunerctl]") {
  CHECK(parsed({"approve", "1", "2", "j3", "--notes", "ok"}).x.ids
        == std::vector<std::string>{"1", "2", "j3"});
  const parsed rule{{"create-rule", "dear", "cost_exceeds", "10", "--exempt",
                     "admin,lead", "--priority", "-5"}};
  CHECK(rule.x.rule.threshold == "10");
  CHECK(rule.x.rule.exempt == std::vector<std::string>{"admin", "lead"});
  CHECK(rule.x.rule.priority == -5);
  CHECK(parsed({"priority", "j1", "none"}).x.priority == "none");
  const parsed off{{"change-rule", "3", "--active", "off", "--priority", "0"}};
  CHECK(off.x.id == "3");
  CHECK(off.x.rule.active == "off");
  CHECK(off.x.rule.priority == 0);
  CHECK_FALSE(parsed({"change-rule", "3"}).x.rule.priority);
  CHECK(parsed({"approvals", "--me"}).x.own);
  CHECK(parsed({"request", "j1"}).x.id == "j1");
  CHECK(parsed({"progress", "j1"}).x.id == "j1");
  CHECK(parsed({"provider", "replicate", "a=1", "b="}).x.changes.size() == 2);
  CHECK(parsed({"polling", "auto"}).x.decision == "auto");
  CHECK(parsed({"polling"}).x.decision.empty());
  const parsed hook{{"test-webhook", "https://x/y", "--timeout", "5"}};
  CHECK(hook.x.webhook.url == "https://x/y");
  CHECK(hook.x.webhook.timeout_seconds == 5);
  CHECK(parsed({"metrics", "tunerd_"}).x.text == "tunerd_");
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{},
        {"fly"},
        {"reject", "1"},
        {"delete"},
        {"cleanup", "--days", "0"},
        {"queue", "--me", "--user", "7"},
        {"change-rule"},
        {"change-rule", "1", "--active", "maybe"},
        {"polling", "sometimes"},
        {"test-webhook", "https://x", "--timeout", "31"},
        {"completion", "tcsh"},
        {"worker", "store", "shoot"},
        {"extend", "1", "--hours", "169"}})
    CHECK_THROWS_AS(parsed(wrong), CLI::ParseError);
}

TEST_CASE("what a rule had is taken back, or stays", "[tunerctl]") {
  const auto said = [](std::vector<std::string> options) {
    options.insert(options.begin(), {"change-rule", "3"});
    return body_of(parsed(options).x.rule);
  };
  CHECK(said({}) == nlohmann::json::object());
  CHECK(
    said({"--provider", "", "--level", "", "--exempt", "", "--approver", "",
          "--description", "", "--threshold", "", "--deadline-seconds", "0"})
    == nlohmann::json::parse(
      R"({"applies_to_provider": null, "applies_to_level": null,
              "exempt_levels": null, "required_approver_level": null,
              "description": null, "threshold": null,
              "deadline_seconds": null})"));
  CHECK(said({"--provider", "p", "--exempt", "lead,admin", "--priority", "0",
              "--deadline-seconds", "60", "--active", "off"})
        == nlohmann::json::parse(
          R"({"applies_to_provider": "p", "exempt_levels": ["lead", "admin"],
              "priority": 0, "deadline_seconds": 60, "is_active": false})"));
  const parsed created{{"create-rule", "dear", "cost_exceeds", "10"}};
  CHECK(body_of(created.x.rule)
        == nlohmann::json::parse(R"({"name": "dear", "threshold": "10",
                                     "condition": "cost_exceeds"})"));
}

TEST_CASE("completions know every command and option", "[tunerctl]") {
  command_line x;
  CLI::App app{"", "tunerctl"};
  describe(app, x);
  REQUIRE(commands().size() > 30);
  for (const auto* shell : {"bash", "zsh", "fish"}) {
    const auto script = completion(app, shell);
    INFO(script);
    for (const auto& command : commands())
      CHECK(has(script, command));
    CHECK(has(script, shell == std::string{"fish"} ? "-l hours" : "--hours"));
  }
  CLI::App odd;
  odd.add_subcommand("x", "it's");
  CHECK(has(completion(odd, "zsh"), "'x:it'\\''s'"));
}

namespace {

top_view busy() {
  return {.url = "http://h:1",
          .seen = nlohmann::json::parse(R"({
    "health": {"version": "1.2", "status": "healthy", "uptime_seconds": 3725},
    "stats": {"queue_depth": 12, "running": 3, "max_concurrent": 5,
              "avg_wait_seconds": 1.5, "by_status": {"blocked": 2},
              "cost_by_day": {"2024-01-14": 9.0, "2024-01-15": 3.25}},
    "workers": {"workers": [{"name": "store", "state": "running",
                             "restarts": 0, "mailbox_age_seconds": 0.25,
                             "last_error": null}]},
    "providers": {"providers": [
      {"name": "replicate", "is_configured": true, "budgets": [
        {"kind": "create", "left": 5, "per_minute": 600},
        {"kind": "other", "left": 0, "per_minute": 3000,
         "throttled_seconds": 30}]},
      {"name": "simpletuner_io", "is_configured": false}]},
    "breakers": {"circuit_breakers": [
      {"name": "replicate-api", "state": "open"},
      {"name": "simpletuner-io-api", "state": "closed"},
      {"name": "simpletuner-io-auth", "state": "half_open"}]}
  })"),
          .events = {"1  first", "2  second", "3  third"}};
}

} // namespace

TEST_CASE("top shows what there is", "[tunerctl][top]") {
  CHECK(render_top(busy())
        == "tunerd 1.2  healthy  up 1:02:05  http://h:1\n"
           "queue  12 pending, 3 of 5 slots held, 2 blocked, mean wait 1.5 s, "
           "3.25 USD on 2024-01-15\n"
           "\n"
           "WORKER  STATE    RESTARTS  MAILBOX AGE S  LAST ERROR\n"
           "store   running  0         0.25           -\n"
           "\n"
           "PROVIDER        CONFIGURED  BREAKER            BUDGETS LEFT\n"
           "replicate       true        open               create 5/600, other "
           "0/3000 still for 30 s\n"
           "simpletuner_io  false       closed, half_open  -\n"
           "\n"
           "EVENTS\n1  first\n2  second\n3  third\n");
}

TEST_CASE("an assignment is JSON, or else text", "[tunerctl]") {
  CHECK(object_of({"a=1", "b=x y", "c=", "d=null", "e=[\"f=g\"]", "h=i=j"})
        == nlohmann::json::parse(R"({"a": 1, "b": "x y", "c": "", "d": null,
                                     "e": ["f=g"], "h": "i=j"})"));
  CHECK_THROWS_AS(object_of({"a"}), failure);
  CHECK_THROWS_AS(object_of({"=1"}), failure);
}

TEST_CASE("the rate is read from the head of an answer", "[tunerctl][top]") {
  rate_seen rate;
  for (const auto* line :
       {"HTTP/1.1 200 OK\r\n", "X-RateLimit-Limit: 100\r\n",
        "x-ratelimit-remaining:  7\r\n", "X-RateLimit-Reset: 1030\r\n",
        "X-RateLimit-Limit: many\r\n", "\r\n"})
    note_rate(rate, line, 1000);
  CHECK(rate.limit == 100);
  CHECK(rate.left == 7);
  CHECK(rate.renewed_in == std::chrono::seconds{30});
  note_rate(rate, "X-RateLimit-Reset: 99999999", 1000);
  CHECK(rate.renewed_in == std::chrono::seconds{60});
  note_rate(rate, "X-RateLimit-Reset: 3", 1000);
  CHECK(rate.renewed_in == std::chrono::seconds{0});
}

TEST_CASE("no head makes top reckon wrongly", "[tunerctl][top]") {
  constexpr int64_t now = 1'700'000'000;
  const std::vector<std::string> values{"9223372036854775807",
                                        "-9223372036854775808",
                                        "99999999999999999999",
                                        "-1",
                                        "0",
                                        "1"};
  for (const auto& limit : values)
    for (const auto& left : values)
      for (const auto& reset : values) {
        rate_seen rate;
        note_rate(rate, "X-RateLimit-Limit: " + limit, now);
        note_rate(rate, "X-RateLimit-Remaining: " + left, now);
        note_rate(rate, "X-RateLimit-Reset: " + reset, now);
        INFO(limit << ' ' << left << ' ' << reset);
        CHECK(rate.limit >= 0);
        CHECK(rate.left >= 0);
        CHECK(rate.renewed_in.count() % 60 == 0);
        const auto rest = rest_between_looks(rate);
        CHECK(rest.count() >= 1);
        CHECK(rest.count() <= 60);
      }
}

TEST_CASE("top asks as often as half of the rate allows", "[tunerctl][top]") {
  using s = std::chrono::seconds;
  CHECK(rest_between_looks({}) == s{1}); // no limit
  CHECK(rest_between_looks({100, 90, s{50}}) == s{5});
  CHECK(rest_between_looks({100, 10, s{50}}) == s{50});
  CHECK(rest_between_looks({100, 10, s{2}}) == s{5});
  CHECK(rest_between_looks({10'000, 9'000, s{60}}) == s{1});
  CHECK(rest_between_looks({1, 0, s{20}}) == s{60});
  std::mt19937 random{17};
  for (int round = 0; round < 2000; ++round) {
    const auto limit = static_cast<int64_t>(random() % 1000 + 1);
    const auto left = static_cast<int64_t>(random() % 1000) % (limit + 1);
    const auto rest = rest_between_looks({limit, left, s{random() % 61}});
    INFO(limit);
    REQUIRE(rest >= s{1});
    REQUIRE(rest <= s{60});
    if (limit >= 8)
      REQUIRE(2 * 4 * 60 <= limit * rest.count());
  }
}

TEST_CASE("top keeps the newest events that have room", "[tunerctl][top]") {
  auto x = busy();
  x.rows = 13;
  CHECK(render_top(x).ends_with("EVENTS\n2  second\n3  third\n"));
  x.rows = 3;
  CHECK(render_top(x).ends_with("EVENTS\n"));
}

TEST_CASE("top says what it may not see", "[tunerctl][top]") {
  auto x = busy();
  x.seen["workers"] = {{"failure", "HTTP 403: takes an admin\033[2J"}};
  x.seen.erase("breakers");
  x.seen["stats"] = nlohmann::json::object();
  CHECK(has(render_top(x), "workers: HTTP 403: takes an admin [2J\n"));
  x.seen = {{"health", {{"failure", "no daemon"}}}};
  CHECK(render_top(x) == "no daemon\n");
}

TEST_CASE("a redrawn screen is cut to its lines", "[tunerctl][top]") {
  CHECK(redrawn("a\nb\nc\n", 2) == "\033[Ha\033[K\r\nb\033[K\033[J");
  CHECK(redrawn("", 5) == "\033[H\033[J");
}
