#include "actors/store/schema.hpp"

#include "tests/approvals_fixture.hpp"
#include "tests/log_capture.hpp"

#include <fstream>
#include <random>

// Random histories of requests, rules and decisions against a model.

using namespace tunerd;
using namespace tunerd::test;
using namespace std::chrono_literals;

namespace {

struct model_request {
  approval_status status = approval_status::pending;
  timestamp deadline = {};
};

struct model_job {
  queue_status queue = queue_status::pending;
  int64_t request = 0;
};

/// Runs commands right on the tables, each at a time of its own, and keeps
/// what must be there beside it. Nothing is ever committed.
class history {
public:
  history(sql::connection& db, std::mt19937& engine)
    : db_(db), engine_(engine) {
    db_.execute("BEGIN");
  }

  ~history() {
    db_.execute("ROLLBACK");
  }

  history(const history&) = delete;
  history& operator=(const history&) = delete;

  void step();
  void compare();

private:
  int up_to(int max) {
    return static_cast<int>(engine_() % static_cast<unsigned>(max + 1));
  }

  std::string any_job() {
    return "j" + std::to_string(up_to(std::max(0, jobs_made_ - 1)));
  }

  int64_t any_request() {
    if (requests_.empty())
      return 1;
    return std::next(requests_.begin(),
                     up_to(static_cast<int>(requests_.size()) - 1))
      ->first;
  }

  /// @returns the answer, or none if it was refused.
  template <class Command>
  auto run(const Command& command) {
    sql::news told;
    sql::transaction tx{db_, now_, limits_, told, {}};
    db_.execute("SAVEPOINT command");
    auto result = sql::run(tx, command);
    if (!result)
      db_.execute("ROLLBACK TO command");
    db_.execute("RELEASE command");
    return result;
  }

  bool is_open(int64_t id) const {
    const auto i = requests_.find(id);
    return i != requests_.end() && i->second.status == approval_status::pending
           && now_ < i->second.deadline;
  }

  std::string job_of(int64_t request) const {
    for (const auto& [id, x] : jobs_)
      if (x.request == request)
        return id;
    return {};
  }

  void submit();
  void decide();
  void extend();
  void end();
  void sweep();
  void claim();

  sql::connection& db_;
  std::mt19937& engine_;
  timestamp now_{1'000'000s};
  queue_limits limits_{.max_concurrent = 1'000, .user_max_concurrent = 1'000};
  std::map<std::string, model_job> jobs_;
  std::map<int64_t, model_request> requests_;
  int jobs_made_ = 0;
};

void history::step() {
  now_ += std::chrono::milliseconds{up_to(1) == 0 ? 0 : up_to(2'000)};
  switch (up_to(9)) {
    case 0:
    case 1:
    case 2: return submit();
    case 3:
    case 4: return decide();
    case 5: return extend();
    case 6: return end();
    case 7: return sweep();
    default: return claim();
  }
}

void history::submit() {
  submit_job x{{"c"}, {.id = "j" + std::to_string(jobs_made_++)}, {}};
  x.subject.provider = "replicate";
  x.subject.user_id = "7";
  x.requires_approval = up_to(2) != 0;
  x.approval_deadline = std::chrono::seconds{1 + up_to(5)};
  const auto answer = run(x);
  REQUIRE(answer);
  auto& made = jobs_[x.subject.id];
  REQUIRE((answer->subject.queue == queue_status::blocked)
          == x.requires_approval);
  if (!x.requires_approval)
    return;
  made = {queue_status::blocked, answer->subject.approval_id};
  requests_[made.request]
    = {approval_status::pending, now_ + *x.approval_deadline};
}

void history::decide() {
  const auto id = any_request();
  const auto verdict = static_cast<approval_verdict>(up_to(2));
  const auto open = is_open(id);
  const auto answer = run(decide_approval{{"c"}, {}, id, "", verdict, "why"});
  REQUIRE(static_cast<bool>(answer) == open);
  if (!open)
    return;
  auto& queue = jobs_[job_of(id)].queue;
  auto& status = requests_[id].status;
  if (verdict == approval_verdict::approve) {
    status = approval_status::approved;
    queue = queue_status::pending;
  } else if (verdict == approval_verdict::reject) {
    status = approval_status::rejected;
    queue = queue_status::failed;
  } else {
    status = approval_status::cancelled;
    queue = queue_status::cancelled;
  }
}

void history::extend() {
  const auto id = any_request();
  const auto span = std::chrono::seconds{1 + up_to(5)};
  const auto allowed = is_open(id) && now_ + span > requests_[id].deadline;
  REQUIRE(static_cast<bool>(run(extend_approval{{"c"}, {}, id, span}))
          == allowed);
  if (allowed)
    requests_[id].deadline = now_ + span;
}

void history::end() {
  const auto i = jobs_.find(any_job());
  if (i == jobs_.end())
    return;
  auto& [id, x] = *i;
  const auto active
    = x.queue == queue_status::pending || x.queue == queue_status::blocked;
  if (!active)
    return;
  REQUIRE(run(end_job{{"c"}, id}));
  if (x.queue == queue_status::blocked) {
    auto& y = requests_[x.request];
    y.status = now_ < y.deadline ? approval_status::cancelled
                                 : approval_status::expired;
  }
  x.queue = queue_status::cancelled;
}

void history::sweep() {
  const auto batch = 1 + up_to(2);
  std::vector<std::pair<timestamp, int64_t>> due;
  for (const auto& [id, x] : requests_)
    if (x.status == approval_status::pending && x.deadline <= now_)
      due.emplace_back(x.deadline, id);
  std::sort(due.begin(), due.end());
  const auto more = due.size() > static_cast<size_t>(batch);
  if (more)
    due.resize(static_cast<size_t>(batch));
  const auto swept = run(sweep_approvals{{"c"}, 0s, batch});
  REQUIRE(swept);
  REQUIRE(swept->expired == static_cast<int64_t>(due.size()));
  REQUIRE(swept->more == more);
  for (const auto& [deadline, id] : due) {
    requests_[id].status = approval_status::expired;
    jobs_[job_of(id)].queue = queue_status::failed;
  }
  caf::optional<timestamp> next;
  for (const auto& [id, x] : requests_)
    if (x.status == approval_status::pending && (!next || x.deadline < *next))
      next = x.deadline;
  REQUIRE(static_cast<bool>(swept->next_due) == static_cast<bool>(next));
  if (next)
    REQUIRE(*swept->next_due == std::max(*next - now_, caf::timespan{0}));
}

void history::claim() {
  const auto id = any_job();
  const auto answer = run(claim_jobs{{"c"}, {id}});
  REQUIRE(answer);
  const auto i = jobs_.find(id);
  const auto may_run
    = i != jobs_.end() && i->second.queue == queue_status::pending;
  REQUIRE(answer->claimed.size() == (may_run ? 1u : 0u));
  if (may_run)
    i->second.queue = queue_status::ready;
}

void history::compare() {
  for (const auto& [id, want] : jobs_) {
    const auto x = sql::job_table{db_}.find(id);
    REQUIRE(x);
    REQUIRE(x->queue == want.queue);
    REQUIRE(x->approval_id == want.request);
    const auto over = want.queue == queue_status::failed
                      || want.queue == queue_status::cancelled;
    REQUIRE(is_terminal(x->status) == over);
    if (want.queue == queue_status::ready && want.request != 0)
      REQUIRE(requests_[want.request].status == approval_status::approved);
  }
  for (const auto& [id, want] : requests_)
    REQUIRE(sql::approval_table{db_}.find(id)->status == want.status);
  auto decided = db_.query("SELECT job_id, count(*) FROM events WHERE type "
                           "IN ('approval_decided', 'approval_expired') "
                           "GROUP BY job_id");
  while (decided.step())
    REQUIRE(decided.get<int64_t>(1) == 1);
}

} // namespace

TEST_CASE_METHOD(approvals_fixture,
                 "no history decides twice, late or runs what must not",
                 "[store][approvals][model][A1][A2][A3][A4][A5][Q4]") {
  constexpr int histories = 250;
  constexpr int steps = 40; // about a dozen jobs each
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 engine{seed};
  const auto raw = db->connect(sql::connection::mode::read_write);
  for (int i = 0; i < histories; ++i) {
    history x{*raw, engine};
    for (int j = 0; j < steps; ++j)
      x.step();
    x.compare();
  }
}
