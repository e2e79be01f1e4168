#pragma once

#include "actors/store/connection.hpp"
#include "actors/store/rules.hpp"
#include "config/approvals.hpp"
#include "config/retention.hpp"
#include "messages/audit.hpp"
#include "messages/events.hpp"
#include "messages/progress.hpp"

#include <functional>

namespace tunerd::sql {

/// What commands did besides changing rows: told once they are committed,
/// forgotten if they are not. Bounded by the batch of a commit.
struct news {
  /// 0 if there is none.
  int64_t first_event = 0;
  int64_t last_event = 0;
  /// What the events are about, with repetitions.
  std::vector<std::string> job_ids = {};
  /// Write one log line each.
  std::vector<std::function<void()>> lines = {};

  /// Appends what a later command did.
  void add(news&& later);
};

/// What one command works with: inside a transaction, at one point in time.
struct transaction {
  connection& db;
  timestamp now;
  /// For what is not stored.
  const queue_limits& limits_from_file;
  news& told;
  /// How long requests for approval may wait.
  config::approvals approvals = {};
  /// How long what is over is kept.
  config::retention retention = {};

  /// Appends an event. @returns its id.
  int64_t append(const event& x);

  /// Notes in the audit log that `who` did `action` to `subject`.
  /// @param org_id Of the subject; empty if only admins may see the entry.
  void audit(const context& ctx, const caller& who, std::string action,
             std::string subject, std::string org_id = {},
             std::string details = {});

  /// Writes `after` over `before`, with the event and the log line that belong
  /// to a change of status and the consequences of leaving the queue: its
  /// input and its pending request for approval go with it.
  /// @param queue_changed Whether somebody who follows the queue must look,
  /// even if the status is the same.
  /// @returns false if the change is illegal or the stored job is no longer
  /// `before`: then nothing was written.
  bool save(const job& before, const job& after, change_source source,
            bool queue_changed);
};

} // namespace tunerd::sql
