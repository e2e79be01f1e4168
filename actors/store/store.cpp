#include "actors/store/store.hpp"

#include "actors/store/lease_table.hpp"
#include "actors/support/fault_point.hpp"

#include <algorithm>

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.store"};

/// How often a command runs that somebody else's transactions get in the way
/// of.
constexpr int attempts_max = 3;
constexpr size_t batch_max = 512;
constexpr auto clean_up_interval = std::chrono::minutes{1};

/// @returns the name of the fault points around a commit that contains such a
/// command; empty if it has none.
template <class Command>
constexpr const char* kind_of() {
  if constexpr (std::is_same_v<Command, submit_job>)
    return "submit";
  else if constexpr (std::is_same_v<Command, claim_jobs>)
    return "claim";
  else if constexpr (std::is_same_v<Command, record_submission>)
    return "record";
  else if constexpr (std::is_same_v<Command, apply_status>)
    return "apply";
  else
    return "";
}

void visit_fault_points(const std::set<std::string>& kinds, const char* when) {
  for (const auto& kind : kinds)
    if (!kind.empty())
      fault_point((kind + when).c_str());
}

std::vector<std::string> without_repetition(std::vector<std::string> xs) {
  std::sort(xs.begin(), xs.end());
  xs.erase(std::unique(xs.begin(), xs.end()), xs.end());
  return xs;
}

/// @returns whether the server may have done what it was asked for.
bool is_lost(const std::exception& e) {
  const auto* known = dynamic_cast<const sql::database_error*>(&e);
  return known != nullptr && known->kind() == sql::failure::connection_lost;
}

} // namespace

// Otherwise a store with much to do would mostly wait for its disk.
caf::timespan batch_time(caf::timespan commit_time) {
  constexpr caf::timespan low = std::chrono::milliseconds{5};
  constexpr caf::timespan high = std::chrono::milliseconds{50};
  return 4 * std::clamp(commit_time, low / 4, high / 4);
}

// -- handlers -----------------------------------------------------------------

template <class Command>
auto store_state::execute(const Command& command) {
  using answer = sql::answer_to<Command>;
  fault_point("store.command");
  caf::expected<answer> outcome{caf::error{}};
  try {
    open();
    outcome = attempt(command);
  } catch (const sql::database_error& e) {
    log.error("Store command failed: {}", e.what());
    abandon_command();
    return caf::result<answer>{make_error(ec::database_error, e.what())};
  } catch (...) {
    crash();
    throw;
  }
  kinds.insert(kind_of<Command>());
  auto promise = self->template make_response_promise<answer>();
  waiting.push_back(
    [promise, outcome = std::move(outcome)](const caf::error& err) mutable {
      if (err)
        promise.deliver(err);
      else if (outcome)
        promise.deliver(std::move(*outcome));
      else
        promise.deliver(outcome.error());
    });
  if (is_full())
    commit();
  return caf::result<answer>{promise};
}

template <class Query>
auto store_state::ask_reader(const Query& query) {
  return self->delegate(reader, query);
}

void store_state::flush(const tick& x) {
  if (x.generation == generation)
    commit();
}

// -- steps --------------------------------------------------------------------

void store_state::open() {
  if (is_open)
    return;
  server_time = db->begin_writing();
  pass_fence();
  is_open = true;
  opened_at = self->clock().now();
  self->send(self, tick{++generation});
  if (const auto time = now(); time >= next_clean_up) {
    next_clean_up = time + clean_up_interval;
    sql::clean_up(*db, time, settings.retention);
  }
}

void store_state::pass_fence() {
  const auto& x = settings.fence;
  if (!x || sql::lease_table{*db}.lock(x->holder, x->epoch))
    return;
  db->execute("ROLLBACK");
  x->on_refused();
  throw sql::database_error{sql::failure::other, "this node leads no more"};
}

timestamp store_state::now() const {
  return server_time ? *server_time : settings.world.now();
}

template <class Command>
caf::expected<sql::answer_to<Command>>
store_state::attempt(const Command& command) {
  for (int left = attempts_max;; --left) {
    try {
      return attempt_once(command);
    } catch (const sql::database_error& e) {
      if (e.kind() != sql::failure::conflict || left == 1)
        throw;
      // Lets go of what the other one wants.
      db->execute("ROLLBACK TO command");
      db->execute("RELEASE command");
    }
  }
}

template <class Command>
caf::expected<sql::answer_to<Command>>
store_state::attempt_once(const Command& command) {
  db->execute("SAVEPOINT command");
  sql::news done;
  const auto limits = settings.limits.get();
  sql::transaction tx{
    *db, now(), *limits, done, *settings.approvals.get(), settings.retention};
  auto outcome = run(tx, command);
  if (!outcome)
    db->execute("ROLLBACK TO command");
  db->execute("RELEASE command");
  if (outcome)
    told.add(std::move(done));
  return outcome;
}

void store_state::abandon_command() {
  if (!is_open)
    return;
  try {
    // Some errors (full disk, I/O) end the whole transaction by themselves,
    // and then there is no savepoint either.
    db->execute("ROLLBACK TO command");
    db->execute("RELEASE command");
  } catch (const sql::database_error& e) {
    give_up(make_error(ec::database_error, e.what()));
  }
}

bool store_state::is_full() const {
  return waiting.size() >= batch_max
         || self->clock().now() - opened_at >= batch_time(commit_time);
}

void store_state::commit() {
  if (!is_open)
    return;
  try {
    visit_fault_points(kinds, ".before_commit");
    const auto begin = self->clock().now();
    if (auto err = end_transaction())
      return give_up(err);
    commit_time = self->clock().now() - begin;
    visit_fault_points(kinds, ".after_commit");
  } catch (...) {
    crash();
    throw;
  }
  tell();
  answer_all({});
}

caf::error store_state::end_transaction() {
  try {
    fault_point("store.commit");
    db->execute("COMMIT");
    return {};
  } catch (const std::exception& e) {
    if (is_lost(e)) {
      log.error("The database was lost during COMMIT, what became of {} "
                "commands is unknown: {}",
                waiting.size(), e.what());
      return make_error(ec::worker_restarting, "lost during COMMIT");
    }
    log.error("COMMIT failed, {} commands had no effect: {}", waiting.size(),
              e.what());
    return make_error(ec::database_error, e.what());
  }
}

void store_state::tell() {
  if (told.last_event != 0) {
    const events_appended hint{told.first_event, told.last_event,
                               without_repetition(std::move(told.job_ids))};
    for (const auto& listener : listeners)
      self->send(listener, hint);
  }
  for (const auto& write_line : told.lines)
    write_line();
}

void store_state::answer_all(const caf::error& err) {
  is_open = false;
  told = {};
  kinds.clear();
  for (auto& send_answer : std::exchange(waiting, {}))
    send_answer(err);
}

void store_state::give_up(const caf::error& err) {
  try {
    if (db->in_transaction())
      db->execute("ROLLBACK");
  } catch (const sql::database_error&) {
    crash();
    throw; // a new connection is the only way out
  }
  answer_all(err);
}

void store_state::crash() {
  answer_all(make_error(ec::worker_restarting, "the store crashed"));
}

store_actor::behavior_type store(pointer<store_actor, store_state> self,
                                 store_settings settings,
                                 store_reader_actor reader,
                                 std::vector<event_listener_actor> listeners) {
  auto db = settings.db->connect(sql::connection::mode::read_write);
  self->state = {.self = self,
                 .settings = std::move(settings),
                 .reader = std::move(reader),
                 .listeners = std::move(listeners),
                 .db = std::move(db)};
  // What was begun is finished and answered before a stop.
  self->set_exit_handler([self](caf::exit_msg& x) {
    self->state.commit();
    self->quit(std::move(x.reason));
  });
  return {
    [self](const submit_job& x) { return self->state.execute(x); },
    [self](const get_job& x) { return self->state.ask_reader(x); },
    [self](const list_jobs& x) { return self->state.ask_reader(x); },
    [self](const end_job& x) { return self->state.execute(x); },
    [self](const delete_job& x) { return self->state.execute(x); },
    [self](const apply_status& x) { return self->state.execute(x); },
    [self](const report_missing_job& x) { return self->state.execute(x); },
    [self](const list_active_jobs& x) { return self->state.ask_reader(x); },
    [self](const load_queue& x) { return self->state.ask_reader(x); },
    [self](const reload_queue& x) { return self->state.ask_reader(x); },
    [self](const claim_jobs& x) { return self->state.execute(x); },
    [self](const record_submission& x) { return self->state.execute(x); },
    [self](const close_attempt& x) { return self->state.execute(x); },
    [self](const note_twin& x) { return self->state.execute(x); },
    [self](const end_watch& x) { return self->state.execute(x); },
    [self](const list_queue& x) { return self->state.ask_reader(x); },
    [self](const get_queue_stats& x) { return self->state.ask_reader(x); },
    [self](const get_limits& x) { return self->state.ask_reader(x); },
    [self](const set_limits& x) { return self->state.execute(x); },
    [self](const apply_webhook& x) { return self->state.execute(x); },
    [self](const import_jobs& x) { return self->state.execute(x); },
    [self](const get_job_logs& x) { return self->state.ask_reader(x); },
    [self](const get_user_queue& x) { return self->state.ask_reader(x); },
    [self](const cancel_queued_job& x) { return self->state.execute(x); },
    [self](const set_priority& x) { return self->state.execute(x); },
    [self](const clean_queue& x) { return self->state.execute(x); },
    [self](const create_rule& x) { return self->state.execute(x); },
    [self](const change_rule& x) { return self->state.execute(x); },
    [self](const delete_rule& x) { return self->state.execute(x); },
    [self](const get_rule& x) { return self->state.ask_reader(x); },
    [self](const list_rules& x) { return self->state.ask_reader(x); },
    [self](const decide_approval& x) { return self->state.execute(x); },
    [self](const extend_approval& x) { return self->state.execute(x); },
    [self](const get_approval& x) { return self->state.ask_reader(x); },
    [self](const list_approvals& x) { return self->state.ask_reader(x); },
    [self](const sweep_approvals& x) { return self->state.execute(x); },
    [self](const get_settings& x) { return self->state.ask_reader(x); },
    [self](const put_settings& x) { return self->state.execute(x); },
    [self](const append_audit& x) { return self->state.execute(x); },
    [self](const get_trace& x) { return self->state.ask_reader(x); },
    [self](const get_store_metrics& x) { return self->state.ask_reader(x); },
    [self](const get_cost_report& x) { return self->state.ask_reader(x); },
    [self](const get_cost_limit& x) { return self->state.ask_reader(x); },
    [self](const append_event& x) { return self->state.execute(x); },
    [self](const read_events& x) { return self->state.ask_reader(x); },
    [self](const tick& x) { self->state.flush(x); },
  };
}

} // namespace tunerd
