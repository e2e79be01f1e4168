#include "actors/store/approval_table.hpp"
#include "actors/store/commands.hpp"
#include "actors/store/event_data.hpp"
#include "actors/store/job_table.hpp"
#include "actors/store/rules.hpp"
#include "actors/support/log.hpp"

#include <algorithm>

// What becomes of requests that nobody decides in time. A sweep costs as much
// as it finds, however many wait.

namespace tunerd::sql {

namespace {

constexpr logger log{"simpletuner.cloud.approvals"};

constexpr int32_t batch_limit = 10'000;
constexpr caf::timespan warn_before_max = std::chrono::hours{24 * 365};

std::function<void()> expired_line(const job& x, int64_t approval_id) {
  return [ctx = context_of(x), id = x.id, approval_id] {
    log_context scope{ctx};
    log.info("Approval request {} expired, job {} cancelled", approval_id, id);
  };
}

/// Ends the job of `x`, if it still waits for it.
void end_job_of(transaction& tx, const approval& x) {
  const auto before = job_table{tx.db}.find(x.job_id);
  if (!before || before->queue != queue_status::blocked
      || is_terminal(before->status))
    return;
  auto after = with_end(*before, job_status::cancelled, expiry_text(x), tx.now);
  after.queue = queue_status::failed;
  if (!tx.save(*before, after, change_source::expiry, true))
    throw std::logic_error("job " + x.job_id + " changed during its expiry");
  tx.told.lines.push_back(expired_line(after, x.id));
}

void expire(transaction& tx, const context& ctx, approval x) {
  x.status = approval_status::expired;
  if (!approval_table{tx.db}.decide(x, tx.now))
    throw std::logic_error("approval request " + std::to_string(x.id)
                           + " changed during its expiry");
  tx.append(expired_event(x, tx.now));
  end_job_of(tx, x);
  tx.audit(ctx, {.user_id = "tunerd"}, "approval.expire", std::to_string(x.id),
           x.org_id, "job " + x.job_id);
}

void warn(transaction& tx, const approval& x) {
  approval_table{tx.db}.set_warned(x.id);
  tx.append(expiring_event(x, tx.now));
}

/// @returns when there will be something to do; none: never.
caf::optional<timestamp> next_due(transaction& tx, caf::timespan warn_before) {
  approval_table approvals{tx.db};
  const auto deadline = approvals.next_deadline();
  const auto to_warn = approvals.next_to_warn();
  if (!to_warn || warn_before.count() == 0)
    return deadline;
  return std::min(*deadline, *to_warn - warn_before);
}

} // namespace

caf::expected<approvals_swept> run(transaction& tx,
                                   const sweep_approvals& command) {
  const auto count = std::clamp(command.batch_max, 1, batch_limit);
  const auto warn_before
    = std::clamp(command.warn_before, caf::timespan{0}, warn_before_max);
  approvals_swept result{command.ctx};
  approval_table approvals{tx.db};
  for (auto& x : approvals.list_due(tx.now, count)) {
    result.worst_lateness
      = std::max(result.worst_lateness, tx.now - *x.expires_at);
    expire(tx, command.ctx, std::move(x));
    ++result.expired;
  }
  for (const auto& x :
       approvals.list_to_warn(tx.now, tx.now + warn_before, count)) {
    warn(tx, x);
    ++result.warned;
  }
  if (const auto next = next_due(tx, warn_before)) {
    result.more = *next <= tx.now;
    result.next_due = std::max(*next - tx.now, caf::timespan{0});
  }
  return result;
}

} // namespace tunerd::sql
