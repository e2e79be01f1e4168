#include "actors/supervisor/supervisor.hpp"

#include <algorithm>
#include <utility>

// What people want of single workers.

namespace tunerd {

namespace {

/// Orders that may wait at once. One more is refused.
constexpr size_t orders_max = 100;

} // namespace

caf::result<worker_list>
supervisor_state::control(const control_worker& command) {
  auto* x = find(command.name);
  if (auto no = objection(command, x))
    return no;
  auto promise = self->make_response_promise<worker_list>();
  orders.push_back({command.ctx, static_cast<size_t>(x - workers.data()),
                    command.action, self->clock().now() + settings.grace,
                    promise});
  x->ctx = {command.ctx.correlation_id, {{"worker", command.name}}};
  want(*x, command.action);
  step();
  return promise;
}

caf::error supervisor_state::objection(const control_worker& command,
                                       const supervised* x) const {
  if (x == nullptr)
    return make_error(ec::not_found, "no worker " + command.name);
  if (!x->what.may_be_stopped)
    return make_error(ec::conflict, "worker " + command.name
                                      + " runs as long as the daemon does");
  if (stopping)
    return make_error(ec::conflict, "the daemon is stopping");
  if (x->what.leader_only && !leads)
    return make_error(ec::conflict, "this node does not lead");
  if (orders.size() >= orders_max)
    return make_error(ec::overloaded, "too many orders");
  return {};
}

void supervisor_state::want(supervised& x, worker_action action) {
  const bool wanted = action == worker_action::start;
  if (std::exchange(x.wanted, wanted) == wanted)
    return;
  if (wanted) {
    if (is_up(x))
      return; // Its turn to end had not come.
    x.due = {};
    if (!x.handle && !x.given_up)
      x.status.phase = worker_phase::restarting;
    restart_with(x); // They hold what the one before told them.
  } else if (x.handle) {
    grant_grace();
  } else {
    ended(x);
  }
}

bool supervisor_state::is_so(const order& x) const {
  const auto& subject = workers[x.index];
  return x.action == worker_action::stop
           ? subject.status.phase == worker_phase::stopped && !subject.handle
           : is_up(subject) && subject.wanted && !subject.replace;
}

caf::error supervisor_state::hopeless(const order& x) const {
  const auto& subject = workers[x.index];
  const auto& worker_name = subject.what.name;
  if (subject.wanted != (x.action == worker_action::start))
    return make_error(ec::conflict,
                      "somebody wants the opposite for " + worker_name);
  if (x.action == worker_action::start && subject.given_up)
    return make_error(ec::conflict, worker_name + " crashed too often");
  if (x.action == worker_action::start && stopping)
    return make_error(ec::conflict, "the daemon is stopping");
  if (x.until <= self->clock().now())
    return make_error(ec::worker_restarting,
                      worker_name + " takes longer than expected");
  return {};
}

void supervisor_state::answer_orders() {
  std::erase_if(orders, [this](order& x) {
    auto no = hopeless(x);
    if (is_so(x))
      x.promise.deliver(report(x.ctx));
    else if (no)
      x.promise.deliver(std::move(no));
    else
      return false;
    return true;
  });
}

} // namespace tunerd
