#pragma once

#include "messages/context.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

// HTTP as values: what the curl thread and the server thread exchange with the
// actors in front of them.

namespace tunerd {

/// Header names in lower case, values as received; repeated names repeat.
using http_headers = std::vector<std::pair<std::string, std::string>>;

/// @returns the first value of `name` (lower case), or "".
std::string header(const http_headers& headers, const std::string& name);

/// Command: one outbound call. The correlation id of `ctx` and the user agent
/// are added by the client.
struct http_request {
  context ctx;
  std::string method = "GET";
  std::string url = {};
  http_headers headers = {};
  std::string body = {};
  /// Of the whole call.
  caf::timespan timeout = std::chrono::seconds{30};
  /// Refuse private, loopback and link-local targets, judged by the address
  /// that is connected to: for addresses that callers name.
  bool public_only = false;
};

/// How far an outbound call came.
enum class http_transfer : uint8_t {
  /// There is a status.
  answered,
  /// The request surely never reached the server.
  not_sent,
  /// It may have been processed.
  lost,
};

/// Answer to `http_request`. A failed call is an answer, not an error.
struct http_response {
  context ctx;
  http_transfer transfer = http_transfer::lost;
  /// 0 unless answered.
  int status = 0;
  http_headers headers = {};
  std::string body = {};
  /// For people; empty if answered.
  std::string failure = {};
};

/// INTERNAL to the HTTP client, from its thread: the call `id` is over. Never
/// leaves the process.
struct http_done {
  uint64_t id = 0;
  http_response response = {};
};

/// INTERNAL to the HTTP gateway: a request came in. Never leaves the process.
struct http_call {
  /// Names the exchange in the server.
  uint64_t id = 0;
  std::string method = {};
  /// Path and query as received.
  std::string target = {};
  http_headers headers = {};
  std::string body = {};
  /// Address of the peer, without port.
  std::string peer = {};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, http_request& x) {
  return f(caf::meta::type_name("http_request"), x.ctx, x.method, x.url,
           x.headers, x.body, x.timeout, x.public_only);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, http_response& x) {
  return f(caf::meta::type_name("http_response"), x.ctx, x.transfer, x.status,
           x.headers, x.body, x.failure);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, http_done& x) {
  return f(caf::meta::type_name("http_done"), x.id, x.response);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, http_call& x) {
  return f(caf::meta::type_name("http_call"), x.id, x.method, x.target,
           x.headers, x.body, x.peer);
}

} // namespace tunerd
