#include "actors/supervisor/supervisor.hpp"

#include <caf/atom.hpp>

#include <algorithm>

// How long messages wait in the mailboxes of the workers. The question is CAF's
// own: every actor answers it when its turn comes, without a handler of ours
// and so without a message in each interface. It reads no context and has none.

namespace tunerd {

namespace {

/// Doubled each time it is over, so a worker that hangs for ever finds only a
/// few questions in its mailbox.
constexpr caf::timespan first_patience = std::chrono::seconds{10};
constexpr caf::timespan patience_max = std::chrono::hours{1};

} // namespace

void supervisor_state::probe_mailboxes() {
  const auto now = self->clock().now();
  if (stopping || now < probes_due)
    return;
  probes_due = now + settings.probe_interval;
  for (auto& x : workers)
    if (is_up(x) && !x.probe.since)
      probe(x, first_patience);
}

void supervisor_state::probe(supervised& x, caf::timespan patience) {
  const auto index = static_cast<size_t>(&x - workers.data());
  const auto number = ++x.probe.number;
  x.probe.patience = patience;
  if (!x.probe.since)
    x.probe.since = self->clock().now();
  auto& asking = *self;
  asking
    .request(x.handle, patience, caf::sys_atom::value, caf::get_atom::value,
             std::string{"info"})
    .then([this, index, number](
            caf::ok_atom, const std::string&, const caf::strong_actor_ptr&,
            const std::string&) { probe_answered(index, number); },
          [this, index, number](const caf::error& err) {
            probe_failed(index, number, err);
          });
}

void supervisor_state::probe_answered(size_t index, uint64_t number) {
  auto& x = workers[index];
  if (x.probe.number != number || !x.probe.since)
    return; // Of an earlier incarnation.
  x.probe.waited = self->clock().now() - *x.probe.since;
  x.probe.since.reset();
}

void supervisor_state::probe_failed(size_t index, uint64_t number,
                                    const caf::error& err) {
  auto& x = workers[index];
  if (x.probe.number != number || !x.probe.since)
    return;
  // An answer that comes after its time is not heard: ask again.
  if (err == caf::sec::request_timeout && x.handle)
    return probe(x, std::min(x.probe.patience * 2, patience_max));
  forget_probe(x);
}

void supervisor_state::forget_probe(supervised& x) {
  x.probe = {.number = x.probe.number};
}

caf::timespan supervisor_state::mailbox_age(const supervised& x) const {
  if (!x.handle)
    return caf::timespan{0};
  if (!x.probe.since)
    return x.probe.waited;
  return std::max<caf::timespan>(x.probe.waited,
                                 self->clock().now() - *x.probe.since);
}

} // namespace tunerd
