#include "tests/dispatch_fixture.hpp"

// The queue comes in pages, and changes while they are read.

using namespace tunerd;
using namespace tunerd::test;

namespace {

struct load_fixture : dispatch_fixture {
  /// From the page `first` (0 = the first one) on, requests for pages get lost
  /// until they are let through.
  void hold_pages(int first) {
    knobs.on_request = [this, first, n = 0](const caf::message& x) mutable {
      if (!x.match_elements<load_queue>() || n++ < first || !are_held)
        return fate::pass;
      return fate::lose_request;
    };
  }

  void let_pages_through() {
    are_held = false;
    advance(1min); // the one that got lost is asked for again
  }

  bool are_held = true;
};

/// A store that is read page by page while it changes.
struct paging_fixture : store_fixture {
  int64_t pick(int64_t count) {
    return std::uniform_int_distribution<int64_t>{0, count - 1}(random);
  }

  std::string some_job() {
    return "j" + std::to_string(pick(submitted + 1));
  }

  void change_something() {
    const auto id = some_job();
    switch (pick(7)) {
      case 0:
      case 1: submit("j" + std::to_string(submitted++)); break;
      case 2: try_ask<jobs_claimed>(claim_jobs{{"c"}, {id, some_job()}}); break;
      case 3: {
        const auto open = load_one(id).attempts;
        if (open.empty())
          break;
        const auto how = static_cast<submission_result>(pick(6));
        try_ask<submission_recorded>(outcome(id, open[0].id, how, "e-" + id));
        break;
      }
      case 4: try_ask<status_applied>(seen(id, job_status::completed)); break;
      case 5:
        try_ask<job_found>(end_job{{"c"}, id, job_status::cancelled, {}});
        break;
      default:
        try_ask<priority_set>(
          set_priority{{"c"}, {}, id, static_cast<int32_t>(pick(51))});
    }
  }

  /// Whether it is possible does not matter.
  template <class Answer, class Message>
  void try_ask(const Message& x) {
    auto pending = self->request(aut, 1min, x);
    settle();
    pending.receive([](const Answer&) {}, [](const caf::error&) {});
  }

  queue_snapshot load_one(const std::string& id) {
    return ask<queue_snapshot>(aut, reload_queue{{"c"}, {id}});
  }

  void take(const queue_snapshot& x) {
    for (const auto& entry : x.entries)
      entries[entry.job_id] = text_of(entry);
    for (const auto& attempt : x.attempts)
      attempts.emplace(attempt.job_id, attempt.id);
  }

  static std::string text_of(const queue_entry& x) {
    return to_string(x.status) + " " + std::to_string(x.priority) + " "
           + std::to_string(x.not_before.time_since_epoch().count());
  }

  /// As the scheduler does it.
  int64_t load_in_pages() {
    const auto reading = db->connect(sql::connection::mode::read_only);
    caf::optional<int64_t> cursor;
    for (load_queue query{{"c"}};;) {
      const auto page = [&] {
        sql::snapshot scope{*reading};
        return *load_page(sql::view{*reading, now(), limits}, query,
                          1 + pick(4));
      }();
      cursor = cursor ? *cursor : page.cursor;
      take(page);
      if (page.next.empty())
        return *cursor;
      query.after = page.next;
      for (auto count = pick(4); count > 0; --count)
        change_something();
    }
  }

  void follow_log(int64_t cursor) {
    std::set<std::string> named;
    for (const auto& x : events(cursor).events)
      if (!x.job_id.empty())
        named.insert(x.job_id);
    for (const auto& id : named) {
      entries.erase(id);
      attempts.erase(id);
      take(load_one(id));
    }
  }

  std::mt19937_64 random{1};
  int64_t submitted = 0;
  /// By job, as text.
  std::map<std::string, std::string> entries;
  /// By job.
  std::multimap<std::string, int64_t> attempts;
};

} // namespace

TEST_CASE_METHOD(load_fixture, "nothing is dispatched before the last page",
                 "[queue_scheduler][load]") {
  for (const auto* id : {"a", "b", "c", "d", "e", "f", "g"})
    submit(id, id);
  const auto pages = load_in_pages(2);
  hold_pages(2);
  start();
  advance(1min);
  CHECK(*pages == 2);
  CHECK(there.submits.empty());
  CHECK(!log.contains("Queue processing started"));
  let_pages_through();
  CHECK(*pages == 4); // those that had come are not asked for again
  CHECK(there.made.size() == 5);
}

TEST_CASE_METHOD(load_fixture, "what changes between pages is not missed",
                 "[queue_scheduler][load][Q2][Q4]") {
  set(100, 100);
  for (const auto* id : {"a", "b", "c", "d", "e", "f"})
    submit(id);
  load_in_pages(2);
  hold_pages(1); // a and b have come
  start();
  advance(1s);
  const auto cancel = [&](const std::string& id) {
    ask<job_found>(store_itself, cancel_queued_job{{"test"}, {}, id});
  };
  cancel("b");
  cancel("d");
  submit("g");
  // Another scheduler gets c and loses it before its page is read, and a after.
  const auto claims
    = ask<jobs_claimed>(store_itself, claim_jobs{{"test"}, {"a", "c"}}).claimed;
  REQUIRE(claims.size() == 2);
  for (const auto& x : claims) {
    record_submission back{{"test"}, x.subject.id, x.attempt_id};
    back.outcome.result = submission_result::not_accepted;
    ask<submission_recorded>(store_itself, back);
  }
  let_pages_through();
  for (const auto* id : {"a", "c", "e", "f", "g"}) {
    INFO(id);
    CHECK(there.made_for(id) == 1);
  }
  CHECK(there.submits.size() == 5);
}

TEST_CASE_METHOD(paging_fixture, "pages and the log make one queue",
                 "[store][load]") {
  limit(8, 8);
  for (int round = 0; round < 40; ++round) {
    INFO("round " << round);
    for (auto count = pick(8); count > 0; --count)
      change_something();
    entries.clear();
    attempts.clear();
    follow_log(load_in_pages());
    const auto found = std::make_pair(entries, attempts);
    entries.clear();
    attempts.clear();
    take(load());
    REQUIRE(found.first == entries);
    REQUIRE(found.second == attempts);
  }
  CHECK(!entries.empty());
}

TEST_CASE_METHOD(store_fixture, "a page that was never given is refused",
                 "[store][load]") {
  for (const auto* after : {"x", "1", "1:", ":1", "1:2:", "1:x"})
    CHECK(refused<queue_snapshot>(load_queue{{"c"}, after})
          == ec::validation_error);
  CHECK(ask<queue_snapshot>(aut, load_queue{{"c"}, "1:2"}).next.empty());
}
