#pragma once

#include "actors/store/commands.hpp"
#include "actors/store/store_settings.hpp"
#include "actors/support/actor.hpp"
#include "messages/interfaces.hpp"

#include <functional>
#include <set>

namespace tunerd {

/// @returns how long commands are collected before a COMMIT, if the last one
/// took `commit_time`: 5 ms, or four times as long as that on a slow disk, but
/// at most 50 ms. A store with nothing else to do commits sooner.
caf::timespan batch_time(caf::timespan commit_time);

/// State of the STORE: one connection that writes, and the commands that wait
/// for its next COMMIT.
///
/// Group commit: the first command opens a transaction and sends a tick, which
/// queues up behind all commands that are in the mailbox already. Each command
/// runs in a savepoint of its own, so a failing one harms no other. The tick,
/// the 512th command or the first one after `batch_time` commits, and only then
/// everybody is answered. So answers are true, and no command waits for more
/// than one COMMIT.
struct store_state {
  static inline constexpr const char* name = "store";

  /// Hands out one command's answer, or the error instead of it.
  using answer_sender = std::function<void(const caf::error&)>;

  // -- data (self first, or CAF initialises another member with it) -----------

  pointer<store_actor, store_state> self;
  store_settings settings;
  store_reader_actor reader;
  std::vector<event_listener_actor> listeners;
  std::shared_ptr<sql::connection> db = {};

  /// Commands of the open transaction, at most 512. All leave at its end.
  std::vector<answer_sender> waiting = {};
  /// What the open transaction changed.
  sql::news told = {};
  /// What kinds of commands it has, by the names of their fault points.
  std::set<std::string> kinds = {};
  bool is_open = false;
  /// Counts transactions: the tick of an older one is out of date.
  uint64_t generation = 0;
  caf::actor_clock::time_point opened_at = {};
  /// How long the last COMMIT took.
  caf::timespan commit_time = {};
  timestamp next_clean_up = {};
  /// When the open transaction began, if the database has a clock.
  caf::optional<timestamp> server_time = {};

  // -- handlers ---------------------------------------------------------------

  /// Runs any command; answers after the next COMMIT.
  template <class Command>
  auto execute(const Command& command);

  /// Passes a query on to the reader.
  template <class Query>
  auto ask_reader(const Query& query);

  void flush(const tick& x);

  // -- steps ------------------------------------------------------------------

  /// Opens a transaction if there is none.
  void open();

  /// Locks the lease for as long as the transaction lasts.
  /// @throws sql::database_error, with no transaction, if it is over.
  void pass_fence();

  /// @returns the time that counts: the database's, else the outside's.
  timestamp now() const;

  /// Runs `command` in a savepoint, up to three times if it meets others.
  template <class Command>
  caf::expected<sql::answer_to<Command>> attempt(const Command& command);

  template <class Command>
  caf::expected<sql::answer_to<Command>> attempt_once(const Command& command);

  /// After a failure of the database inside a savepoint: gives up the command
  /// if the others can go on, else all of them.
  void abandon_command();

  /// @returns whether the open transaction has enough to commit.
  bool is_full() const;

  /// Commits what is open, tells the world, answers everybody.
  void commit();

  /// @returns none if COMMIT succeeded.
  caf::error end_transaction();

  /// Answers everybody with `err`, or what they are to get if it is none.
  void answer_all(const caf::error& err);

  /// Drops the transaction, answers everybody with `err`.
  void give_up(const caf::error& err);

  /// The actor is about to end by an exception: nobody knows what was
  /// committed, so everybody is told to ask again.
  void crash();

  void tell();
};

/// Spawn function of the STORE. Blocks on the disk: to be run detached.
/// @param settings Its database must have been opened before.
/// @param reader Answers the queries.
/// @param listeners Are told after each COMMIT that the log has grown, before
/// the commands are answered. Not monitored.
/// @throws sql::database_error if it cannot open its connection.
store_actor::behavior_type store(pointer<store_actor, store_state> self,
                                 store_settings settings,
                                 store_reader_actor reader,
                                 std::vector<event_listener_actor> listeners);

} // namespace tunerd
