#include "actors/sse_broadcaster/subscription.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <random>

using namespace tunerd;

namespace {

event_frame frame(std::string type, std::string job, std::string user,
                  std::string org) {
  return {1, std::move(type), std::move(job), std::move(user), std::move(org),
          {}};
}

event_page page(int64_t oldest, int64_t head, std::vector<int64_t> ids) {
  event_page result;
  result.oldest = oldest;
  result.head = head;
  for (auto id : ids)
    result.events.push_back({id, {}, "job_status_changed"});
  return result;
}

} // namespace

TEST_CASE("a caller sees its own, a lead its org's, an admin all",
          "[sse][E2]") {
  const auto x = frame("job_status_changed", "j1", "alice", "acme");
  const auto ownerless = frame("job_status_changed", "j1", "", "acme");
  const auto orgless = frame("job_status_changed", "j1", "bob", "");
  const auto worker = frame("worker_status", "", "", "");
  const auto claimed = frame("worker_status", "", "alice", "acme");
  using level = caller_level;
  struct row {
    caller who;
    bool x, ownerless, orgless, worker, claimed;
  };
  const row rows[] = {
    {{"root", "", "", level::admin}, true, true, true, true, true},
    {{"alice", "acme", "", level::viewer}, true, false, false, false, false},
    {{"alice", "", "", level::researcher}, true, false, false, false, false},
    {{"carol", "acme", "", level::lead}, true, false, false, false, false},
    {{"carol", "acme", "", level::researcher},
     false,
     false,
     false,
     false,
     false},
    {{"carol", "other", "", level::lead}, false, false, false, false, false},
    {{"carol", "", "", level::lead}, false, false, false, false, false},
    {{"bob", "", "", level::viewer}, false, false, true, false, false},
    {{"", "", "", level::lead}, false, false, false, false, false},
  };
  for (const auto& row : rows) {
    INFO(row.who.user_id << " of " << row.who.org_id << ", level "
                         << static_cast<int>(row.who.level));
    CHECK(wants({row.who}, x) == row.x);
    CHECK(wants({row.who}, ownerless) == row.ownerless);
    CHECK(wants({row.who}, orgless) == row.orgless);
    CHECK(wants({row.who}, worker) == row.worker);
    CHECK(wants({row.who}, claimed) == row.claimed);
  }
}

TEST_CASE("filters never widen what a caller may see", "[sse][E2]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 dice{seed};
  const auto one_of = [&dice](std::initializer_list<const char*> values) {
    return std::string{values.begin()[dice() % values.size()]};
  };
  for (int i = 0; i < 20'000; ++i) {
    const auto x = frame(
      one_of({"job_status_changed", "worker_status", "approval_expired"}),
      one_of({"j1", "j2", ""}), one_of({"alice", "bob", ""}),
      one_of({"acme", "evil", ""}));
    subscription any;
    any.who.user_id = one_of({"alice", "bob", ""});
    any.who.org_id = one_of({"acme", "evil", ""});
    any.who.level
      = std::array{caller_level::viewer, caller_level::researcher,
                   caller_level::lead, caller_level::admin}[dice() % 4];
    auto narrow = any;
    narrow.job_id = one_of({"j1", "j2", ""});
    if (dice() % 2 == 0)
      narrow.types = {one_of({"job_status_changed", "worker_status"})};
    const bool fits = (narrow.job_id.empty() || narrow.job_id == x.job_id)
                      && (narrow.types.empty() || narrow.types[0] == x.type);
    REQUIRE(wants(narrow, x) == (fits && wants(any, x)));
    if (wants(any, x) && any.who.level != caller_level::admin)
      REQUIRE((!x.user_id.empty() && x.type != "worker_status"
               && may_see(any.who, x.user_id, x.org_id)));
  }
}

TEST_CASE("filters narrow by type and by job, both at once", "[sse]") {
  const auto x = frame("job_status_changed", "j1", "alice", "");
  CHECK(wants({{}, {}, ""}, x));
  CHECK(wants({{}, {"worker_status", "job_status_changed"}, ""}, x));
  CHECK(!wants({{}, {"worker_status"}, ""}, x));
  CHECK(wants({{}, {}, "j1"}, x));
  CHECK(!wants({{}, {}, "j2"}, x));
  CHECK(!wants({{}, {"job_status_changed"}, "j2"}, x));
  CHECK(!wants({{}, {"job_status_changed"}, "j1"},
               frame("job_status_changed", "", "alice", "")));
}

TEST_CASE("Last-Event-ID is a decimal number or nothing we gave", "[sse]") {
  using kind = stream_start::kind;
  const std::tuple<const char*, kind, int64_t> cases[] = {
    {"", kind::live, 0},
    {"0", kind::after_id, 0},
    {"17", kind::after_id, 17},
    {"9223372036854775807", kind::after_id, INT64_MAX},
    {"9223372036854775808", kind::malformed, 0},
    {"-1", kind::malformed, 0},
    {"-0", kind::malformed, 0},
    {"+1", kind::malformed, 0},
    {" 1", kind::malformed, 0},
    {"1x", kind::malformed, 0},
    {"0x1", kind::malformed, 0},
    {"1\n2", kind::malformed, 0},
    {"abc", kind::malformed, 0},
  };
  for (const auto& [text, from, after] : cases) {
    INFO(text);
    CHECK(parse_start(text).from == from);
    CHECK(parse_start(text).after == after);
  }
}

TEST_CASE("a replay starts where the subscriber is, or says what is gone",
          "[sse][E1]") {
  struct row {
    int64_t after;
    event_page page;
    bool has_gap;
    int64_t from, to;
    int64_t upto;
  };
  const row rows[] = {
    {5, page(1, 9, {6, 7, 8}), false, 0, 0, 8},
    {0, page(1, 9, {1, 2}), false, 0, 0, 2},
    {0, page(0, 0, {}), false, 0, 0, 0},
    {9, page(1, 9, {}), false, 0, 0, 9},
    {4, page(7, 9, {7, 8}), true, 5, 6, 8},
    {6, page(7, 9, {7, 8}), false, 0, 0, 8},
    {4, page(0, 9, {}), true, 5, 9, 9},
    {9, page(0, 9, {}), false, 0, 0, 9},
    {10, page(1, 9, {}), true, 1, 9, 9},
    {10, page(0, 0, {}), true, 0, 0, 0},
  };
  for (const auto& row : rows) {
    INFO("after " << row.after << ", oldest " << row.page.oldest << ", head "
                  << row.page.head);
    const auto plan = plan_replay(row.after, row.page);
    CHECK(plan.upto == row.upto);
    REQUIRE(plan.gap.has_value() == row.has_gap);
    if (plan.gap) {
      CHECK(plan.gap->from == row.from);
      CHECK(plan.gap->to == row.to);
    }
  }
  CHECK(plan_replay(10, page(1, 9, {})).gap->reason == gap_reason::future_id);
}
