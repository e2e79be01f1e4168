#pragma once

#include "actors/store/cost_sums.hpp"
#include "actors/store/store_settings.hpp"
#include "actors/support/actor.hpp"
#include "messages/interfaces.hpp"

namespace tunerd {

/// State of the STORE READER: its connection, which cannot write, and what it
/// read a moment ago.
struct store_reader_state {
  static inline constexpr const char* name = "store-reader";

  // -- data (self first, or CAF initialises another member with it) -----------

  pointer<store_reader_actor, store_reader_state> self;
  store_settings settings;
  std::shared_ptr<sql::connection> db = {};
  sql::kept_costs costs = {};

  /// Answers any query from one snapshot; `database_error` if it cannot.
  template <class Query>
  auto answer(const Query& query);
};

/// Spawn function of the STORE READER. Blocks on the disk: to be run detached.
/// @param settings Its database must have been opened before.
/// @throws sql::database_error if it cannot open its connection.
store_reader_actor::behavior_type
store_reader(pointer<store_reader_actor, store_reader_state> self,
             store_settings settings);

} // namespace tunerd
