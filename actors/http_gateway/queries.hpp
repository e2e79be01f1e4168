#pragma once

#include "actors/http_gateway/refusal.hpp"
#include "actors/http_gateway/target.hpp"
#include "messages/http.hpp"
#include "messages/jobs.hpp"
#include "messages/queue.hpp"
#include "messages/streams.hpp"

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

or_refusal<read_request<list_jobs>> parse_list_jobs(const query& x);

or_refusal<read_request<list_queue>> parse_list_queue(const query& x);

/// What `/api/cloud/health` reads.
or_refusal<read_request<get_limits>> parse_health(const query& x);

/// @param body What POST /api/queue/concurrency got.
or_refusal<read_request<set_limits>> parse_set_limits(const std::string& body);

/// Reads the filters and the cursor of a stream; the header Last-Event-ID goes
/// before the parameter. The cursor is taken as it is: a bad one is a gap.
or_refusal<open_stream> parse_stream(const query& x,
                                     const http_headers& headers);

} // namespace tunerd::rest
