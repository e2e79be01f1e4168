#include "tests/dispatch_fixture.hpp"

// The dispatch protocol under crashes and lost messages, with the real store.
// Each run is made from one seed, which a failing run prints.

using namespace tunerd;
using namespace tunerd::test;

namespace {

struct crash_run : dispatch_fixture {
  explicit crash_run(unsigned seed) {
    random.seed(seed);
  }

  static constexpr int64_t users = 3;
  static constexpr int64_t global_limit = 4;
  static constexpr int64_t user_limit = 2;

  int64_t pick(int64_t count) {
    return std::uniform_int_distribution<int64_t>{0, count - 1}(random);
  }

  static std::string user_of(const std::string& job_id) {
    return "u" + std::to_string(std::stoi(job_id.substr(1)) % users);
  }

  /// The store, the provider and the network have a bad day.
  void spoil() {
    knobs.on_request = [this](const caf::message&) {
      switch (pick(40)) {
        case 0: return fate::fail;
        case 1: return fate::lose_answer;
        case 2: return fate::lose_request;
        default: return fate::pass;
      }
    };
    there.on_submit = [this](auto&) {
      if (requests_are_late && pick(5) == 0)
        return mood::hang_late;
      switch (pick(16)) {
        case 0: return mood::hang_created;
        case 1: return mood::hang;
        case 2: return mood::lose_created;
        case 3: return mood::lose;
        case 4: return mood::unreachable;
        case 5: return mood::throttle;
        case 6: return mood::no_credit;
        case 7: return mood::hang_late;
        default: return mood::accept;
      }
    };
    there.on_cancel = [this](auto&) {
      return pick(4) == 0 ? make_error(ec::provider_timeout, "no")
                          : caf::error{};
    };
    there.visible_after = 1s * pick(30);
    if (requests_are_late)
      there.late_by = 1s * (150 + pick(150));
  }

  void heal() {
    knobs.on_request = [](auto&) { return fate::pass; };
    there.on_submit = [](auto&) { return mood::accept; };
    there.on_cancel = [](auto&) { return caf::error{}; };
    there.is_list_broken = false;
  }

  /// The scheduler dies, alone or with the whole daemon.
  void crash() {
    kill();
    if (pick(2) == 0) {
      there.late.clear(); // requests die with the daemon
      advance(1s);
      scheduler_settings.process_started = now();
    }
    start();
  }

  void check_limits() {
    if (requests_are_late)
      return; // what arrives late runs until it is found
    std::map<std::string, int64_t> running;
    int64_t all = 0;
    for (const auto& x : there.made)
      if (!is_terminal(x.status)) {
        ++running[user_of(x.job_id)];
        ++all;
      }
    REQUIRE(all <= global_limit);
    for (const auto& [user, count] : running)
      REQUIRE(count <= user_limit);
  }

  /// One of what runs there ends; what arrived late has a long way to go.
  void finish_some() {
    std::set<std::string> followed;
    for (const auto& x : jobs())
      followed.insert(x.external_id);
    for (auto& x : there.made)
      if (!is_terminal(x.status) && pick(3) == 0
          && (!requests_are_late || followed.count(x.id) > 0)) {
        x.status = job_status::completed;
        break;
      }
  }

  /// The poller's work.
  void poll_all() {
    const auto active
      = ask<job_list>(store_itself, list_active_jobs{{"poll"}}).jobs;
    for (const auto& job : active) {
      const auto* found = there.find(job.external_id);
      REQUIRE(found != nullptr);
      apply_status x{{"poll"}, job.id, there.seen(*found)};
      ask<status_applied>(store_itself, x);
    }
  }

  void step() {
    if (pick(12) == 0)
      crash();
    if (pick(6) == 0)
      there.is_list_broken = !there.is_list_broken;
    loses_hints = pick(4) == 0;
    cancel_some();
    finish_some();
    poll_all();
    advance(1s * (1 + pick(8)), 500ms);
    there.make_late();
    check_limits();
  }

  /// Jobs of a user are of two kinds; equal ones are interchangeable.
  void submit_some(int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const auto id = "j" + std::to_string(submitted++);
      submit(id, user_of(id),
             R"({"user":")" + user_of(id) + R"(","kind":)"
               + std::to_string(pick(2)) + "}");
    }
  }

  void cancel_some() {
    if (pick(8) != 0)
      return;
    const auto id = "j" + std::to_string(pick(submitted));
    cancelled.insert(id);
    spawn([to = aut, id](caf::event_based_actor* client) {
      client->request(to, 1min, cancel_job{{"corr-cancel"}, {}, id})
        .then([](const job_found&) {}, [](const caf::error&) {});
    });
  }

  std::vector<job> jobs() {
    list_jobs query{{"test"}, {}};
    query.limit = 500;
    return ask<job_list>(store_itself, query).jobs;
  }

  bool all_over() {
    const auto all = jobs();
    return std::all_of(all.begin(), all.end(), [](const job& x) {
      return is_terminal(x.status) && !holds_slot(x.queue);
    });
  }

  void run() {
    set(global_limit, user_limit);
    spoil();
    start();
    int steps = 0;
    for (; submitted < 24 || (steps < 600 && !all_over()); ++steps) {
      if (submitted < 24)
        submit_some(pick(4));
      if (steps == 60)
        heal();
      step();
    }
    CHECK(all_over());
  }

  /// What is there is what we know of, and every job ran once.
  void check_outcome() {
    std::set<std::string> known, there_made;
    for (const auto& x : jobs()) {
      INFO("job " << x.id);
      if (!x.external_id.empty())
        CHECK(known.insert(x.external_id).second);
      if (cancelled.count(x.id) == 0)
        CHECK(x.status == job_status::completed);
    }
    for (const auto& x : there.made)
      // What no job follows has been stopped.
      if (!requests_are_late || known.count(x.id) > 0
          || x.status != job_status::cancelled)
        there_made.insert(x.id);
    CHECK(known == there_made);
  }

  /// The same with requests that arrive long after they were given up.
  void run_late() {
    requests_are_late = true;
    run();
    for (int i = 0; i < 180; ++i) {
      advance(5s, 1s);
      there.make_late();
    }
    check_outcome();
  }

  bool requests_are_late = false;
  int64_t submitted = 0;
  std::set<std::string> cancelled;
};

} // namespace

TEST_CASE("whatever crashes, each job is submitted exactly once",
          "[dispatch][Q1][Q2][Q3][Q4]") {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    INFO("seed " << seed);
    crash_run subject{seed};
    subject.run();
    subject.check_outcome();
  }
}

TEST_CASE("whatever arrives late, nothing runs that no job follows",
          "[dispatch][Q1][Q2][Q3]") {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    INFO("seed " << seed);
    crash_run subject{seed};
    subject.run_late();
  }
}

// A thousand times as many; by hand.
TEST_CASE("two thousand bad days lose and double nothing", "[.long]") {
  for (unsigned seed = 1; seed <= 2000; ++seed) {
    INFO("seed " << seed);
    crash_run subject{seed};
    if (seed % 2 == 0) {
      subject.run_late();
    } else {
      subject.run();
      subject.check_outcome();
    }
  }
}
