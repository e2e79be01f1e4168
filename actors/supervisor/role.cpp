#include "actors/supervisor/supervisor.hpp"

// What the role of this node changes.

namespace tunerd {

void supervisor_state::change_role(const role_changed& x) {
  if (stopping)
    return;
  const bool other_stand_in = stand_in != x.stand_in;
  stand_in = x.stand_in;
  const bool same = leads == x.leads && (!leads || epoch == x.epoch);
  leads = x.leads;
  epoch = x.epoch;
  for (auto& w : workers) {
    if (!w.what.leader_only)
      continue;
    if (!same) {
      w.ctx = {x.ctx.correlation_id, {{"worker", w.what.name}}};
      follow_role(w);
    }
    if (!w.handle && (!same || other_stand_in))
      tell_address(w);
  }
  if (same)
    return;
  grant_grace();
  step();
}

void supervisor_state::follow_role(supervised& x) {
  if (!leads) {
    x.replace = false; // it ends for good
    if (!x.handle)
      x.status.phase = worker_phase::stopped;
    return;
  }
  // What it holds may be of an older epoch.
  x.replace = static_cast<bool>(x.handle);
  x.due = {};
  if (x.wanted && !x.given_up)
    x.status.phase = worker_phase::restarting;
}

} // namespace tunerd
