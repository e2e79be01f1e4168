#include "tests/store_fixture.hpp"

#include <random>

// Random commands against the store and against a model of a few lines that
// knows the rules but neither SQL nor batches. Both must agree on every answer
// and on every stored job.

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

constexpr int sequences = 6;
constexpr int batches = 15;
constexpr int batch_size_max = 60;
constexpr int ids = 14;

struct model_job {
  job_status status = job_status::pending;
  queue_status queue = queue_status::pending;
  std::string user = {};
  std::string org = {};
  std::string team = {};
  std::string provider = {};
  std::string external_id = {};
  timestamp not_before = {};
  int32_t used = 0;
  /// Of the open attempt, else 0.
  int64_t attempt = 0;
  bool accepted = false;
  /// Whether the open attempt was ever in doubt.
  bool doubted = false;
  /// By attempt: its twin's external id, empty until there is one.
  std::map<int64_t, std::string> watched = {};
};

/// The rules once more, as plainly as possible.
struct model {
  std::map<std::string, model_job> jobs;
  /// By provider.
  std::set<std::pair<std::string, std::string>> external_ids;
  queue_limits limits;
  int64_t attempts = 0;

  template <class F>
  int32_t held(F belongs) const {
    int32_t result = 0;
    for (const auto& [id, x] : jobs)
      result += holds_slot(x.queue) && belongs(x);
    return result;
  }

  bool has_room(const model_job& x) const {
    const auto fits
      = [](int32_t used, int32_t limit) { return limit == 0 || used < limit; };
    return fits(held([](auto&) { return true; }), limits.max_concurrent)
           && fits(held([&](auto& y) { return y.user == x.user; }),
                   limits.user_max_concurrent)
           && fits(held([&](auto& y) { return y.provider == x.provider; }),
                   limits.provider_max_concurrent)
           && (!limits.enable_fair_share || x.team.empty()
               || fits(held([&](auto& y) {
                         return y.team == x.team && y.org == x.org;
                       }),
                       limits.team_max_concurrent))
           && (x.org.empty()
               || fits(held([&](auto& y) { return y.org == x.org; }),
                       limits.org_max_concurrent));
  }

  std::string run(const submit_job& x, timestamp) {
    if (jobs.contains(x.subject.id))
      return "conflict";
    model_job added;
    added.user = x.subject.user_id;
    added.org = x.subject.org_id;
    added.team = x.subject.team_id;
    added.provider = x.subject.provider;
    jobs.emplace(x.subject.id, added);
    return "ok";
  }

  std::string run(const claim_jobs& x, timestamp now) {
    std::string result;
    for (const auto& id : x.job_ids) {
      auto i = jobs.find(id);
      if (i == jobs.end() || i->second.queue != queue_status::pending
          || i->second.not_before > now || !has_room(i->second))
        continue;
      i->second.queue = queue_status::ready;
      i->second.attempt = ++attempts;
      i->second.accepted = false;
      i->second.doubted = false;
      result += id + "=" + std::to_string(attempts) + " ";
    }
    return result;
  }

  std::string run(const record_submission& x, timestamp now) {
    auto i = jobs.find(x.job_id);
    if (i == jobs.end())
      return "job_not_found";
    auto& y = i->second;
    if (y.attempt == 0 || y.attempt != x.attempt_id)
      return "conflict";
    const auto over = is_terminal(y.status);
    const auto& seen = x.outcome.seen;
    if (x.outcome.result == submission_result::accepted) {
      if (y.accepted ? y.external_id != seen.external_id
                     : external_ids.contains({y.provider, seen.external_id}))
        return "conflict";
      external_ids.emplace(y.provider, seen.external_id);
      y.external_id = seen.external_id;
      y.accepted = true;
      const auto gone = seen.status && is_terminal(*seen.status);
      if (!over)
        y.status = std::max(job_status::queued,
                            seen.status ? *seen.status : job_status::queued);
      if (over && !gone)
        return "cancel there";
      y.attempt = 0;
      y.queue
        = is_terminal(y.status) ? closed(y.status) : queue_status::running;
      return "ok";
    }
    if (y.accepted)
      return "conflict";
    if (x.outcome.result >= submission_result::in_doubt) {
      y.doubted = true;
      return "ok";
    }
    if (y.doubted)
      y.watched.emplace(y.attempt, "");
    y.attempt = 0;
    if (over) {
      y.queue = closed(y.status);
      return "ok";
    }
    y.queue = queue_status::pending;
    y.not_before = now + x.delay;
    if (x.outcome.result == submission_result::refused && ++y.used == 3) {
      y.status = job_status::failed;
      y.queue = queue_status::failed;
    }
    return "ok";
  }

  std::string run(const apply_status& x, timestamp) {
    auto i = jobs.find(x.job_id);
    if (i == jobs.end())
      return "job_not_found";
    auto& y = i->second;
    if (y.external_id.empty())
      return "conflict";
    if (!x.seen.status)
      return "unchanged";
    const auto to = *x.seen.status;
    if (is_terminal(y.status)) {
      if (is_terminal(to) && y.attempt != 0) {
        y.attempt = 0;
        y.queue = closed(y.status);
      }
      return "unchanged";
    }
    if (to <= y.status || to < job_status::queued)
      return "unchanged";
    y.status = to;
    if (is_terminal(to))
      y.queue = closed(to);
    return "changed";
  }

  std::string run(const end_job& x, timestamp) {
    auto i = jobs.find(x.job_id);
    if (i == jobs.end())
      return "job_not_found";
    auto& y = i->second;
    if (is_terminal(y.status) || !y.external_id.empty())
      return "conflict";
    y.status = x.status;
    if (y.attempt == 0)
      y.queue = closed(x.status);
    return "ok";
  }

  std::string run(const close_attempt& x, timestamp) {
    auto i = jobs.find(x.job_id);
    if (i == jobs.end())
      return "job_not_found";
    auto& y = i->second;
    if (x.attempt_id == 0 || (y.attempt == x.attempt_id && !y.accepted))
      return "conflict"; // never existed, or in flight
    if (y.attempt == x.attempt_id) {
      y.attempt = 0;
      y.queue = closed(y.status);
    }
    return "ok";
  }

  std::string run(const note_twin& x, timestamp) {
    auto i = jobs.find(x.job_id);
    if (i == jobs.end())
      return "job_not_found";
    auto& [id, y] = *i;
    auto& watched = y.watched;
    const auto twin = watched.find(x.attempt_id);
    if (twin == watched.end())
      return "conflict";
    if (twin->second == x.external_id)
      return "ok";
    if (!twin->second.empty()
        || !external_ids.emplace(y.provider, x.external_id).second)
      return "conflict";
    twin->second = x.external_id;
    return "ok";
  }

  std::string run(const end_watch& x, timestamp) {
    auto i = jobs.find(x.job_id);
    if (i == jobs.end())
      return "job_not_found";
    i->second.watched.erase(x.attempt_id);
    return x.attempt_id == 0 ? "conflict" : "ok";
  }

  std::string run(const delete_job& x, timestamp) {
    auto i = jobs.find(x.job_id);
    if (i == jobs.end())
      return "job_not_found";
    if (!is_terminal(i->second.status) || i->second.attempt != 0
        || !i->second.watched.empty())
      return "conflict";
    jobs.erase(i);
    return "ok";
  }

  std::string run(const set_limits& x, timestamp) {
    limits.max_concurrent = *x.max_concurrent;
    limits.user_max_concurrent = *x.user_max_concurrent;
    limits.team_max_concurrent = *x.team_max_concurrent;
    limits.org_max_concurrent = *x.org_max_concurrent;
    limits.provider_max_concurrent = *x.provider_max_concurrent;
    limits.enable_fair_share = *x.enable_fair_share;
    return "ok";
  }

  static queue_status closed(job_status status) {
    return *parse_queue_status(to_string(status));
  }
};

template <class Answer>
std::string text_of(const Answer&) {
  return "ok";
}

std::string text_of(const status_applied& x) {
  return x.changed ? "changed" : "unchanged";
}

std::string text_of(const submission_recorded& x) {
  return x.cancel_at_provider ? "cancel there" : "ok";
}

std::string text_of(const jobs_claimed& xs) {
  std::string result;
  for (const auto& x : xs.claimed)
    result += x.subject.id + "=" + std::to_string(x.attempt_id) + " ";
  return result;
}

class model_fixture : public test::store_fixture {
protected:
  /// Random number in [0, max].
  int up_to(int max) {
    return static_cast<int>(engine() % static_cast<unsigned>(max + 1));
  }

  std::string any_id() {
    return "j" + std::to_string(up_to(ids - 1));
  }

  std::string any_external_id() {
    return "e" + std::to_string(up_to(60));
  }

  caf::optional<job_status> any_status() {
    const auto i = up_to(7);
    if (i == 7)
      return caf::none;
    return static_cast<job_status>(i);
  }

  /// Mostly the attempt that is open, sometimes an old or a wrong one.
  int64_t attempt_of(const std::string& id) {
    const auto i = expected.jobs.find(id);
    if (i == expected.jobs.end() || up_to(9) == 0)
      return 0;
    return i->second.attempt;
  }

  /// Its first watched attempt, or 0.
  int64_t watched_of(const std::string& id) {
    const auto i = expected.jobs.find(id);
    if (i == expected.jobs.end() || i->second.watched.empty())
      return 0;
    return i->second.watched.begin()->first;
  }

  /// Sends `x`, remembers what must be answered.
  template <class Command>
  void send(const Command& x) {
    using handle = decltype(self->request(aut, 1min, x));
    auto answer = std::make_shared<handle>(self->request(aut, 1min, x));
    answers.push_back([answer, want = expected.run(x, now())] {
      std::string got;
      answer->receive(
        [&](const sql::answer_to<Command>& y) { got = text_of(y); },
        [&](const caf::error& err) { got = to_string(code_of(err)); });
      if (got != want)
        FAIL("answered '" << got << "', want '" << want << "'");
    });
  }

  void send_any();
  void receive_all();
  void compare_jobs();
  void compare_events();

  unsigned seed = std::random_device{}();
  std::mt19937 engine{seed};
  model expected;
  std::vector<std::function<void()>> answers;
  int64_t cursor = 0;
  /// Of jobs that were over when last seen.
  std::map<int64_t, job_status> ended;
};

void model_fixture::send_any() {
  const auto id = any_id();
  switch (up_to(11)) {
    case 0:
    case 1: {
      auto x = submission(id, "u" + std::to_string(up_to(2)));
      x.subject.org_id = up_to(2) == 0 ? "" : "o" + std::to_string(up_to(1));
      x.subject.provider = up_to(1) == 0 ? "replicate" : "simpletuner_io";
      x.subject.team_id = up_to(2) == 0 ? "" : "t" + std::to_string(up_to(1));
      return send(x);
    }
    case 2:
    case 3:
    case 4: {
      claim_jobs x{{"c"}, {}};
      for (int i = up_to(5); i >= 0; --i)
        x.job_ids.push_back(any_id());
      return send(x);
    }
    case 5:
    case 6:
    case 7: {
      auto x
        = outcome(id, attempt_of(id), static_cast<submission_result>(up_to(5)),
                  any_external_id());
      x.outcome.seen.status = any_status();
      x.delay = std::chrono::milliseconds{up_to(300)};
      return send(x);
    }
    case 8: return send(seen(id, any_status()));
    case 9:
      return send(end_job{
        {"c"}, id, up_to(1) == 0 ? job_status::failed : job_status::cancelled});
    case 10:
      if (up_to(1) == 0)
        return send(delete_job{{"c"}, {}, id});
      if (up_to(2) == 0)
        return send(note_twin{{"c"}, id, watched_of(id), any_external_id()});
      if (up_to(2) == 0)
        return send(end_watch{{"c"}, id, watched_of(id)});
      return send(close_attempt{{"c"}, id, attempt_of(id)});
    default: {
      set_limits x{{"c"}, {}};
      x.max_concurrent = 1 + up_to(7);
      x.user_max_concurrent = 1 + up_to(4);
      x.team_max_concurrent = 1 + up_to(4);
      x.org_max_concurrent = up_to(5);
      x.provider_max_concurrent = up_to(5);
      x.enable_fair_share = up_to(1) == 0;
      return send(x);
    }
  }
}

void model_fixture::receive_all() {
  settle();
  for (const auto& check : answers)
    check();
  answers.clear();
}

void model_fixture::compare_jobs() {
  list_jobs query{{"c"}, {}};
  query.limit = 500;
  const auto stored = ask<job_list>(aut, query);
  REQUIRE(stored.total == static_cast<int64_t>(expected.jobs.size()));
  for (const auto& x : stored.jobs) {
    const auto& want = expected.jobs.at(x.id);
    if (x.status != want.status || x.queue != want.queue
        || x.external_id != want.external_id || x.attempts_used != want.used)
      FAIL(x.id << " is " << to_string(x.status) << "/" << to_string(x.queue)
                << "/" << x.external_id << ", want " << to_string(want.status)
                << "/" << to_string(want.queue) << "/" << want.external_id);
    if (auto i = ended.find(x.row); i != ended.end() && i->second != x.status)
      FAIL(x.id << " came back from " << to_string(i->second));
    if (is_terminal(x.status))
      ended[x.row] = x.status;
  }
  const auto loaded = load();
  size_t open = 0;
  for (const auto& [id, x] : expected.jobs)
    open += x.watched.size() + (x.attempt != 0);
  REQUIRE(loaded.attempts.size() == open);
  const auto stats = ask<queue_stats>(aut, get_queue_stats{{"c"}});
  const auto holding = expected.held([](auto&) { return true; });
  REQUIRE(stats.by_status.at("ready") + stats.by_status.at("running")
          == holding);
}

void model_fixture::compare_events() {
  for (const auto& x : events(cursor).events)
    REQUIRE(x.id == ++cursor); // rising, without a gap
  REQUIRE(events().head == cursor);
  int64_t told = hints.empty() ? 0 : hints.front().first_id - 1;
  for (const auto& x : hints) {
    REQUIRE(x.first_id == told + 1);
    told = x.last_id;
  }
  REQUIRE(told == (hints.empty() ? 0 : cursor));
}

} // namespace

TEST_CASE_METHOD(model_fixture, "any commands leave what the rules say",
                 "[store][model][Q1][Q2][Q3][Q4][P7]") {
  INFO("seed " << seed);
  for (int i = 0; i < sequences; ++i) {
    stop();
    path = directory.file("model" + std::to_string(i) + ".db");
    start();
    expected = {};
    hints.clear();
    ended.clear();
    cursor = 0;
    for (int j = 0; j < batches; ++j) {
      for (int k = up_to(batch_size_max - 1); k >= 0; --k)
        send_any();
      receive_all();
      compare_jobs();
      compare_events();
      if (up_to(9) == 0) {
        stop(); // everything acknowledged must still be there
        start();
      }
      advance(std::chrono::milliseconds{100 * up_to(3)});
    }
  }
}
