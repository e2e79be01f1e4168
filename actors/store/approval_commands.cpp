#include "actors/store/approval_table.hpp"
#include "actors/store/commands.hpp"
#include "actors/store/event_data.hpp"
#include "actors/store/job_table.hpp"
#include "actors/store/refusals.hpp"
#include "actors/store/rules.hpp"
#include "actors/store/texts.hpp"
#include "actors/support/log.hpp"

#include <algorithm>

// What people decide about requests for approval. Every guard stands here and,
// as far as it is about the request's state, in the UPDATE once more.

namespace tunerd::sql {

namespace {

constexpr logger log{"simpletuner.cloud.queue"};

constexpr std::ptrdiff_t text_max = 1'000;
constexpr caf::timespan extension_max = std::chrono::hours{24 * 365};

/// @returns what is wrong with `command`, or none.
caf::error check(const decide_approval& command) {
  const auto& text = command.text;
  const auto characters = std::count_if(
    text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; });
  if (characters > text_max)
    return invalid("at most 1000 characters may say why");
  if (command.verdict == approval_verdict::reject
      && text.find_first_not_of(" \t\r\n") == std::string::npos)
    return invalid("reason: a rejection wants one");
  return {};
}

/// @returns the request that `command` is about.
caf::expected<approval> find_subject(transaction& tx,
                                     const decide_approval& command) {
  approval_table approvals{tx.db};
  if (command.approval_id != 0) {
    if (auto found = approvals.find(command.approval_id))
      return std::move(*found);
    return no_such_approval(command.approval_id);
  }
  if (auto found = approvals.find_pending(command.job_id))
    return std::move(*found);
  const auto subject = job_table{tx.db}.find(command.job_id);
  if (!subject)
    return no_such_job(command.job_id);
  if (!may_see(command.who, subject->user_id, subject->org_id))
    return not_allowed(command.job_id);
  log.warning("Job {} is not blocked (status: {})", subject->id,
              to_string(subject->queue));
  return conflict(*subject, "has no pending approval request");
}

/// @returns an error unless `who` has the rank to decide on `x`.
caf::error check_rank(const caller& who, const approval& x) {
  if (!may_see(who, x.user_id, x.org_id))
    return approval_not_allowed(x.id);
  if (const auto level = std::max(x.required_level, caller_level::lead);
      who.level < level)
    return make_error(ec::permission_denied,
                      "approval request " + std::to_string(x.id)
                        + " takes a caller of level " + to_string(level));
  return {};
}

/// Nobody approves what they asked for themselves. Without a token everybody
/// is the same user.
bool is_own(const caller& who, const approval& x) {
  return !who.token.empty() && who.user_id == x.user_id;
}

caf::error check_rights(const decide_approval& command, const approval& x) {
  const auto& who = command.who;
  if (command.verdict == approval_verdict::cancel && who.user_id == x.user_id)
    return {};
  if (auto err = check_rank(who, x))
    return err;
  if (is_own(who, x))
    return make_error(ec::permission_denied,
                      "approval request " + std::to_string(x.id)
                        + " is the caller's own: somebody else must decide");
  return {};
}

/// @returns an error unless `x` waits and its deadline has not come.
caf::error check_open(const approval& x, timestamp now) {
  const auto name = "approval request " + std::to_string(x.id);
  if (x.status != approval_status::pending)
    return make_error(ec::conflict,
                      name + " is " + to_string(x.status) + " already");
  if (is_due(x, now))
    return make_error(ec::conflict, name + " expired: its deadline passed "
                                      + span_text(now - *x.expires_at)
                                      + " ago");
  return {};
}

approval_status status_after(approval_verdict verdict) {
  switch (verdict) {
    case approval_verdict::approve: return approval_status::approved;
    case approval_verdict::reject: return approval_status::rejected;
    default: return approval_status::cancelled;
  }
}

approval with_verdict(approval x, const decide_approval& command,
                      timestamp now) {
  x.status = status_after(command.verdict);
  x.reviewed_by = command.who.user_id;
  x.reviewed_at = now;
  x.review_notes = command.text;
  return x;
}

/// @returns the blocked job `x` after the verdict.
job with_verdict(const job& x, const decide_approval& command, timestamp now) {
  if (command.verdict == approval_verdict::approve) {
    auto result = x;
    result.queue = queue_status::pending;
    return result;
  }
  const auto rejected = command.verdict == approval_verdict::reject;
  auto result
    = with_end(x, job_status::cancelled,
               rejected ? "Rejected: " + command.text : command.text, now);
  if (rejected)
    result.queue = queue_status::failed;
  return result;
}

const char* action_of(approval_verdict verdict) {
  switch (verdict) {
    case approval_verdict::approve: return "approval.approve";
    case approval_verdict::reject: return "approval.reject";
    default: return "approval.cancel";
  }
}

std::function<void()> verdict_line(const job& x, const approval& decided) {
  return [ctx = context_of(x), decided] {
    log_context scope{ctx};
    if (decided.status == approval_status::approved)
      log.info("Approved job {} (approval_id: {})", decided.job_id, decided.id);
    else if (decided.status == approval_status::rejected)
      log.info("Rejected job {} (approval_id: {})", decided.job_id, decided.id);
    else
      log.info("Cancelled approval request {} of job {}", decided.id,
               decided.job_id);
  };
}

} // namespace

caf::expected<approval_decided> run(transaction& tx,
                                    const decide_approval& command) {
  if (auto err = check(command))
    return err;
  const auto found = find_subject(tx, command);
  if (!found)
    return found.error();
  if (auto err = check_rights(command, *found))
    return err;
  if (auto err = check_open(*found, tx.now))
    return err;
  const auto before = job_table{tx.db}.find(found->job_id);
  if (!before)
    return no_such_job(found->job_id);
  if (before->queue != queue_status::blocked)
    return conflict(*before, "is not blocked");
  auto decided = with_verdict(*found, command, tx.now);
  if (!approval_table{tx.db}.decide(decided, tx.now))
    return conflict(*before, "was decided on already");
  tx.append(decided_event(decided, tx.now));
  auto after = with_verdict(*before, command, tx.now);
  if (!tx.save(*before, after, change_source::api, true))
    return conflict(*before, "cannot be decided on");
  tx.audit(command.ctx, command.who, action_of(command.verdict),
           std::to_string(decided.id), decided.org_id, command.text);
  tx.told.lines.push_back(verdict_line(after, decided));
  return approval_decided{command.ctx, std::move(decided), std::move(after)};
}

caf::expected<approval_found> run(transaction& tx,
                                  const extend_approval& command) {
  if (command.extension <= caf::timespan{0}
      || command.extension > extension_max)
    return invalid("extension: want more than 0 and at most 1 year");
  approval_table approvals{tx.db};
  auto found = approvals.find(command.approval_id);
  if (!found)
    return no_such_approval(command.approval_id);
  if (auto err = check_rank(command.who, *found))
    return err;
  if (auto err = check_open(*found, tx.now))
    return err;
  const auto deadline = tx.now + command.extension;
  if (!found->expires_at || deadline <= *found->expires_at)
    return make_error(ec::conflict, "approval request "
                                      + std::to_string(found->id)
                                      + " may wait longer already");
  if (!approvals.extend(found->id, deadline, tx.now))
    return make_error(ec::conflict, "approval request "
                                      + std::to_string(found->id)
                                      + " was decided already");
  found->expires_at = deadline;
  if (const auto subject = job_table{tx.db}.find(found->job_id))
    tx.append(queue_event(*subject, tx.now)); // whoever waits looks again
  tx.audit(command.ctx, command.who, "approval.extend",
           std::to_string(found->id), found->org_id,
           "by " + span_text(command.extension) + " from now");
  return approval_found{command.ctx, std::move(*found)};
}

} // namespace tunerd::sql
