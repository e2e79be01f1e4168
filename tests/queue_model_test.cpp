#include "actors/queue_scheduler/explanation.hpp"

#include "tests/queue_model.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <random>
#include <set>

// The index against the naive model, over random histories.

using namespace std::chrono_literals;
using namespace tunerd;
using namespace tunerd::test;

namespace {

using ids = std::vector<std::string>;

const timestamp epoch{std::chrono::hours{24 * 365 * 50}};

/// Few for the suite; TUNERD_HISTORIES=100000 for a long run.
unsigned histories(unsigned usual) {
  const auto* wanted = std::getenv("TUNERD_HISTORIES");
  const auto count = wanted != nullptr ? std::atoi(wanted) : int(usual);
  REQUIRE(count > 0);
  return static_cast<unsigned>(count);
}

/// The same as text, to be compared and read.
std::string told(const std::vector<queue_constraint>& all) {
  std::string result;
  for (const auto& x : all) {
    result += x.kind + " " + x.scope + " " + std::to_string(x.used) + "/"
              + std::to_string(x.limit) + ":";
    for (const auto& job_id : x.holders)
      result += " " + job_id;
    result += "\n";
  }
  return result;
}

/// Random operations on both queues; they must always agree. What is checked
/// is REQUIREd only if it is wrong: an assertion costs more than a step.
struct comparison {
  std::mt19937 random;
  /// Ids that are used. Few jobs and short histories meet the corners sooner.
  int jobs_max = 24;
  job_queue fast{1h};
  queue_model slow = {};
  timestamp now = epoch;
  int64_t rows = 0;
  /// By kind of party (org, team, user), who was passed by whom, and at which
  /// priority, since its last turn.
  std::map<std::tuple<size_t, size_t, int32_t>, int> passed = {};

  int pick(int count) {
    return std::uniform_int_distribution{0, count - 1}(random);
  }

  int some_job() {
    return 1 + pick(jobs_max);
  }

  static std::string name(int id) {
    return model_job::name('j', id);
  }

  void change_entry() {
    model_job x{.id = some_job(), .row = ++rows};
    x.provider = pick(4) == 0 ? 1 : 2;
    x.user = 1 + pick(4);
    x.org = pick(3);
    x.team = pick(3);
    x.priority = pick(3) == 0 ? pick(51) : 10;
    x.queued_at = now - pick(300) * 1min;
    if (pick(4) == 0)
      x.not_before = now + (pick(60) - 30) * 1s;
    const auto status = static_cast<queue_status>(pick(8) == 0 ? pick(7) : 0);
    x.status = status;
    fast.update(x.entry());
    if (status == queue_status::pending || holds_slot(status))
      slow.put(x);
    else
      slow.erase(x.id);
  }

  /// Its row is read again: nothing may change.
  void repeat_entry() {
    const auto i = slow.jobs.find(some_job());
    if (i != slow.jobs.end())
      fast.update(i->second.entry());
  }

  /// A claim was refused: it waits again.
  void put_back() {
    const auto i = slow.jobs.find(some_job());
    if (i == slow.jobs.end())
      return;
    i->second.status = queue_status::pending;
    fast.update(i->second.entry());
    const auto until = now + pick(3) * 1s;
    fast.postpone(name(i->first), until);
    i->second.not_before = std::max(i->second.not_before, until);
  }

  void change_limits() {
    auto& x = slow.limits;
    x.max_concurrent = pick(12);
    x.user_max_concurrent = pick(4);
    x.team_max_concurrent = pick(4);
    x.org_max_concurrent = pick(5);
    x.provider_max_concurrent = pick(3) == 0 ? 1 + pick(6) : 0;
    if (pick(3) == 0)
      x.enable_fair_share = !x.enable_fair_share;
    fast.set_limits(x);
  }

  void change_room() {
    const auto provider = 1 + pick(2);
    slow.rooms[provider] = pick(4);
    fast.set_room(model_job::name('p', provider), slow.rooms[provider]);
  }

  /// Mostly forward. The clock may be set back; what was due stays due.
  void change_time() {
    if (pick(20) > 0) {
      now += pick(40) * 1min;
      return;
    }
    auto earlier = now - pick(100) * 1min;
    for (const auto& [id, x] : slow.jobs)
      if (x.not_before <= now)
        earlier = std::max(earlier, x.not_before);
    now = earlier;
  }

  /// Everything is read again; some has gone meanwhile.
  void renew() {
    fast.begin_renewal();
    if (pick(4) == 0)
      fast.begin_renewal(); // the first was given up
    std::vector<int> gone;
    for (const auto& [id, x] : slow.jobs)
      if (pick(8) == 0)
        gone.push_back(id);
      else
        fast.update(x.entry());
    fast.end_renewal();
    for (const auto id : gone)
      slow.erase(id);
  }

  void erase(int id) {
    fast.erase(name(id));
    slow.erase(id);
  }

  void hold(int id) {
    fast.hold(name(id));
    if (auto i = slow.jobs.find(id); i != slow.jobs.end())
      i->second.status = queue_status::ready;
  }

  void choose_one() {
    auto before = slow;
    const auto chosen = slow.choose(now, 1);
    const auto found = fast.choose(now, 1);
    if (found != chosen)
      REQUIRE(found == chosen);
    if (chosen.empty())
      return;
    const auto id = std::stoi(chosen[0].substr(1));
    check_limits(id);
    if (slow.limits.enable_fair_share)
      check_turns(before, before.jobs.at(id));
  }

  void check_limits(int id) {
    slow.visit_limits(slow.jobs.at(id),
                      [&](const char* scope, int32_t limit, auto is_theirs) {
                        INFO(scope);
                        if (limit > 0)
                          REQUIRE(std::ssize(slow.holders(is_theirs)) <= limit);
                      });
  }

  /// `x` was chosen; those that could have been instead are passed.
  void check_turns(const queue_model& before, const model_job& x) {
    const auto priority = before.priority_of(x, now);
    const auto own = queue_model::parties_of(x);
    std::set<std::pair<size_t, size_t>> pairs;
    for (const auto& [id, y] : before.jobs) {
      if (before.priority_of(y, now) != priority || !before.can_start(y, now))
        continue;
      const auto theirs = queue_model::parties_of(y);
      size_t kind = 0; // the first in which they differ
      while (kind < 3 && theirs[kind] == own[kind])
        ++kind;
      if (kind < 3)
        pairs.emplace(theirs[kind], own[kind]);
    }
    for (const auto& [theirs, ours] : pairs)
      if (++passed[{theirs, ours, priority}] > 1)
        FAIL("party " << theirs << " was passed twice by " << ours);
    std::erase_if(passed, [&](const auto& entry) {
      const auto& [whom, by, at] = entry.first;
      return at == priority
             && std::find(own.begin(), own.end(), whom) != own.end();
    });
  }

  /// Who left and came back has no claim to its turn.
  void forget_passed() {
    std::erase_if(passed, [&](const auto& entry) {
      return slow.born[std::get<0>(entry.first)] == 0;
    });
    if (!slow.limits.enable_fair_share)
      passed.clear();
  }

  void step() {
    switch (pick(60) == 0 ? 15 : pick(15)) {
      case 0: change_limits(); break;
      case 1: change_room(); break;
      case 2: change_time(); break;
      case 3: repeat_entry(); break;
      case 4: put_back(); break;
      case 5:
      case 6: erase(some_job()); break;
      case 7: hold(some_job()); break;
      case 15: renew(); break;
      case 8:
      case 9:
      case 10:
        for (auto count = pick(4); count > 0; --count)
          choose_one();
        break;
      default: change_entry();
    }
    forget_passed();
    check_one(some_job());
  }

  void check_one(int id) {
    const auto place = fast.position(name(id), now);
    const auto true_place = slow.position(id, now);
    if (place != true_place)
      REQUIRE(place == true_place);
    const auto limits = told(fast.full_limits(name(id)));
    const auto true_limits = told(slow.full_limits(id));
    if (limits != true_limits)
      REQUIRE(limits == true_limits);
    const auto held
      = std::count_if(slow.jobs.begin(), slow.jobs.end(), [](const auto& x) {
          return holds_slot(x.second.status);
        });
    if (fast.held() != held
        || fast.waiting() + static_cast<size_t>(held) != slow.jobs.size())
      REQUIRE(fast.held() == held);
    check_entry(id);
  }

  void check_entry(int id) {
    const auto found = fast.find(name(id));
    const auto i = slow.jobs.find(id);
    if (!found != (i == slow.jobs.end()))
      FAIL("only one knows job " << id);
    if (!found)
      return;
    const auto x = i->second.entry();
    if (std::tie(x.row, x.provider, x.user_id, x.org_id, x.team_id, x.priority,
                 x.queued_at)
        != std::tie(found->row, found->provider, found->user_id, found->org_id,
                    found->team_id, found->priority, found->queued_at))
      FAIL("the entry of " << x.job_id << " differs");
  }

  /// What a job is told agrees with what is then chosen.
  void check_constraints(int id) {
    const auto x = fast.find(name(id));
    const auto place = fast.position(name(id), now);
    if (place == 0)
      return;
    const auto told_of
      = constraints_of(fast, *x, {.max = 64, .under_way = {"y"}}, now);
    auto later = slow; // what is tried out is forgotten
    const auto next = later.choose(now, 1);
    later.choose(now, 100);
    const auto starts = holds_slot(later.jobs.at(id).status);
    if (told_of.empty()) {
      REQUIRE(place == 1);
      REQUIRE(next == ids{name(id)});
    } else if (told_of.front().kind == "turn") {
      REQUIRE(told_of.size() == 1);
      REQUIRE(told_of.front().used == place - 1);
      // It starts, unless those ahead fill a limit.
      REQUIRE((starts || !later.has_room(later.jobs.at(id))));
    } else {
      REQUIRE(!starts);
      release(told_of);
      REQUIRE(slow.has_room(slow.jobs.at(id)));
    }
  }

  /// Lets just so many holders go, in both queues, that no limit is full.
  void release(const std::vector<queue_constraint>& all) {
    for (const auto& stop : all) {
      if (stop.kind == "submissions")
        for (const auto provider : {1, 2}) {
          slow.rooms[provider] = 100;
          fast.set_room(model_job::name('p', provider), 100);
        }
      if (stop.kind == "limit")
        for (auto used = stop.used; used >= stop.limit;)
          erase(
            std::stoi(stop.holders.at(static_cast<size_t>(--used)).substr(1)));
    }
    forget_passed();
  }
};

} // namespace

TEST_CASE("the index agrees with a naive queue after every step",
          "[queue][Q1][Q5][Q6][Q10]") {
  for (unsigned seed = 1; seed <= histories(400); ++seed) {
    INFO("seed " << seed);
    comparison both{std::mt19937{seed}};
    both.slow.limits.enable_fair_share = seed % 2 == 0;
    both.fast.set_limits(both.slow.limits);
    for (int i = 0; i < 40; ++i)
      both.step();
  }
}

TEST_CASE("a long history of many jobs agrees with a naive queue",
          "[queue][Q5][Q10]") {
  for (unsigned seed = 1; seed <= histories(400) / 200; ++seed) {
    INFO("seed " << seed);
    comparison both{std::mt19937{seed}, 80};
    for (int i = 0; i < 300; ++i)
      both.step();
  }
}

TEST_CASE("what a job is told to wait for is what it waits for",
          "[queue][why][Q10]") {
  for (unsigned seed = 1; seed <= histories(60); ++seed) {
    INFO("seed " << seed);
    comparison both{std::mt19937{seed}};
    for (int i = 0; i < 60; ++i) {
      both.step();
      both.check_constraints(both.some_job());
    }
  }
}

namespace {

/// One user's job among the jobs of others, who never stop to submit.
struct crowded_queue {
  explicit crowded_queue(unsigned seed) : random(seed) {
    queue_limits limits{.max_concurrent = 0, .user_max_concurrent = 0};
    limits.enable_fair_share = true;
    queue.set_limits(limits);
  }

  int pick(int count) {
    return std::uniform_int_distribution{0, count - 1}(random);
  }

  std::string submit(int org, int team, int user) {
    model_job x{.id = ++jobs, .row = jobs, .org = org, .team = team};
    x.user = user;
    x.provider = 1 + pick(2);
    x.priority = 10;
    x.queued_at = epoch + jobs * 1ms;
    queue.update(x.entry());
    return x.entry().job_id;
  }

  void submit_any() {
    const auto org = 1 + pick(orgs);
    const auto team = 1 + pick(teams);
    submit(org, team, 100 * org + 10 * team + 1 + pick(users));
  }

  /// @returns as which one the job is chosen that follows `before` others of
  /// its user.
  int turns_until_chosen(int before) {
    for (auto count = pick(400); count > 0; --count)
      submit_any();
    for (auto count = pick(10); count > 0; --count)
      for (const auto& job_id : queue.choose(epoch, 1))
        queue.erase(job_id);
    // A user of its own, so that nobody else submits before it.
    std::string job_id;
    for (int i = 0; i <= before; ++i)
      job_id = submit(1, 1, 999);
    for (int turn = 1;; ++turn) {
      for (auto count = pick(4); count > 0; --count)
        submit_any();
      const auto chosen = queue.choose(epoch + 1h - 1ms, 1).at(0);
      queue.erase(chosen);
      if (chosen == job_id)
        return turn;
    }
  }

  std::mt19937 random;
  job_queue queue{1h};
  int orgs = 1 + pick(4), teams = 1 + pick(3), users = 1 + pick(3);
  int jobs = 0;
};

} // namespace

TEST_CASE("with fair share a job waits for no more turns than is said",
          "[queue][Q5][Q6]") {
  int reached = 0;
  for (unsigned seed = 1; seed <= histories(400); ++seed) {
    INFO("seed " << seed);
    crowded_queue aut{seed};
    const auto before = aut.pick(4);
    const auto turn = aut.turns_until_chosen(before);
    const auto bound = aut.orgs * aut.teams * (aut.users + 1) * (before + 1);
    if (turn > bound)
      REQUIRE(turn <= bound);
    reached += turn == bound;
  }
  CHECK(reached > 0); // the bound is no larger than it must be
}

TEST_CASE("a sequence counts as a sorted vector does", "[queue]") {
  std::mt19937 random{7};
  sequence aut;
  std::set<place> sorted;
  const auto some_place = [&] {
    return place{epoch + random() % 50 * 1s, random() % 40};
  };
  for (int i = 0; i < 20'000; ++i) {
    const auto at = some_place();
    // It grows to many chunks and shrinks to few, again and again.
    const auto grows = i / 2'000 % 2 == 0;
    if (sorted.count(at) > 0 && (!grows || random() % 4 == 0)) {
      sorted.erase(at);
      aut.erase(at);
    } else if (sorted.count(at) == 0 && (grows || random() % 4 == 0)) {
      sorted.insert(at);
      aut.insert(at, static_cast<uint32_t>(at.second));
    }
    const auto asked = some_place();
    const auto before
      = std::distance(sorted.begin(), sorted.lower_bound(asked));
    if (aut.size() != sorted.size()
        || aut.count_before(asked) != static_cast<size_t>(before)
        || (!sorted.empty() && aut.front().at != *sorted.begin()))
      FAIL("step " << i);
  }
}

TEST_CASE("a number is found by its id until it is erased", "[queue]") {
  std::mt19937 random{7};
  id_index aut;
  std::map<std::string, uint32_t> known;
  std::vector<std::string> names(500);
  for (size_t i = 0; i < names.size(); ++i)
    names[i] = "job-" + std::to_string(i);
  for (int i = 0; i < 10'000; ++i) {
    const auto number = static_cast<uint32_t>(random() % names.size());
    const auto& id = names[number];
    const auto found = aut.find(id, [&](uint32_t x) { return names[x] == id; });
    if (found != (known.count(id) > 0 ? number : id_index::nobody))
      FAIL("step " << i);
    if (known.erase(id) > 0) {
      aut.erase(id, number);
    } else {
      known.emplace(id, number);
      aut.insert(id, number);
    }
  }
}
