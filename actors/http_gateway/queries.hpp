#pragma once

#include "actors/http_gateway/refusal.hpp"
#include "actors/http_gateway/target.hpp"
#include "messages/http.hpp"
#include "messages/jobs.hpp"
#include "messages/limits.hpp"
#include "messages/progress.hpp"
#include "messages/queue.hpp"
#include "messages/streams.hpp"

#include <nlohmann/json_fwd.hpp>

#include <set>
#include <string>
#include <vector>

// Smaller requests as the messages they become, without context and caller.

namespace tunerd::rest {

/// A message and what the request says without effect.
template <class T>
struct read_request {
  T message = {};
  std::vector<std::string> warnings = {};
};

/// @returns what `in` read, unless there was a mistake.
template <class T, class Reader>
or_refusal<read_request<T>> result_of(const Reader& in, T message) {
  if (in.mistake())
    return *in.mistake();
  return read_request<T>{std::move(message), in.warnings()};
}

/// @returns `body`, with `warnings` if there are any.
nlohmann::ordered_json with_warnings(nlohmann::ordered_json body,
                                     const std::vector<std::string>& warnings);

/// What GET /api/cloud/jobs asks for.
struct read_job_list {
  list_jobs message = {};
  std::vector<std::string> warnings = {};
  /// Ask the providers about the active ones first.
  bool sync_active = false;
};

or_refusal<read_job_list> parse_list_jobs(const query& x);

/// @param provider Where the query names none.
or_refusal<read_request<sync_provider_jobs>>
parse_sync(const query& x, const std::string& provider);

or_refusal<read_request<list_queue>> parse_list_queue(const query& x);

/// @param body What POST /api/queue/concurrency got.
or_refusal<read_request<set_limits>> parse_set_limits(const std::string& body);

/// @param body What POST /api/queue/{job}/priority got; null is a value.
or_refusal<read_request<set_priority>> parse_priority(const std::string& body);

/// @returns the priority in `body` as it stands there, for the log; at most 32
/// bytes.
std::string priority_text(const std::string& body);

or_refusal<read_request<clean_queue>> parse_cleanup(const query& x);

/// @returns `why` with those holders that are in `known`; how many there are
/// stays.
job_explained with_holders(job_explained why,
                           const std::set<std::string>& known);

/// Reads the filters and the cursor of a stream; the header Last-Event-ID goes
/// before the parameter. The cursor is taken as it is: a bad one is a gap.
or_refusal<open_stream> parse_stream(const query& x,
                                     const http_headers& headers);

/// @returns as whom `who` watches: with `user_id` in the query as one who sees
/// the events of that user and no others. 403 unless that is itself or it is an
/// admin.
or_refusal<caller> parse_watcher(const query& x, const caller& who);

} // namespace tunerd::rest
