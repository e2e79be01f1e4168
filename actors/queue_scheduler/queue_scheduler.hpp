#pragma once

#include "actors/queue_scheduler/explanation.hpp"
#include "actors/queue_scheduler/job_queue.hpp"
#include "actors/queue_scheduler/reconcile.hpp"
#include "actors/support/actor.hpp"
#include "actors/support/clocks.hpp"
#include "actors/support/metrics.hpp"
#include "config/queue.hpp"
#include "messages/interfaces.hpp"

#include <caf/actor_clock.hpp>
#include <caf/typed_response_promise.hpp>

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace tunerd {

/// With which settings the QUEUE SCHEDULER runs.
struct queue_scheduler_settings {
  config::queue queue = {};
  /// By provider; 30 s for those not named.
  std::map<std::string, caf::timespan> visibility_windows = {};
  /// How long the store may take to answer.
  caf::timespan store_timeout = std::chrono::seconds{10};
  /// How long the gateway may take to answer a submission. Must exceed the
  /// longest it takes itself: what it sent, it sent before this.
  caf::timespan submit_timeout = std::chrono::seconds{60};
  /// The same for listings and cancellations, all tries included.
  caf::timespan call_timeout = std::chrono::seconds{180};
  /// Requests claimed before this time are no longer on their way; epoch: not
  /// known, attempts found at start then wait longer.
  timestamp process_started = {};
  outside world = {};
  metrics_ptr counts = std::make_shared<metrics>();
};

/// State of the QUEUE SCHEDULER.
///
/// The index follows the store: it reflects every event up to `cursor`. Every
/// attempt that the store has open is in `in_flight` (we are submitting it or
/// writing down what came of it) or is looked after by `mind_attempts`. A lost
/// hint, answer or timer costs at most a tick.
struct queue_scheduler_state {
  static inline constexpr const char* name = "queue-scheduler";

  using time_point = caf::actor_clock::time_point;
  using positions_promise = caf::typed_response_promise<queue_positions>;
  /// Answers a command about one job with how it is then.
  using job_promise = caf::typed_response_promise<job_found>;
  using explain_promise = caf::typed_response_promise<job_explained>;
  using process_promise = caf::typed_response_promise<queue_processed>;
  using sync_promise = caf::typed_response_promise<provider_jobs_synced>;

  /// An attempt from its claim, or from the verdict about it, until what came
  /// of it is written down.
  struct submission {
    /// That of its job.
    context ctx;
    std::string job_id;
    std::string provider;
    std::string fingerprint = {};
    int32_t attempts_used = 0;
    /// See `rounds`; 0 if no round of this incarnation chose it.
    uint64_t round = 0;
    /// None while the request is under way.
    caf::optional<submission_outcome> outcome = caf::none;
    caf::timespan delay = caf::timespan{0};
    bool recording = false;
    uint32_t record_failures = 0;
    /// Not recorded again before this time.
    time_point due = {};
  };

  /// What one choice led to, for the log.
  struct dispatch_round {
    context ctx;
    size_t open = 0;
    std::vector<std::string> accepted = {};
  };

  /// A provider that takes no jobs now. From `until` on one at a time tries.
  struct pause {
    time_point until = {};
    uint32_t failures = 0;
  };

  /// The comparison of a provider's jobs with the attempts in doubt there.
  struct comparison {
    context ctx = {};
    /// None between two listings.
    caf::optional<provider_listing> listing = caf::none;
    size_t pages = 0;
    uint32_t failures = 0;
    /// Whether the last listing was about watched attempts only; they can wait.
    bool is_watch = false;
    /// The next listing begins then.
    time_point due = {};
  };

  struct written_attempt {
    int64_t id = 0;
    /// Else it is in doubt.
    bool is_closed = false;
  };

  /// Something that must stop at its provider, since its job is over.
  struct cancellation {
    context ctx;
    std::string job_id;
    std::string provider;
    std::string external_id;
    /// Its job runs as another attempt, or waits for one.
    bool is_twin = false;
    /// When it was first tried.
    timestamp since = {};
    bool busy = false;
    uint32_t failures = 0;
    time_point due = {};
  };

  struct waiting_query {
    positions_promise promise;
    get_queue_positions query;
    time_point deadline;
  };

  /// A load of which some pages have come.
  struct queue_load {
    /// Of the first page. What changed since then is read from the log.
    int64_t cursor = 0;
    /// The page that is asked for next.
    std::string next = {};
  };

  /// Somebody asks about a job that is not in the index yet.
  struct waiting_why {
    explain_promise promise;
    explain_job query;
    time_point deadline;
  };

  /// Somebody waits for what the queue does now.
  struct waiting_process {
    process_promise promise;
    context ctx;
    time_point deadline;
    /// What got a slot meanwhile.
    std::vector<std::string> job_ids = {};
  };

  /// A person has settled an attempt, and it is being written down.
  struct resolution {
    job_promise promise;
    resolve_attempt command;
  };

  /// Generations of our ticks.
  static constexpr uint64_t extra = 0;
  static constexpr uint64_t periodic = 1;
  static constexpr uint64_t answers = 2;
  /// How long a request that seemed lost is watched for, and how often.
  static constexpr auto watch_for = std::chrono::minutes{10};
  static constexpr auto watch_interval = std::chrono::seconds{30};
  /// A watch that cannot end otherwise ends then.
  static constexpr auto watch_max = std::chrono::hours{24};
  static constexpr size_t claim_max = 64;
  /// Submissions under way per provider.
  static constexpr int64_t under_way_max = 64;
  static constexpr size_t reload_max = 500;
  static constexpr size_t dirty_max = 10'000;
  static constexpr size_t pages_max = 100;
  /// Of each kind of question.
  static constexpr size_t waiting_max = 1000;
  /// External ids kept per provider.
  static constexpr size_t known_there_max = 1000;

  // -- data (self first, or CAF initialises another member with it) -----------

  pointer<queue_scheduler_actor, queue_scheduler_state> self;
  queue_scheduler_settings settings;
  store_actor store;
  provider_gateway_actor providers;
  job_queue queue = job_queue{std::chrono::hours{1}};
  /// When this incarnation began.
  timestamp started = {};

  // What of the event log is in the index.
  bool loaded = false;
  /// Everything must be loaded (again). Until the last page has come, the
  /// index is what it was, but for the jobs of the pages.
  bool stale = true;
  caf::optional<queue_load> loading = caf::none;
  /// What the last load did not show has left the queue, as soon as the index
  /// reflects all events up to this one.
  caf::optional<int64_t> renewed_at = caf::none;
  /// A request for rows or events is under way; at most one is.
  bool reading = false;
  uint32_t reading_failures = 0;
  time_point reading_due = {};
  /// The index reflects all events up to this one.
  int64_t cursor = 0;
  /// The jobs of all events up to this one are in `dirty` or read.
  int64_t heard = 0;
  /// There may be events above `heard` that no hint told of.
  bool missed = false;
  /// Jobs to read again. Leaves when asked for. At most `dirty_max` by hints,
  /// then those jobs are read from the log later; what else is marked are as
  /// many as claims, attempts and questions.
  std::set<std::string> dirty = {};

  // What is being submitted. All are bounded by the limits and `claim_max`.
  /// Jobs of the claim that is under way; at most one is.
  std::vector<std::string> claiming = {};
  uint32_t claim_failures = 0;
  time_point claim_due = {};
  /// Jobs that the store refused a slot, and until when they are not proposed
  /// again. Leaves with the first rows read after that.
  std::map<std::string, timestamp> put_off = {};
  /// By attempt. An entry leaves when its outcome is stored.
  std::map<int64_t, submission> in_flight = {};
  /// An entry leaves with its last submission.
  std::map<uint64_t, dispatch_round> rounds = {};
  uint64_t last_round = 0;
  /// Failed tries in a row by job. Leaves with the job or with a success.
  std::map<std::string, uint32_t> setbacks = {};
  /// When a job reached its provider. Leaves with the job.
  std::map<std::string, timestamp> accepted_at = {};
  /// The last attempt of a job whose request is surely no longer under way,
  /// since we saw its answer. Leaves with the job.
  std::map<std::string, int64_t> answered = {};
  /// By provider. Leaves when it takes a job.
  std::map<std::string, pause> paused = {};
  /// Providers that were ever submitted to.
  std::set<std::string> lines = {};
  /// How long slots are held.
  hold_times holds = {};

  // What is not settled. All are as many as open attempts at most.
  /// Open attempts as last read, by job. Leaves with the attempt.
  std::map<std::string, std::vector<open_attempt>> attempts = {};
  /// By job: what we last wrote about an attempt. Rows read before that still
  /// show it as it was and are left out; the entry leaves with the first row
  /// that does not.
  std::map<std::string, written_attempt> written = {};
  /// Attempts with external ids that the store refused them, by job. Leaves
  /// with the job.
  std::map<std::string, std::set<std::pair<int64_t, std::string>>> refused = {};
  /// By provider. Leaves with the last attempt in doubt there.
  std::map<std::string, comparison> comparisons = {};
  /// By attempt. Leaves when the attempt is closed.
  std::map<int64_t, cancellation> cancellations = {};
  /// Watched attempts whose twin is being written down. Leaves with the answer.
  std::set<int64_t> noting = {};
  /// By attempt. Leaves with the attempt's entry in `in_flight`.
  std::map<int64_t, resolution> resolutions = {};
  /// The last `known_there_max` external ids recorded, by provider: those of
  /// jobs that are over, too.
  std::map<std::string, std::deque<std::string>> known_there = {};
  /// Providers that are being searched for unknown jobs. Leaves with the
  /// answer.
  std::set<std::string> syncing = {};

  /// Answered by `answer_positions`, in a second at most; at most
  /// `waiting_max`, then answered at once with what is known.
  std::vector<waiting_query> waiting = {};
  /// It is on its way, behind the questions that have come by now.
  bool answering = false;
  /// The same for `answer_why`, then refused.
  std::vector<waiting_why> asking_why = {};
  /// Answered by `answer_process`, in `store_timeout` at most; at most
  /// `waiting_max`, then refused.
  std::vector<waiting_process> processing = {};

  /// The next extra tick; none if only the periodic one is due.
  caf::optional<time_point> wake = caf::none;
  time_point next_tick = {};
  /// Set while stopping: why, and when to stop in any case.
  caf::optional<caf::error> stopping = caf::none;
  time_point stop_deadline = {};

  // -- handlers, in the order of the interface --------------------------------

  void hear(const events_appended& hint);

  caf::result<queue_positions> positions(const get_queue_positions& query);

  caf::result<job_found> cancel(const cancel_job& command);

  caf::result<job_explained> explain(const explain_job& query);

  caf::result<queue_processed> process(const process_queue& command);

  caf::result<provider_jobs_synced> sync(const sync_provider_jobs& command);

  caf::result<job_found> resolve(const resolve_attempt& command);

  void on_tick(const tick& due);

  /// Lets what is in flight end, then quits.
  void stop(const caf::error& reason);

  // -- time and order of work (queue_scheduler.cpp) ---------------------------

  void start();

  void end(const caf::error& reason);

  void arm();

  /// Looks again at `at`, if the periodic tick is later.
  void wake_at(time_point at);

  /// Does everything that is due. Idempotent.
  void look();

  /// @returns whether nothing is on its way to the store or a provider.
  bool is_drained() const;

  /// @returns the context of a new unit of work about no single job.
  context new_work() const;

  /// @returns when to try again after `failures` failures.
  time_point retry_at(uint32_t failures) const;

  // -- questions (questions.cpp) ----------------------------------------------

  /// Answers all that can be, from one count of all lanes.
  void answer_positions();

  /// @returns what the index knows, once it is loaded.
  caf::optional<queue_entry> find_loaded(const std::string& job_id) const;
  void why_found(const explain_job& query, const job& subject,
                 explain_promise promise);

  void answer_why();

  /// @returns why the job of `x` does not run.
  job_explained why(const explain_job& query, const queue_entry& x);

  /// @returns what keeps a job that holds a slot from running.
  std::vector<queue_constraint> held_by(const std::string& job_id) const;

  provider_line line_of(const std::string& provider) const;

  /// Answers those for whom nothing is left to be claimed.
  void answer_process();

  // -- following the log (follow_log.cpp) -------------------------------------

  /// Reads the next thing that is missing, if any. Idempotent.
  void catch_up();

  void load();

  void take_loaded(const queue_snapshot& page);

  void begin_load(const queue_snapshot& first);

  void end_load(const queue_snapshot& last);

  /// Ends a load once nothing it missed is unknown. Idempotent.
  void end_renewal();

  void read_missed();

  void take_events(const event_page& page);

  void reload();

  void take_rows(const std::vector<std::string>& job_ids, int64_t target,
                 const queue_snapshot& snapshot);

  void take(const queue_snapshot& snapshot);

  /// @returns whether `x` was read before we wrote about it.
  bool is_outdated(const open_attempt& x) const;

  void retry_reading(const caf::error& err);

  void mark_dirty(const std::string& job_id);

  /// Drops everything known about a job that has left the queue.
  void forget(const std::string& job_id);

  // -- claim, submit, record (dispatch.cpp) -----------------------------------

  void dispatch();

  void set_rooms();

  void submit_claimed(const context& ctx, const jobs_claimed& answer);

  void put_back(const std::string& job_id, const std::string& reason);

  void keep_unanswered(const caf::error& err);

  void submit(const claimed_job& claimed, uint64_t round);

  void submitted(int64_t attempt_id, const submission_outcome& outcome);

  caf::timespan delay_after(const submission& x,
                            const submission_outcome& outcome);

  void note_provider(const std::string& provider,
                     const submission_outcome& outcome);

  /// Writes down what came of an attempt that we did not submit ourselves.
  void conclude(const open_attempt& attempt, submission_outcome outcome);

  void record(int64_t attempt_id);

  void recorded(int64_t attempt_id, const submission_recorded& answer);

  /// Keeps in mind whose job that is, even when it is over.
  void remember(const std::string& provider, const std::string& external_id);

  void retry_record(int64_t attempt_id, const caf::error& err);

  /// What a request of ours made at the provider was refused by the store: it
  /// is stopped there unless another job follows it.
  void stop_stray(const submission& stray);

  void cancel_stray(const submission& stray);

  void record_due();

  void leave_round(uint64_t round, const std::string& accepted_job);

  // -- attempts in doubt (doubts.cpp) -----------------------------------------

  void mind_attempts();

  void mind(const open_attempt& attempt);

  doubt doubt_about(const open_attempt& attempt) const;

  void compare_due();

  void begin_listing(const std::string& provider, std::vector<doubt> doubts);

  void ask_page(const std::string& provider, const std::string& page_cursor);

  void take_page(const std::string& provider, const provider_job_page& page);

  /// No page came: tries again later, unless none ever will.
  void miss_page(const std::string& provider, const caf::error& err);

  void ask_adopted(const std::string& provider);

  void judge(const std::string& provider, const job_list& active);

  void act_on(const finding& found);

  /// @returns whether `x` is still what the store has.
  bool is_current(const open_attempt& x) const;

  void retry_listing(const std::string& provider, const caf::error& err);

  caf::timespan window_of(const std::string& provider) const;

  // -- requests that arrive late (twins.cpp) ----------------------------------

  /// @returns what a listing must show about a watched attempt.
  doubt watch_of(const open_attempt& attempt) const;

  void act_on_watched(const finding& found);

  /// @returns whether an attempt that looks the same may be at the provider.
  bool may_be_anothers(const open_attempt& attempt) const;

  /// A watched attempt is at the provider.
  void note_twin_of(const open_attempt& attempt,
                    const std::string& external_id);

  /// Cancels it there, however long it takes. Idempotent.
  void stop_twin(const open_attempt& attempt);

  void end_watch_of(const context& ctx, const std::string& job_id,
                    int64_t attempt_id);

  /// Takes what is or may be of watched attempts out of `found`; stops what is.
  void take_twins(const std::string& provider,
                  std::vector<provider_job>& found);

  // -- cancelling (cancellation.cpp) ------------------------------------------

  void cancel_found(const cancel_job& command, const job& subject,
                    job_promise promise);

  void end_here(const cancel_job& command, const job& subject,
                job_promise promise);

  void retry_there(const cancel_job& command, const caf::error& err,
                   job_promise promise);

  void cancel_there(const cancel_job& command, const job& subject,
                    job_promise promise);

  /// Its provider would not cancel it: a terminal status found there wins.
  void look_there(const cancel_job& command, const job& subject,
                  const caf::error& refusal, job_promise promise);

  void apply_cancelled(const cancel_job& command, const job& subject,
                       provider_job seen, job_promise promise);

  bool is_young(const job& subject) const;

  /// Cancels at the provider what an attempt of a job that is over started,
  /// however long it takes. Idempotent.
  void stop_there(int64_t attempt_id, cancellation subject);

  void stop_due();

  void ask_to_stop(int64_t attempt_id);

  /// A cancellation failed: what is over there needs none.
  void not_stopped(int64_t attempt_id, const caf::error& err);

  void stopped_there(int64_t attempt_id, const provider_job& seen);

  void close(int64_t attempt_id);

  void retry_stop(int64_t attempt_id, const caf::error& err);

  // -- what a person decides about an attempt (resolution.cpp) ----------------

  void resolve_found(const resolve_attempt& command, const job& subject,
                     job_promise promise);

  void resolve_open(const resolve_attempt& command, const job& subject,
                    const open_attempt& attempt, job_promise promise);

  void adopt(const resolve_attempt& command, const job& subject,
             const open_attempt& attempt, job_promise promise);

  void fail(const resolve_attempt& command, const open_attempt& attempt,
            job_promise promise);

  /// Writes down what was decided and answers when that is done.
  void settle(const resolve_attempt& command, const open_attempt& attempt,
              submission_outcome outcome, job_promise promise);

  void answer_resolution(int64_t attempt_id, const caf::expected<job>& settled);

  /// Lets the audit log know what `who` did to a job where no command of the
  /// store says so.
  void audit(const context& ctx, const caller& who, std::string action,
             const job& subject, std::string details);

  // -- unknown jobs at a provider (provider_sync.cpp) -------------------------

  /// @returns whether something that was submitted there may be unknown.
  bool is_unsettled(const std::string& provider) const;

  void import_found(const sync_provider_jobs& command, provider_job_page page,
                    sync_promise promise);

  void end_sync(const sync_provider_jobs& command,
                caf::expected<int64_t> discovered, sync_promise promise);
};

/// @returns the index's view of `x`.
queue_entry entry_of(const job& x);

/// @returns the context of the job of `x`.
context context_of(const open_attempt& x);

/// Spawn function of the QUEUE SCHEDULER. Gives slots to waiting jobs, submits
/// each of them exactly once and looks after every attempt until it is settled.
/// @param self The actor.
/// @param settings Checked by the configuration.
/// @param store Its failures are never fatal.
/// @param providers Its failures are never fatal.
queue_scheduler_actor::behavior_type
queue_scheduler(pointer<queue_scheduler_actor, queue_scheduler_state> self,
                queue_scheduler_settings settings, store_actor store,
                provider_gateway_actor providers);

} // namespace tunerd
