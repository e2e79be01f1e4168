#include "actors/sse_broadcaster/sse_broadcaster.hpp"

#include "actors/support/fault_point.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace tunerd {

namespace {

using namespace std::chrono_literals;

constexpr logger log{"simpletuner.cloud.events"};

/// Of one read. Longer ones are given up and asked again on the next tick.
constexpr caf::timespan read_timeout = 10s;

constexpr caf::timespan tick_interval = 1s;

/// Events per read for the ring: the most the log gives.
constexpr int32_t ring_page = 1'000;

/// Events per read for one stream. Small, since many may hold one.
constexpr int32_t stream_page = 128;

std::vector<event_frame_ptr> encode_all(const std::vector<event>& events) {
  std::vector<event_frame_ptr> result;
  result.reserve(events.size());
  for (const auto& x : events)
    if (auto frame = encode(x))
      result.push_back(std::move(frame));
  return result;
}

} // namespace

void sse_broadcaster_state::start() {
  // An empty hint: there is nothing new in the log, but somebody waits.
  auto weak = caf::actor_cast<caf::weak_actor_ptr>(event_listener_actor{self});
  fanout->attach([weak] {
    if (auto strong = caf::actor_cast<caf::strong_actor_ptr>(weak))
      caf::anon_send(caf::actor_cast<event_listener_actor>(strong),
                     events_appended{});
  });
  on_tick();
}

void sse_broadcaster_state::look(const events_appended& hint) {
  behind = behind || hint.last_id > fanout->cursor().value_or(0);
  read_next();
}

void sse_broadcaster_state::open(const open_stream& request) {
  fanout->open(request);
}

void sse_broadcaster_state::on_tick() {
  self->delayed_send(self, tick_interval, tick{});
  fanout->beat(settings.env.now());
  behind = true; // a hint may have been lost
  read_next();
}

void sse_broadcaster_state::read_next() {
  if (reading)
    return;
  const auto cursor = fanout->cursor();
  if (!cursor)
    return find_head();
  if (behind && std::exchange(served_stream, false))
    return read_new(*cursor);
  if (const auto demand = fanout->next_demand())
    return read_for(*demand);
  if (behind)
    read_new(*cursor);
}

template <class Step>
void sse_broadcaster_state::read(const read_events& query, Step step) {
  reading = true;
  self->ask(
    log_store, read_timeout, query,
    [this, step](const event_page& page) { take(page, step); },
    [this](const caf::error& err) { wait_for_tick(err); });
}

template <class Step>
void sse_broadcaster_state::take(const event_page& page, Step step) {
  fault_point("sse.page");
  reading = false;
  if (std::exchange(failing, false))
    log.info("The event log can be read again");
  step(page);
  read_next();
}

void sse_broadcaster_state::find_head() {
  const context ctx{new_correlation_id(settings.env.random)};
  read({ctx, 0, 1}, [this](const event_page& page) { begin(page); });
}

void sse_broadcaster_state::begin(const event_page& page) {
  // The newest part goes into the ring before anybody asks for it.
  const auto oldest = page.oldest == 0 ? page.head : page.oldest - 1;
  const auto wanted = page.head - settings.sse.ring_events;
  fanout->begin_at(std::max({oldest, wanted, int64_t{0}}), page.head);
  count_streamed();
  behind = true;
}

void sse_broadcaster_state::count_streamed() {
  settings.counts->event_streamed.set(fanout->cursor().value_or(0));
}

void sse_broadcaster_state::read_new(int64_t cursor) {
  behind = false; // a hint from now on may be newer than the page
  const context ctx{new_correlation_id(settings.env.random)};
  read({ctx, cursor, ring_page},
       [this, cursor](const event_page& page) { append(cursor, page); });
}

void sse_broadcaster_state::append(int64_t cursor, const event_page& page) {
  if (plan_replay(cursor, page).gap) {
    log.warning("The event log does not go on at {}, its head is {}",
                cursor + 1, page.head);
    return begin(page); // every stream asks the log and is told its gap
  }
  if (page.events.empty())
    return;
  const auto last = page.events.back().id;
  fanout->publish(encode_all(page.events), last, page.head);
  count_streamed();
  behind = behind || last < page.head;
}

void sse_broadcaster_state::read_for(const page_demand& demand) {
  served_stream = true;
  read({demand.ctx, demand.after, stream_page},
       [this, demand](const event_page& page) { serve(demand, page); });
}

void sse_broadcaster_state::serve(const page_demand& demand,
                                  const event_page& page) {
  fanout->replay({demand.stream, demand.after, plan_replay(demand.after, page),
                  encode_all(page.events)},
                 page.head);
}

void sse_broadcaster_state::wait_for_tick(const caf::error& err) {
  reading = false;
  if (!std::exchange(failing, true))
    log.warning("Cannot read the event log, trying again: {}", render(err));
}

sse_broadcaster_actor::behavior_type
sse_broadcaster(pointer<sse_broadcaster_actor, sse_broadcaster_state> self,
                sse_settings settings, event_reader_actor log_store,
                std::shared_ptr<event_fanout> fanout) {
  self->state = {.self = self,
                 .settings = std::move(settings),
                 .log_store = std::move(log_store),
                 .fanout = std::move(fanout)};
  self->state.start();
  return {
    [self](const events_appended& hint) { self->state.look(hint); },
    [self](const open_stream& request) { self->state.open(request); },
    [self](const tick&) { self->state.on_tick(); },
  };
}

} // namespace tunerd
