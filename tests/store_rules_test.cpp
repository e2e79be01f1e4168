#include "actors/store/rules.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace tunerd;
using namespace tunerd::sql;
using namespace std::chrono_literals;

namespace {

constexpr int cases = 20'000;

/// Makes random jobs as they may be stored, and random news about them.
class chance {
public:
  chance() : seed_(std::random_device{}()), engine_(seed_) {
    UNSCOPED_INFO("seed " << seed_);
  }

  int up_to(int max) {
    return static_cast<int>(engine_() % static_cast<unsigned>(max + 1));
  }

  timestamp time() {
    return timestamp{std::chrono::seconds{1'700'000'000 + up_to(1000)}};
  }

  template <class T>
  caf::optional<T> maybe(T x) {
    return up_to(1) == 0 ? caf::optional<T>{} : x;
  }

  std::string maybe_text() {
    return up_to(1) == 0 ? "" : std::to_string(up_to(9));
  }

  /// A job whose status, entry and attempt belong together.
  dispatched both() {
    dispatched x;
    x.subject.id = "j";
    x.subject.status = status();
    x.subject.attempts_used = up_to(2);
    x.subject.cost_micros = maybe(int64_t{up_to(9)});
    x.subject.output_url = maybe_text();
    x.subject.started_at = maybe(time());
    if (is_terminal(x.subject.status))
      x.subject.completed_at = time();
    x.subject.queue = queue_status::ready;
    x.submission.state = static_cast<attempt_state>(up_to(2));
    if (x.submission.state != attempt_state::claimed)
      x.submission.doubt_since = time();
    return x;
  }

  job at_provider() {
    auto x = both().subject;
    x.external_id = "e";
    x.queue
      = is_terminal(x.status) ? closed_as(x.status) : queue_status::running;
    return x;
  }

  provider_job word() {
    provider_job x;
    x.external_id = "e";
    x.status = maybe(status());
    x.started_at = maybe(time());
    x.completed_at = maybe(time());
    x.cost_micros = maybe(int64_t{up_to(9)});
    x.output_url = maybe_text();
    x.error_message = maybe_text();
    return x;
  }

  job_status status() {
    return static_cast<job_status>(up_to(6));
  }

private:
  unsigned seed_;
  std::mt19937 engine_;
};

template <class T>
bool kept_or_filled(const caf::optional<T>& before,
                    const caf::optional<T>& after) {
  return !before || before == after;
}

} // namespace

TEST_CASE("a job moves as the table of the reference says", "[store][rules]") {
  using enum job_status;
  const std::map<job_status, std::set<job_status>> table{
    {pending, {uploading, queued, running, completed, failed, cancelled}},
    {uploading, {pending, queued, running, completed, failed, cancelled}},
    {queued, {running, completed, failed, cancelled}},
    {running, {completed, failed, cancelled}},
    {completed, {}},
    {failed, {}},
    {cancelled, {}},
  };
  for (const auto& [from, targets] : table)
    for (const auto& [to, ignored] : table)
      CHECK(may_move(from, to) == targets.contains(to));
}

TEST_CASE("a provider's word keeps what is known and ends jobs once",
          "[store][rules][P4][P5][P7]") {
  chance random;
  for (int i = 0; i < cases; ++i) {
    const auto before = random.at_provider();
    const auto seen = random.word();
    const auto now = random.time();
    const auto after = with_status(before, seen, now);
    const auto moved = before.status != after.status;
    bool ok = !moved || may_move(before.status, after.status);
    ok = ok && (!moved || after.status == seen.status);
    ok = ok && kept_or_filled(before.started_at, after.started_at);
    ok = ok && kept_or_filled(before.completed_at, after.completed_at);
    ok = ok && (seen.cost_micros || before.cost_micros == after.cost_micros);
    ok = ok
         && (!seen.output_url.empty() || before.output_url == after.output_url);
    ok = ok && is_terminal(after.status) == bool{after.completed_at};
    ok = ok && is_terminal(after.status) == is_closed(after.queue);
    if (is_terminal(before.status))
      ok = ok && !moved && before.error_message == after.error_message
           && kept_or_filled(before.cost_micros, after.cost_micros);
    if (!ok)
      FAIL("case " << i << ": " << to_string(before.status) << " -> "
                   << to_string(after.status));
  }
  SUCCEED();
}

TEST_CASE("an outcome frees the slot exactly when nothing can run",
          "[store][rules][Q1][Q3]") {
  chance random;
  for (int i = 0; i < cases; ++i) {
    auto before = random.both();
    if (before.subject.status == job_status::queued
        || before.subject.status == job_status::running)
      continue; // has no attempt in flight
    submission_outcome outcome;
    outcome.result = static_cast<submission_result>(random.up_to(5));
    outcome.seen = random.word();
    outcome.reason = "r";
    const auto now = random.time();
    const auto after
      = with_outcome(before.subject, before.submission, outcome,
                     std::chrono::seconds{random.up_to(30)}, now);
    const auto open = !after.submission.closed_at;
    const auto runs = after.submission.state == attempt_state::accepted
                      && !is_terminal(after.subject.status);
    bool ok = holds_slot(after.subject.queue) == (open || runs);
    ok = ok
         && after.cancel_at_provider
              == (open && after.submission.state == attempt_state::accepted);
    ok = ok
         && (!is_terminal(before.subject.status)
             || after.subject.status == before.subject.status);
    ok = ok
         && after.subject.external_id
              == (after.submission.state == attempt_state::accepted ? "e" : "");
    ok = ok && after.subject.attempts_used <= after.subject.max_attempts;
    ok = ok
         && (outcome.result == submission_result::refused
             || after.subject.attempts_used == before.subject.attempts_used);
    if (after.subject.queue == queue_status::pending)
      ok = ok && after.subject.not_before >= now;
    if (!ok)
      FAIL("case " << i << ": " << to_string(before.subject.status) << ", "
                   << to_string(outcome.result));
  }
  SUCCEED();
}

TEST_CASE("an end holds the slot of an attempt that may still run",
          "[store][rules]") {
  const timestamp now{1h};
  job x{.id = "j"};
  x.queue = queue_status::blocked;
  CHECK(with_end(x, job_status::cancelled, "", now).queue
        == queue_status::cancelled);
  CHECK(with_end(x, job_status::failed, "why", now).error_message == "why");
  x.queue = queue_status::ready;
  const auto ended = with_end(x, job_status::cancelled, "", now);
  CHECK(ended.queue == queue_status::ready);
  CHECK(ended.completed_at == now);
  CHECK(with_closed_attempt(ended, {}, now).subject.queue
        == queue_status::cancelled);
}
