#include "actors/sse_broadcaster/subscription.hpp"

#include "tests/store_fixture.hpp"

#include <random>
#include <set>

// Who sees what: lists and objects of the real store and events of a stream
// against one rule, written down here once more (REFERENCE 3, "Sees").

using namespace tunerd;
using namespace tunerd::test;

namespace {

constexpr unsigned seed = 20240117;

const std::vector<std::string> users{"ann", "bob", "cid", "dan"};
const std::vector<std::string> orgs{"", "acme", "umbrella"};

template <class T>
const T& any_of(const std::vector<T>& from, std::mt19937& random) {
  return from[random() % from.size()];
}

const std::vector<caller_level> levels{caller_level::viewer,
                                       caller_level::researcher,
                                       caller_level::lead, caller_level::admin};

caller any_caller(std::mt19937& random) {
  return {.user_id = any_of(users, random),
          .org_id = any_of(orgs, random),
          .level = any_of(levels, random)};
}

bool should_see(const caller& who, const std::string& user,
                const std::string& org) {
  switch (who.level) {
    case caller_level::admin: return true;
    case caller_level::lead:
      if (org == who.org_id && org != "")
        return true;
      [[fallthrough]];
    default: return user == who.user_id;
  }
}

} // namespace

TEST_CASE("whoever may see something is who should", "[http_auth][E2]") {
  INFO("seed " << seed);
  std::mt19937 random{seed};
  int wrong = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto who = any_caller(random);
    const auto user = any_of(users, random), org = any_of(orgs, random);
    wrong += may_see(who, user, org) != should_see(who, user, org);
    const event_frame frame{i, "job_status_changed", "j", user, org, ""};
    wrong += wants({who}, frame) != should_see(who, user, org);
    const event_frame internal{i, "worker_status", "", "", "", ""};
    wrong += wants({who}, internal) != (who.level == caller_level::admin);
  }
  CHECK(wrong == 0);
}

TEST_CASE_METHOD(store_fixture, "lists and objects show what may be seen",
                 "[http_auth][E2]") {
  INFO("seed " << seed);
  std::mt19937 random{seed};
  std::vector<job> stored;
  for (int i = 0; i < 60; ++i) {
    auto x = submission("j" + std::to_string(i), any_of(users, random));
    x.subject.org_id = any_of(orgs, random);
    stored.push_back(ask<job_submitted>(aut, x).subject);
  }
  for (int i = 0; i < 60; ++i) {
    const auto who = any_caller(random);
    std::set<std::string> expected, listed, queued;
    for (const auto& x : stored)
      if (should_see(who, x.user_id, x.org_id))
        expected.insert(x.id);
    list_jobs jobs{{"corr-list"}, who};
    jobs.limit = 500;
    const auto page = ask<job_list>(aut, jobs);
    for (const auto& x : page.jobs)
      listed.insert(x.id);
    list_queue queue{{"corr-list"}, who};
    queue.limit = 200;
    for (const auto& x : ask<queue_page>(aut, queue).entries)
      queued.insert(x.id);
    INFO(who.user_id << " of " << who.org_id << ", " << to_string(who.level));
    CHECK(listed == expected);
    CHECK(queued == expected);
    CHECK(page.total == static_cast<int64_t>(expected.size()));
    const auto& one = any_of(stored, random);
    const get_job query{{"corr-get"}, who, one.id};
    if (expected.count(one.id) > 0)
      CHECK(ask<job_found>(aut, query).subject.id == one.id);
    else
      CHECK(refused<job_found>(query) == ec::permission_denied);
  }
}
