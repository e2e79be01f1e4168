#include "tests/dispatch_fixture.hpp"

// The dispatch protocol under deaths and lost messages at each of its steps,
// with the real store. Each run is made from one seed, which a failing run
// prints.

using namespace tunerd;
using namespace tunerd::test;

namespace {

/// What happened in some runs.
struct tally {
  int64_t jobs = 0;
  int64_t requests = 0;
  int64_t predictions = 0;
  int64_t deaths = 0;
  /// Noted as such; a note whose answer was lost is not counted.
  uint64_t twins = 0;
  /// Predictions that no job follows. All are stopped.
  int64_t strays = 0;
  /// By step and kind.
  std::map<std::string, std::map<std::string, int64_t>> faults = {};

  std::string text() const {
    auto result = std::to_string(jobs) + " jobs, " + std::to_string(requests)
                  + " requests, " + std::to_string(predictions)
                  + " predictions, " + std::to_string(deaths) + " deaths, "
                  + std::to_string(twins) + " twins, " + std::to_string(strays)
                  + " strays, all stopped";
    for (const auto& [step, kinds] : faults) {
      result += "\n" + step + ":";
      for (const auto& [kind, count] : kinds)
        result += " " + kind + " " + std::to_string(count);
    }
    return result;
  }
};

/// @returns the step of the protocol that a request to the store is; empty if
/// it only reads.
std::string step_of(const caf::message& x) {
  if (x.match_elements<submit_job>())
    return "store";
  if (x.match_elements<claim_jobs>())
    return "claim";
  if (x.match_elements<record_submission>())
    return "record";
  if (x.match_elements<close_attempt>())
    return "close";
  if (x.match_elements<note_twin>())
    return "note twin";
  if (x.match_elements<end_watch>())
    return "end watch";
  return "";
}

struct crash_run : dispatch_fixture {
  crash_run(unsigned seed, bool late) : requests_are_late(late) {
    random.seed(seed);
    scheduler_settings.submit_timeout = 20s;
    scheduler_settings.call_timeout = 20s;
    there.late_by = 10s; // and a step: sooner than the timeout
  }

  static constexpr int64_t users = 3;
  static constexpr int64_t jobs_max = 24;
  static constexpr int64_t global_limit = 4;
  static constexpr int64_t user_limit = 2;

  int64_t pick(int64_t count) {
    return std::uniform_int_distribution<int64_t>{0, count - 1}(random);
  }

  static std::string user_of(const std::string& job_id) {
    return "u" + std::to_string(std::stoi(job_id.substr(1)) % users);
  }

  // -- faults -----------------------------------------------------------------

  /// The scheduler dies now; who waits for it asks the dead.
  void die() {
    ++seen.deaths;
    caf::anon_send_exit(aut, caf::exit_reason::kill);
    aut = nullptr;
  }

  template <class T>
  T note(const std::string& step, const std::string& kind, T result) {
    ++seen.faults[step][kind];
    return result;
  }

  /// The store, the provider, the network or the scheduler has a bad day.
  fate spoil(const std::string& step) {
    const auto fault = is_spoilt ? pick(40) : 40;
    switch (fault) {
      case 0: return note(step, "failed", fate::fail);
      case 1: return note(step, "answer lost", fate::lose_answer);
      case 2: return note(step, "request lost", fate::lose_request);
      default: break;
    }
    if (fault > 4 || step.empty() || !aut)
      return fate::pass;
    die();
    return fault == 3 ? note(step, "died before", fate::lose_request)
                      : note(step, "died after", fate::lose_answer);
  }

  mood spoil_submission() {
    if (!is_spoilt)
      return mood::accept;
    if (requests_are_late && pick(5) == 0)
      return note("submit", "late", mood::hang_late);
    const auto fault = pick(18);
    if ((fault == 8 || fault == 9) && !aut)
      return mood::accept;
    switch (fault) {
      case 0: return note("submit", "answer lost", mood::hang_created);
      case 1: return note("submit", "request lost", mood::hang);
      case 2: return note("submit", "cut after", mood::lose_created);
      case 3: return note("submit", "cut before", mood::lose);
      case 4: return note("submit", "unreachable", mood::unreachable);
      case 5: return note("submit", "throttled", mood::throttle);
      case 6: return note("submit", "no credit", mood::no_credit);
      case 7: return note("submit", "late", mood::hang_late);
      case 8: die(); return note("submit", "died before", mood::hang);
      case 9: die(); return note("submit", "died after", mood::hang_created);
      default: return mood::accept;
    }
  }

  void begin_faults() {
    is_spoilt = true;
    load_in_pages(3);
    knobs.on_request
      = [this](const caf::message& x) { return spoil(step_of(x)); };
    there.on_call = [this](const std::string& call) { return spoil(call); };
    there.on_submit = [this](auto&) { return spoil_submission(); };
    there.visible_after = 1s * pick(30);
    if (requests_are_late)
      there.late_by = 1s * (60 + pick(240));
  }

  void end_faults() {
    is_spoilt = false;
    there.is_list_broken = false;
  }

  /// Starts it again, alone or with the whole daemon.
  void revive() {
    if (pick(2) == 0) {
      // What is on its way there for long has left the daemon.
      if (!requests_are_late)
        there.late.clear();
      advance(1s);
      scheduler_settings.process_started = now();
    }
    start();
  }

  // -- the world --------------------------------------------------------------

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
    if (!aut) {
      revive();
    } else if (pick(24) == 0) {
      die();
      settle();
    }
    if (is_spoilt && pick(6) == 0)
      there.is_list_broken = !there.is_list_broken;
    loses_hints = pick(4) == 0;
    cancel_some();
    finish_some();
    poll_all();
    advance(1s * (1 + pick(8)), 500ms);
    there.make_late();
    check_limits();
  }

  // -- clients ----------------------------------------------------------------

  /// Jobs of a user are of a few kinds; equal ones are interchangeable.
  void submit_some(int64_t count) {
    for (; count > 0 && submitted < jobs_max; --count) {
      const auto id = "j" + std::to_string(submitted++);
      const auto body = R"({"user":")" + user_of(id) + R"(","kind":)"
                        + std::to_string(pick(requests_are_late ? 8 : 2)) + "}";
      spawn([this, id, body](caf::event_based_actor* client) {
        prepare(client, id, body, 0);
      });
    }
  }

  /// A client does not give up before it knows that its job is stored.
  void prepare(caf::event_based_actor* client, const std::string& id,
               const std::string& body, int tries) {
    prepare_job x{{"corr-" + id}, "replicate"};
    x.input = body;
    client->request(gateway, 5s, x)
      .then(
        [=, this](const job_prepared& y) {
          store(client, id, body, tries, y.input);
        },
        [=, this](const caf::error&) { prepare(client, id, body, tries + 1); });
  }

  void store(caf::event_based_actor* client, const std::string& id,
             const std::string& body, int tries, const provider_input& input) {
    auto x = submission(id + "." + std::to_string(tries), user_of(id), body);
    x.input = input;
    x.idempotency_key = id;
    x.request_hash = body;
    client->request(gated, 5s, x)
      .then(
        [this](const job_submitted& y) { stored.push_back(y.subject.id); },
        [=, this](const caf::error&) { prepare(client, id, body, tries + 1); });
  }

  void cancel_some() {
    if (pick(8) != 0 || stored.empty() || !aut)
      return;
    const auto& id = stored[static_cast<size_t>(pick(std::ssize(stored)))];
    cancelled.insert(id);
    spawn([to = aut, id](caf::event_based_actor* client) {
      client->request(to, 1min, cancel_job{{"corr-cancel"}, {}, id})
        .then([](const job_found&) {}, [](const caf::error&) {});
    });
  }

  // -- a run ------------------------------------------------------------------

  std::vector<job> jobs() {
    list_jobs query{{"test"}, {}};
    query.limit = 500;
    return ask<job_list>(store_itself, query).jobs;
  }

  bool all_over() {
    const auto all = jobs();
    return std::ssize(stored) == jobs_max
           && std::all_of(all.begin(), all.end(), [](const job& x) {
                return is_terminal(x.status) && !holds_slot(x.queue);
              });
  }

  void run() {
    set(global_limit, user_limit);
    begin_faults();
    start();
    for (int steps = 0; steps < 600 && !all_over(); ++steps) {
      submit_some(pick(4));
      if (steps == 60)
        end_faults();
      step();
    }
    CHECK(all_over());
    end_faults();
    if (!aut)
      revive();
    // As long as anything may still arrive.
    for (int i = 0; requests_are_late && i < 180; ++i) {
      advance(5s, 1s);
      there.make_late();
    }
    check_outcome();
  }

  /// What is there is what we know of, and every job ran once.
  void check_outcome() {
    std::set<std::string> known;
    const auto all = jobs();
    CHECK(std::ssize(all) == jobs_max);
    for (const auto& x : all) {
      INFO("job " << x.id);
      if (!x.external_id.empty()) {
        CHECK(known.insert(x.external_id).second);
        CHECK(there.find(x.external_id) != nullptr);
      }
      if (cancelled.count(x.id) == 0)
        CHECK(x.status == job_status::completed);
    }
    for (const auto& x : there.made) {
      if (known.count(x.id) > 0)
        continue;
      INFO(x.id << " was made for " << x.job_id);
      ++seen.strays;
      CHECK(requests_are_late);
      CHECK(x.status == job_status::cancelled);
    }
    seen.jobs = std::ssize(all);
    seen.requests = std::ssize(there.submits);
    seen.predictions = std::ssize(there.made);
    seen.twins = scheduler_settings.counts->twins_found.value();
  }

  void add_to(tally& sum) const {
    sum.jobs += seen.jobs;
    sum.requests += seen.requests;
    sum.predictions += seen.predictions;
    sum.deaths += seen.deaths;
    sum.twins += seen.twins;
    sum.strays += seen.strays;
    for (const auto& [step, kinds] : seen.faults)
      for (const auto& [kind, count] : kinds)
        sum.faults[step][kind] += count;
  }

  /// Whether requests may arrive long after they were given up, even after the
  /// death of the daemon that sent them.
  bool requests_are_late;
  bool is_spoilt = false;
  int64_t submitted = 0;
  /// Their clients know of them.
  std::vector<std::string> stored;
  std::set<std::string> cancelled;
  tally seen;
};

tally run_all(unsigned first, unsigned last, bool late) {
  tally result;
  for (auto seed = first; seed <= last; ++seed) {
    INFO("seed " << seed);
    crash_run subject{seed, late};
    subject.run();
    subject.add_to(result);
  }
  return result;
}

} // namespace

TEST_CASE("whatever crashes, each job is submitted exactly once",
          "[dispatch][Q1][Q2][Q3][Q4][Q13]") {
  const auto seen = run_all(1, 4, false);
  CHECK(seen.predictions <= seen.jobs);
  CHECK(seen.strays == 0);
  CHECK(seen.twins == 0);
}

TEST_CASE("whatever arrives late, nothing runs that no job follows",
          "[dispatch][Q1][Q2][Q3]") {
  const auto seen = run_all(1, 3, true);
  CHECK(seen.twins > 0);
  CHECK(seen.strays > 0);
}

// A thousand times as many; by hand.
TEST_CASE("two thousand bad days lose and double nothing", "[.long]") {
  const auto punctual = run_all(1, 1'000, false);
  const auto late = run_all(1'001, 2'000, true);
  CHECK(punctual.strays == 0);
  CHECK(late.twins > 0);
  WARN("punctual: " << punctual.text());
  WARN("late: " << late.text());
  for (const auto* step : {"prepare", "store", "claim", "submit", "record",
                           "list", "cancel", "close"})
    for (const auto* kind :
         {"answer lost", "request lost", "died before", "died after"}) {
      INFO(step << " " << kind);
      // Few attempts are closed, so not each run strikes there in each way.
      CHECK(punctual.faults.at(step).count(kind)
              + late.faults.at(step).count(kind)
            > 0);
    }
}
