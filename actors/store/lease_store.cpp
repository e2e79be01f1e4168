#include "actors/store/lease_store.hpp"

#include "actors/store/lease_table.hpp"

namespace tunerd {

caf::result<lease_kept> lease_store_state::keep(const keep_lease& command) {
  try {
    const auto time = db->begin_writing();
    auto result
      = sql::lease_table{*db}.keep(command, time ? *time : world.now());
    db->execute("COMMIT");
    return result;
  } catch (const sql::database_error& e) {
    if (db->in_transaction())
      db->execute("ROLLBACK");
    return make_error(ec::database_error, e.what());
  }
}

lease_store_actor::behavior_type
lease_store(pointer<lease_store_actor, lease_store_state> self,
            store_settings settings) {
  auto db = settings.db->connect(sql::connection::mode::apart);
  self->state
    = {.self = self, .world = std::move(settings.world), .db = std::move(db)};
  return {
    [self](const keep_lease& x) { return self->state.keep(x); },
  };
}

} // namespace tunerd
