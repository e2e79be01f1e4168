#include "actors/store/store_reader.hpp"

#include "actors/store/queries.hpp"

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.store"};

} // namespace

template <class Query>
auto store_reader_state::answer(const Query& query) {
  using found = sql::found_by<Query>;
  try {
    const sql::snapshot scope{*db};
    const auto limits = settings.limits.get();
    const auto now
      = scope.server_time() ? *scope.server_time() : settings.world.now();
    return caf::result<found>{
      look_up(sql::view{*db, now, *limits, &costs}, query)};
  } catch (const sql::database_error& e) {
    log.error("Store query failed: {}", e.what());
    return caf::result<found>{make_error(ec::database_error, e.what())};
  }
}

store_reader_actor::behavior_type
store_reader(pointer<store_reader_actor, store_reader_state> self,
             store_settings settings) {
  auto db = settings.db->connect(sql::connection::mode::read_only);
  self->state
    = {.self = self, .settings = std::move(settings), .db = std::move(db)};
  return {
    [self](const get_job& x) { return self->state.answer(x); },
    [self](const list_jobs& x) { return self->state.answer(x); },
    [self](const list_active_jobs& x) { return self->state.answer(x); },
    [self](const load_queue& x) { return self->state.answer(x); },
    [self](const reload_queue& x) { return self->state.answer(x); },
    [self](const list_queue& x) { return self->state.answer(x); },
    [self](const get_queue_stats& x) { return self->state.answer(x); },
    [self](const get_limits& x) { return self->state.answer(x); },
    [self](const get_job_logs& x) { return self->state.answer(x); },
    [self](const get_user_queue& x) { return self->state.answer(x); },
    [self](const get_rule& x) { return self->state.answer(x); },
    [self](const list_rules& x) { return self->state.answer(x); },
    [self](const get_approval& x) { return self->state.answer(x); },
    [self](const list_approvals& x) { return self->state.answer(x); },
    [self](const get_settings& x) { return self->state.answer(x); },
    [self](const get_trace& x) { return self->state.answer(x); },
    [self](const get_store_metrics& x) { return self->state.answer(x); },
    [self](const get_cost_report& x) { return self->state.answer(x); },
    [self](const get_cost_limit& x) { return self->state.answer(x); },
    [self](const read_events& x) { return self->state.answer(x); },
  };
}

} // namespace tunerd
