#pragma once

#include "runtime/tunerctl/session.hpp"
#include "runtime/tunerctl/sse_parser.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tunerd::tunerctl {

// Each command blocks, prints its result and throws `failure` if it has none.

// -- jobs (job_commands.cpp) --------------------------------------------------

/// @param file JSON of the submission; "-" reads standard input.
void submit(const session& s, const std::string& file,
            const std::string& provider);
void jobs(const session& s, const std::string& status, int limit);
void job(const session& s, const std::string& id);
void cancel(const session& s, const std::string& id);

/// Shows how far a job says it is.
void progress(const session& s, const std::string& id);

/// Deletes a job that is over.
void erase(const session& s, const std::string& id);

/// Lets the daemon import what `provider` has and it does not know.
void sync(const session& s, const std::string& provider);

/// Prints a job's output; with `follow` as it comes, until the job is over.
void logs(const session& s, const std::string& id, bool follow);

/// @param decision adopt, resubmit or fail.
/// @param external_id For adopt.
void resolve(const session& s, const std::string& id,
             const std::string& decision, const std::string& external_id);

// -- queue (queue_commands.cpp) -----------------------------------------------

/// @param status Empty for all entries that are not over.
void queue(const session& s, const std::string& status);

/// What one user has in the queue; empty: who asks.
void queue_of(const session& s, const std::string& user);
void stats(const session& s);
void position(const session& s, const std::string& id);
void why(const session& s, const std::string& id);

/// Shows the limits, after `changes` such as "max_concurrent=10".
void limits(const session& s, const std::vector<std::string>& changes);

/// @param value 0 to 50; "none" takes the priority away that was set.
void priority(const session& s, const std::string& id,
              const std::string& value);

/// Dispatches at once what can run.
void process(const session& s);

/// Takes entries that ended more than `days` ago out of the queue's lists.
void cleanup(const session& s, int days);

// -- approvals (approval_commands.cpp) ----------------------------------------

/// @param status Empty for pending ones, "all" for every status.
/// @param own_only Only those of who asks.
void approvals(const session& s, const std::string& status, int limit,
               bool own_only);

/// Shows a request for approval.
/// @param id That of the request (a number) or of its job.
void request(const session& s, const std::string& id);

// An id is that of the request (a number) or of its job. Of several, each gets
// a line, and one that failed makes the whole fail in the end.
void approve(const session& s, const std::vector<std::string>& ids,
             const std::string& notes);
void reject(const session& s, const std::vector<std::string>& ids,
            const std::string& reason);
void cancel_request(const session& s, const std::string& id);

/// Lets what is past its deadline expire now.
void expire(const session& s);
void extend(const session& s, const std::string& id, int hours);

// -- approval rules (rule_commands.cpp) ---------------------------------------

/// A rule to create or to change. What is not said takes the daemon's default,
/// or stays; what is said to be empty or 0 is taken back.
struct rule_wanted {
  /// Empty: not said.
  std::string name = {}, condition = {};
  std::optional<std::string> threshold = {}, description = {}, provider = {},
                             level = {}, approver = {};
  std::optional<std::vector<std::string>> exempt = {};
  std::optional<int> priority = {};
  std::optional<int64_t> deadline_seconds = {};
  /// on or off; empty: not said.
  std::string active = {};
};

/// @returns what `x` says, as the daemon wants it; null is taken back.
nlohmann::json body_of(const rule_wanted& x);

void rules(const session& s);
void conditions(const session& s);
void create_rule(const session& s, const rule_wanted& x);

/// Changes what `x` says of rule `id`.
void change_rule(const session& s, const std::string& id, const rule_wanted& x);
void delete_rule(const session& s, const std::string& id);

// -- providers, polling, costs (provider_commands.cpp) ------------------------

void providers(const session& s);

/// Shows the settings of a provider, after `changes` such as "webhook_url=".
void provider(const session& s, const std::string& name,
              const std::vector<std::string>& changes);

/// Tries the credential. @throws failure if the provider does not accept it.
void validate(const session& s, const std::string& name);

/// Shows whether jobs are polled, after a change to `wanted`: on, off, auto or
/// empty for none.
void polling(const session& s, const std::string& wanted);

/// How to call a webhook.
struct webhook_wanted {
  std::string url = {}, provider = {}, method = {};
  int timeout_seconds = 30;
};

/// Calls a webhook. @throws failure if that fails.
void test_webhook(const session& s, const webhook_wanted& x);

void costs(const session& s, int days);
void cost_limit(const session& s, const std::string& name);

/// Prints the metrics whose names begin with `prefix`.
void metrics(const session& s, const std::string& prefix);
void health(const session& s);

/// @returns the object that assignments NAME=VALUE make; what is no JSON is
/// text. @throws failure for what is no assignment.
nlohmann::json object_of(const std::vector<std::string>& assignments);

// -- operators (operator_commands.cpp) ----------------------------------------

void workers(const session& s);

/// @param action start, stop or refresh.
void worker(const session& s, const std::string& name,
            const std::string& action);
void trace(const session& s, const std::string& correlation_id);

/// Shows which lines are logged, after a change if `level` is not empty.
/// @param logger Empty for everything that has no level of its own.
/// @param level "default" takes the logger's own level away.
void log_level(const session& s, const std::string& logger,
               const std::string& level);

/// Prints events from `since` on (empty: from now on). With `follow`
/// reconnects for ever; else stops when nothing has come for a second.
void events(const session& s, const std::string& since, bool follow);

/// @returns an event in one line, control characters replaced.
std::string event_line(const sse_event& event);

} // namespace tunerd::tunerctl
