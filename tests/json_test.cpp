#include "actors/queue_scheduler/job_queue.hpp"
#include "messages/approval_json.hpp"
#include "messages/json.hpp"

#include <nlohmann/json.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <vector>

using namespace tunerd;
using namespace std::chrono_literals;
using nlohmann::ordered_json;

namespace {

timestamp at(int64_t ms) {
  return timestamp{std::chrono::milliseconds{ms}};
}

std::vector<std::string> keys(const ordered_json& x) {
  std::vector<std::string> out;
  for (const auto& [key, value] : x.items())
    out.push_back(key);
  return out;
}

job sample() {
  return {.id = "00000000000000aa",
          .row = 7,
          .provider = "replicate",
          .user_id = "12",
          .created_at = at(1'705'314'600'123),
          .correlation_id = "corr-1",
          .queued_at = at(1'705'314'600'123)};
}

} // namespace

TEST_CASE("times are UTC with three decimals and a Z", "[json]") {
  CHECK(utc_text(at(1'705'314'600'000)) == "2024-01-15T10:30:00.000Z");
  CHECK(utc_text(at(1'709'251'199'999)) == "2024-02-29T23:59:59.999Z");
  CHECK(utc_text(timestamp{1ns}) == "1970-01-01T00:00:00.000Z");
  CHECK(utc_text(timestamp{-1ns}) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("ids that are canonical decimals are numbers", "[json]") {
  CHECK(id_json("7") == 7);
  CHECK(id_json("0") == 0);
  CHECK(id_json("999999999999999") == 999'999'999'999'999);
  CHECK(id_json("").is_null());
  for (const auto* text :
       {"007", "-7", "7.0", "1e3", "vision", " 7", "9007199254740993"})
    CHECK(id_json(text) == text);
}

TEST_CASE("money is USD, exact to the micro-dollar", "[json]") {
  CHECK(usd_json(caf::none).is_null());
  CHECK(usd_json(2'500'000).dump() == "2.5");
  CHECK(usd_json(0).dump() == "0.0");
  std::mt19937_64 random{11};
  for (int i = 0; i < 10'000; ++i) {
    const auto micros = static_cast<int64_t>(random() % 1'000'000'000'000);
    const auto text = usd_json(micros).dump();
    REQUIRE(std::llround(std::stod(text) * 1e6) == micros);
  }
}

TEST_CASE("a job has the documented fields, absent ones as null", "[json]") {
  const auto x = job_json(sample(), {.now = at(1'705'314'700'000)});
  const std::vector<std::string> expected{
    "job_id",           "job_type",         "provider",      "status",
    "config_name",      "created_at",       "started_at",    "completed_at",
    "cost_usd",         "hardware_type",    "error_message", "output_url",
    "user_id",          "metadata",         "is_terminal",   "is_active",
    "duration_seconds", "queue_position",   "org_id",        "team_id",
    "external_id",      "hardware_profile", "queue_status",  "attempt",
    "correlation_id"};
  CHECK(keys(x) == expected);
  CHECK(x["job_id"] == "00000000000000aa");
  CHECK(x["user_id"] == 12);
  CHECK(x["created_at"] == "2024-01-15T10:30:00.123Z");
  CHECK(x["attempt"] == 1);
  for (const auto* key : {"config_name", "started_at", "cost_usd", "org_id",
                          "queue_position", "duration_seconds"})
    CHECK(x[key].is_null());
}

TEST_CASE("a job has a position only while it is pending", "[json][Q10]") {
  auto x = sample();
  CHECK(job_json(x, {.position = 3})["queue_position"] == 3);
  x.status = job_status::running;
  x.queue = queue_status::running;
  CHECK(!job_json(x, {.position = 3}).contains("queue_position"));
  CHECK(entry_json(x, {.position = 3})["position"].is_null());
}

TEST_CASE("a duration ends with the job, or now", "[json]") {
  auto x = sample();
  x.started_at = at(1000);
  CHECK(job_json(x, {.now = at(3500)})["duration_seconds"] == 2.5);
  x.completed_at = at(2250);
  CHECK(job_json(x, {.now = at(3500)})["duration_seconds"] == 1.25);
  x.completed_at = at(500); // the provider's clock is not ours
  CHECK(job_json(x, {})["duration_seconds"] == 0);
}

TEST_CASE("metadata that is no sane object is left out", "[json]") {
  auto x = sample();
  x.metadata = R"({"model":"m","n":{"a":[1]}})";
  CHECK(job_json(x, {})["metadata"]["n"]["a"][0] == 1);
  for (const auto& text :
       {std::string{}, std::string{"[1]"}, std::string{"{"},
        std::string(100'000, '['),
        R"({"a":)" + std::string(100, '[') + std::string(100, ']') + "}"}) {
    x.metadata = text;
    CHECK(job_json(x, {})["metadata"] == ordered_json::object());
  }
}

TEST_CASE("an entry shows how long waiting has raised it", "[json][Q5]") {
  auto x = sample();
  const job_view view{
    .now = x.queued_at + 125min, .starvation_threshold = 60min, .position = 1};
  const auto entry = entry_json(x, view);
  CHECK(entry["id"] == 7);
  CHECK(entry["priority"] == 10);
  CHECK(entry["priority_name"] == "normal");
  CHECK(entry["effective_priority"] == 30);
  CHECK(entry["position"] == 1);
  x.priority_override = 45;
  CHECK(entry_json(x, view)["effective_priority"] == 45);
  x.priority_override = 35;
  CHECK(entry_json(x, view)["effective_priority"] == 40);
  x.queue = queue_status::running;
  CHECK(entry_json(x, view)["effective_priority"] == 35);
}

TEST_CASE("what is shown as priority is what the queue goes by", "[json][Q5]") {
  constexpr unsigned seed = 3;
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  auto x = sample();
  for (int i = 0; i < 10'000; ++i) {
    const auto base = static_cast<int32_t>(random() % 51);
    const auto waited = std::chrono::seconds{random() % 40'000};
    const auto threshold = std::chrono::minutes{random() % 200 + 1};
    x.priority_override = base;
    const auto shown = effective_priority(
      x, {.now = x.queued_at + waited, .starvation_threshold = threshold});
    if (shown != effective_priority(base, waited, threshold))
      FAIL(base << " after " << waited.count() << " s");
  }
}

TEST_CASE("statistics are counts of rows, never constants", "[json][Q10]") {
  queue_stats stats;
  stats.by_status = {{"pending", 4}, {"ready", 1}, {"running", 2}};
  stats.by_user = {{"7", 5}, {"ann", 2}};
  const auto x = stats_json(stats, {});
  CHECK(x["queue_depth"] == 4);
  CHECK(x["running"] == 3);
  CHECK(x["avg_wait_seconds"].is_null());
  CHECK(x["by_status"].size() == 7);
  CHECK(x["by_status"]["blocked"] == 0);
  CHECK(x["by_user"] == ordered_json({{"7", 5}, {"ann", 2}}));
  CHECK(x["max_concurrent"] == 5);
  CHECK(x["local_gpu_max_concurrent"].is_null());
  CHECK(x["local"].is_null());
  stats.average_wait = 1500ms;
  CHECK(stats_json(stats, {})["avg_wait_seconds"] == 1.5);
}

TEST_CASE("an entry names the approval it needed", "[json][A1]") {
  auto x = sample();
  CHECK(entry_json(x, {})["requires_approval"] == false);
  CHECK(entry_json(x, {})["approval_id"].is_null());
  x.queue = queue_status::blocked;
  x.approval_id = 9;
  CHECK(entry_json(x, {})["requires_approval"] == true);
  CHECK(entry_json(x, {})["approval_id"] == 9);
}

TEST_CASE("a rule has the documented fields", "[json]") {
  approval_rule x{.id = 3,
                  .name = "dear",
                  .condition = rule_condition::config_pattern,
                  .threshold = "^flux",
                  .exempt_levels = {"admin"},
                  .created_at = at(1'705'314'600'000),
                  .created_by = "7"};
  const auto rule = rule_json(x);
  const std::vector<std::string> expected{"id",
                                          "name",
                                          "description",
                                          "condition",
                                          "threshold",
                                          "is_active",
                                          "priority",
                                          "applies_to_provider",
                                          "applies_to_level",
                                          "exempt_levels",
                                          "required_approver_level",
                                          "created_at",
                                          "created_by"};
  CHECK(keys(rule) == expected);
  CHECK(rule["condition"] == "config_pattern");
  CHECK(rule["exempt_levels"][0] == "admin");
  CHECK(rule["applies_to_level"].is_null());
  CHECK(rule["required_approver_level"] == "lead");
  CHECK(rule["created_by"] == 7);
  x.deadline_seconds = 60;
  CHECK(rule_json(x)["deadline_seconds"] == 60);
}

TEST_CASE("a request has the documented fields and two of ours", "[json]") {
  approval x{.id = 5,
             .job_id = "j1",
             .user_id = "12",
             .estimated_cost_micros = 2'500'000,
             .created_at = at(1'705'314'600'000)};
  const auto request = approval_json(x);
  const std::vector<std::string> expected{"id",
                                          "job_id",
                                          "user_id",
                                          "rule_id",
                                          "status",
                                          "reason",
                                          "provider",
                                          "config_name",
                                          "estimated_cost",
                                          "hardware_type",
                                          "reviewed_by",
                                          "reviewed_at",
                                          "review_notes",
                                          "created_at",
                                          "expires_at",
                                          "required_approver_level",
                                          "correlation_id"};
  CHECK(keys(request) == expected);
  CHECK(request["status"] == "pending");
  CHECK(request["user_id"] == 12);
  CHECK(request["estimated_cost"] == 2.5);
  for (const auto* key :
       {"rule_id", "reviewed_by", "reviewed_at", "expires_at"})
    CHECK(request[key].is_null());
  x.rule_id = 3;
  x.expires_at = at(1'705'314'700'000);
  CHECK(approval_json(x)["rule_id"] == 3);
  CHECK(approval_json(x)["expires_at"] == "2024-01-15T10:31:40.000Z");
}

TEST_CASE("a constraint without a limit says null", "[json][Q10]") {
  const auto x = constraint_json({.kind = "turn", .used = 2});
  CHECK(x["limit"].is_null());
  CHECK(x["scope"].is_null());
  CHECK(x["used"] == 2);
  CHECK(x["holders"] == ordered_json::array());
  CHECK(!x.contains("until"));
}
