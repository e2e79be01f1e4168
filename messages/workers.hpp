#pragma once

#include "messages/context.hpp"

#include <caf/actor.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace tunerd {

/// Self-message: it is time for the next round. Of another generation than the
/// receiver's: out of date, ignored.
struct tick {
  uint64_t generation = 0;
};

/// INTERNAL to supervisor and stable addresses: who the worker is now; an
/// empty handle while there is none.
struct incarnation {
  caf::actor worker;
};

/// Where a worker is in its life.
enum class worker_phase : uint8_t { starting, running, restarting, stopped };

std::string to_string(worker_phase phase);

/// How one worker is.
struct worker_state {
  std::string name;
  worker_phase phase = worker_phase::starting;
  uint32_t restarts = 0;
  /// Text of the last crash; empty if there was none.
  std::string last_error = {};
  /// How long a message waits until the worker handles it, as last measured,
  /// or has waited already. 0 while there is no worker.
  caf::timespan mailbox_age = caf::timespan{0};
};

/// Query: how are the workers? Answered with `worker_list`.
struct get_workers {
  context ctx;
};

/// Answer to `get_workers`, in start order.
struct worker_list {
  context ctx;
  std::vector<worker_state> workers;
};

/// What may be done to a worker.
enum class worker_action : uint8_t { start, stop };

/// Command to the supervisor: stop a worker until it is started again, or
/// start it. `not_found`; `conflict` if it may not be stopped. Idempotent.
/// Answered with `worker_list` once it is so.
struct control_worker {
  context ctx;
  std::string name;
  worker_action action = worker_action::start;
};

/// Command to the poller: ask about these jobs now, within the provider's
/// budget.
struct poll_jobs {
  context ctx;
  std::vector<std::string> job_ids = {};
};

/// Answer to `poll_jobs`, after the last of them or when time is up.
struct jobs_polled {
  context ctx;
  /// Those that could be asked about.
  int64_t synced = 0;
};

/// Command to the poller: decide anew whether and how often to poll, and poll
/// at once. Answered with `polling_status`.
struct refresh_polling {
  context ctx;
};

/// Query: does the poller poll? Answered with `polling_status`.
struct get_polling_status {
  context ctx;
};

/// Answer to both.
struct polling_status {
  context ctx;
  bool is_active = false;
  caf::timespan interval = caf::timespan{0};
  /// What decided it: "enterprise", "setting" or "auto".
  std::string source = {};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, tick& x) {
  return f(caf::meta::type_name("tick"), x.generation);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, incarnation& x) {
  return f(caf::meta::type_name("incarnation"), x.worker);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, worker_state& x) {
  return f(caf::meta::type_name("worker_state"), x.name, x.phase, x.restarts,
           x.last_error, x.mailbox_age);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_workers& x) {
  return f(caf::meta::type_name("get_workers"), x.ctx);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, worker_list& x) {
  return f(caf::meta::type_name("worker_list"), x.ctx, x.workers);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, refresh_polling& x) {
  return f(caf::meta::type_name("refresh_polling"), x.ctx);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, get_polling_status& x) {
  return f(caf::meta::type_name("get_polling_status"), x.ctx);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, polling_status& x) {
  return f(caf::meta::type_name("polling_status"), x.ctx, x.is_active,
           x.interval, x.source);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, control_worker& x) {
  return f(caf::meta::type_name("control_worker"), x.ctx, x.name, x.action);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, poll_jobs& x) {
  return f(caf::meta::type_name("poll_jobs"), x.ctx, x.job_ids);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, jobs_polled& x) {
  return f(caf::meta::type_name("jobs_polled"), x.ctx, x.synced);
}

} // namespace tunerd
