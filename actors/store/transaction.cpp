#include "actors/store/transaction.hpp"

#include "actors/store/approval_table.hpp"
#include "actors/store/audit_table.hpp"
#include "actors/store/event_data.hpp"
#include "actors/store/event_log.hpp"
#include "actors/store/input_table.hpp"
#include "actors/store/job_table.hpp"
#include "actors/support/log.hpp"

#include <iterator>

namespace tunerd::sql {

namespace {

constexpr logger log{"simpletuner.cloud.jobs"};

/// How long an input outlives its job, for those who look for mistakes.
constexpr auto input_kept = std::chrono::hours{24};

std::function<void()> status_line(const job& after, job_status before) {
  return [ctx = context_of(after), id = after.id, to = to_string(after.status),
          from = to_string(before)] {
    log_context scope{ctx}; // of the job, not of the poll that saw it
    log.info("Job {} is {} (was {})", id, to, from);
  };
}

/// The blocked job `id` no longer waits, and nobody decided on its request:
/// that is cancelled, or expired if its deadline has come.
void close_request(transaction& tx, const std::string& id) {
  approval_table approvals{tx.db};
  auto x = approvals.find_pending(id);
  if (!x)
    return; // that is why the job no longer waits
  const auto late = is_due(*x, tx.now);
  x->status = late ? approval_status::expired : approval_status::cancelled;
  approvals.decide(*x, tx.now);
  tx.append(late ? expired_event(*x, tx.now) : decided_event(*x, tx.now));
  if (late)
    tx.audit({x->correlation_id}, {.user_id = "tunerd"}, "approval.expire",
             std::to_string(x->id), x->org_id, "job " + x->job_id);
}

} // namespace

void news::add(news&& later) {
  if (first_event == 0)
    first_event = later.first_event;
  if (later.last_event != 0)
    last_event = later.last_event;
  std::move(later.job_ids.begin(), later.job_ids.end(),
            std::back_inserter(job_ids));
  std::move(later.lines.begin(), later.lines.end(), std::back_inserter(lines));
}

int64_t transaction::append(const event& x) {
  const auto id = event_log{db}.append(x);
  if (told.first_event == 0)
    told.first_event = id;
  told.last_event = id;
  if (!x.job_id.empty())
    told.job_ids.push_back(x.job_id);
  return id;
}

void transaction::audit(const context& ctx, const caller& who,
                        std::string action, std::string subject,
                        std::string org_id, std::string details) {
  audit_table{db}.append({.time = now,
                          .user_id = who.user_id,
                          .token = who.token,
                          .action = std::move(action),
                          .subject = std::move(subject),
                          .org_id = std::move(org_id),
                          .details = std::move(details),
                          .correlation_id = ctx.correlation_id});
}

bool transaction::save(const job& before, const job& after,
                       change_source source, bool queue_changed) {
  const auto moved = before.status != after.status;
  if (moved && !may_move(before.status, after.status))
    return false;
  if (!job_table{db}.update(before, after))
    return false;
  if (before.queue == queue_status::blocked && after.queue != before.queue)
    close_request(*this, after.id);
  if (is_closed(after.queue) && !is_closed(before.queue))
    input_table{db}.expire(after.id, now + input_kept);
  if (moved) {
    append(status_event(after, before.status, source, now));
    told.lines.push_back(status_line(after, before.status));
  } else if (queue_changed) {
    append(queue_event(after, now));
  }
  return true;
}

} // namespace tunerd::sql
