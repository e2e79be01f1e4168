#pragma once

#include "messages/callers.hpp"
#include "messages/context.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tunerd {

/// One line of the event log. Ids rise in commit order and are never reused.
struct event {
  int64_t id = 0;
  timestamp time = {};
  /// E.g. "job_status_changed" (streamed) or "queue_changed" (internal).
  std::string type;
  /// Empty where the event is about no job.
  std::string job_id = {};
  /// Whose it is; empty user: for admins only.
  std::string user_id = {};
  std::string org_id = {};
  std::string correlation_id = {};
  /// What is streamed: a JSON object as text.
  std::string data = "{}";
};

/// @returns whether events of `type` reach subscribers. The others share the
/// ids, wake the workers and stay inside.
bool is_streamed(const std::string& type);

/// Hint: events `first_id` to `last_id` were committed. May be lost, repeated
/// or late; whoever needs to know more reads the log.
struct events_appended {
  int64_t first_id = 0;
  int64_t last_id = 0;
  /// The jobs they are about, without repetition.
  std::vector<std::string> job_ids = {};
};

/// Command: append one event that changes no other row. `id` and `time` are
/// set by the store. Answered with `event_appended`.
struct append_event {
  context ctx;
  event subject;
};

/// Answer to `append_event`.
struct event_appended {
  context ctx;
  int64_t id = 0;
};

/// Query: events with an id above `after`, in order.
struct read_events {
  context ctx;
  int64_t after = 0;
  /// 1-1000.
  int32_t limit = 500;
};

/// Answer to `read_events`.
struct event_page {
  context ctx;
  std::vector<event> events = {};
  /// Smallest id still in the log; 0 if it is empty.
  int64_t oldest = 0;
  /// Largest id ever given; a cursor above it lies in the future.
  int64_t head = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, event& x) {
  return f(caf::meta::type_name("event"), x.id, x.time, x.type, x.job_id,
           x.user_id, x.org_id, x.correlation_id, x.data);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, events_appended& x) {
  return f(caf::meta::type_name("events_appended"), x.first_id, x.last_id,
           x.job_ids);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, append_event& x) {
  return f(caf::meta::type_name("append_event"), x.ctx, x.subject);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, event_appended& x) {
  return f(caf::meta::type_name("event_appended"), x.ctx, x.id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, read_events& x) {
  return f(caf::meta::type_name("read_events"), x.ctx, x.after, x.limit);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, event_page& x) {
  return f(caf::meta::type_name("event_page"), x.ctx, x.events, x.oldest,
           x.head);
}

} // namespace tunerd
