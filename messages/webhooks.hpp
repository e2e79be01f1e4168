#pragma once

#include "messages/http.hpp"
#include "messages/jobs.hpp"
#include "messages/providers.hpp"

#include <cstdint>
#include <map>
#include <string>

// Deliveries from providers (REFERENCE 5).

namespace tunerd {

/// Query to the provider gateway: is this delivery genuine, and what does it
/// say? `ip_not_allowed`, `invalid_signature`, `validation_error`,
/// `unknown_provider`, in this order of checks.
struct read_webhook {
  context ctx;
  std::string provider;
  http_headers headers;
  /// As received: the signature covers these bytes.
  std::string body = {};
  /// Address of the client, proxies resolved.
  std::string address = {};
};

/// Answer to `read_webhook`.
struct webhook_read {
  context ctx;
  /// `webhook-id`; empty if it has none.
  std::string delivery_id;
  /// With its logs if it is over. Its input may hold secrets: not to be kept.
  provider_job seen = {};
  /// "completed", "start", ...; empty if the body names none.
  std::string event_type = {};
  /// Else the body may only cause a poll, never a write.
  bool is_signed = false;
  /// The prediction as JSON without `logs` and `input`, for the event.
  std::string payload = "{}";
};

/// Command to the store: apply a genuine delivery: remembers its id, changes
/// the job as a poll would and appends `cloud_job_update`, in one transaction.
struct apply_webhook {
  context ctx;
  std::string provider;
  webhook_read delivery = {};
};

/// Answer to `apply_webhook`.
struct webhook_applied {
  context ctx;
  /// Empty if the job is applied; else why it was ignored: "duplicate" or
  /// "unknown job" (remembered: `record_submission` tells its job is to be
  /// polled at once).
  std::string ignored = {};
  job subject = {};
  /// What changed: field to new value.
  std::map<std::string, std::string> updates = {};
};

/// Command to the provider gateway: send a test delivery somewhere. https
/// only; private, loopback and link-local targets are a `validation_error`.
struct send_test_webhook {
  context ctx;
  std::string provider;
  std::string url = {};
  /// GET, HEAD or POST.
  std::string method = "POST";
  caf::timespan timeout = std::chrono::seconds{30};
};

/// Answer to `send_test_webhook`. A failed call is an answer.
struct test_webhook_sent {
  context ctx;
  bool success = false;
  caf::timespan latency = caf::timespan{0};
  /// 0 if there was none.
  int32_t status_code = 0;
  std::string error = {};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, read_webhook& x) {
  return f(caf::meta::type_name("read_webhook"), x.ctx, x.provider, x.headers,
           x.body, x.address);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, webhook_read& x) {
  return f(caf::meta::type_name("webhook_read"), x.ctx, x.delivery_id, x.seen,
           x.event_type, x.is_signed, x.payload);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, apply_webhook& x) {
  return f(caf::meta::type_name("apply_webhook"), x.ctx, x.provider,
           x.delivery);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, webhook_applied& x) {
  return f(caf::meta::type_name("webhook_applied"), x.ctx, x.ignored, x.subject,
           x.updates);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, send_test_webhook& x) {
  return f(caf::meta::type_name("send_test_webhook"), x.ctx, x.provider, x.url,
           x.method, x.timeout);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, test_webhook_sent& x) {
  return f(caf::meta::type_name("test_webhook_sent"), x.ctx, x.success,
           x.latency, x.status_code, x.error);
}

} // namespace tunerd
