#include "actors/cluster/cluster.hpp"

#include "actors/cluster/stand_in.hpp"

#include <algorithm>

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.cluster"};

} // namespace

void cluster_state::refused(const lease_refused& x) {
  own.refused(x.epoch);
  turn();
}

void cluster_state::on_tick(const tick& x) {
  if (x.generation == generation)
    turn();
}

void cluster_state::stop(caf::error reason) {
  if (std::exchange(stopping, true))
    return;
  own.give_back();
  settings.lead->end();
  ++generation;
  const auto quit = [this, reason](const auto&) { self->quit(reason); };
  self->ask(
    store, settings.release_timeout, command(lease_wish::release),
    [quit](const lease_kept& x) { quit(x); },
    [quit](const caf::error& err) { quit(err); });
}

// -- steps --------------------------------------------------------------------

void cluster_state::turn() {
  if (stopping)
    return;
  if (const auto wish = own.next(settings.lead->now()))
    ask_store(*wish);
  tell_role();
  arm();
}

keep_lease cluster_state::command(lease_wish wish) const {
  return {.ctx = ctx,
          .me = settings.me,
          .wish = wish,
          .known = own.seen().value_or(lease_row{}),
          .epoch = own.epoch(),
          .length = settings.rules.length};
}

void cluster_state::ask_store(lease_wish wish) {
  self->ask(
    store, settings.store_timeout, command(wish),
    [this](const lease_kept& x) { take(x); },
    [this](const caf::error& err) { fail(err); });
}

void cluster_state::take(const lease_kept& x) {
  if (stopping)
    return;
  own.answered(settings.lead->now(), x.row, x.done);
  if (std::exchange(failing, false))
    log.info("The lease can be read again");
  note_twin(x.name_is_taken);
  turn();
  note_leader(x);
  note_events(x.events_head);
  tell_role_listener();
}

void cluster_state::fail(const caf::error& err) {
  if (stopping)
    return;
  own.failed(settings.lead->now());
  if (!std::exchange(failing, true))
    log.warning("Cannot read the lease, trying again: {}", render(err));
  turn();
}

void cluster_state::tell_role() {
  const auto now_leads = own.holds(settings.lead->now());
  if (now_leads) // with every renewal
    settings.lead->hold(own.epoch(), own.trusted_until());
  else
    settings.lead->end();
  if (now_leads == leads)
    return;
  ctx = {new_correlation_id(settings.random)};
  log_context scope{ctx};
  leads = now_leads;
  if (leads)
    log.info("This node leads", {{"epoch", own.epoch()}});
  else
    log.warning("This node leads no more", {{"epoch", own.epoch()}});
  tell_role_listener();
}

void cluster_state::tell_role_listener() {
  self->send(listener, role_changed{ctx, leads, own.epoch(), substitute});
}

void cluster_state::note_leader(const lease_kept& x) {
  const auto known = leads || x.row.holder != settings.me.incarnation;
  leader_known found{known ? x.holder_name : "", known ? x.holder_url : ""};
  if (found.name == leader.name && found.url == leader.url)
    return;
  leader = found;
  caf::anon_send(substitute, leader);
  if (!leads && !leader.name.empty())
    log.info("Node {} leads", leader.name);
}

void cluster_state::note_events(int64_t found) {
  if (std::exchange(head, found) == found)
    return;
  // An empty range behind them: whoever has not heard of all reads the log.
  for (const auto& x : event_listeners)
    self->send(x, events_appended{found + 1, found});
}

void cluster_state::note_twin(bool found) {
  if (std::exchange(has_twin, found) || !found)
    return;
  log.error("Another process is node {}, too: every node wants a name of its "
            "own (tunerd.cluster.node)",
            settings.me.name);
}

void cluster_state::arm() {
  const auto due = own.due();
  if (!due)
    return;
  const auto wait = std::max<caf::timespan>(*due - settings.lead->now(),
                                            std::chrono::milliseconds{1});
  self->delayed_send(self, wait, tick{++generation});
}

cluster_actor::behavior_type
cluster(pointer<cluster_actor, cluster_state> self, cluster_settings settings,
        lease_store_actor store, role_listener_actor listener,
        std::vector<event_listener_actor> event_listeners) {
  lease own{settings.me.incarnation, settings.rules};
  self->state = {.self = self,
                 .settings = std::move(settings),
                 .store = std::move(store),
                 .listener = std::move(listener),
                 .event_listeners = std::move(event_listeners),
                 .own = std::move(own)};
  auto& state = self->state;
  state.ctx = {new_correlation_id(state.settings.random)};
  state.substitute = self->spawn(stand_in);
  state.settings.lead->end(); // that of an incarnation that crashed
  state.tell_role_listener();
  state.turn();
  self->set_exit_handler(
    [self](caf::exit_msg& x) { self->state.stop(std::move(x.reason)); });
  return {
    [self](const lease_refused& x) { self->state.refused(x); },
    [self](const tick& x) { self->state.on_tick(x); },
  };
}

} // namespace tunerd
