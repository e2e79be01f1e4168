#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tunerd::config {

/// Section `tunerd.providers.replicate`.
struct replicate {
  /// Without a slash at the end. Key: `base_url`.
  std::string base_url = "https://api.replicate.com/v1";
  /// Secret. Key: `token`; REPLICATE_API_TOKEN.
  std::string token = {};
  /// Model version for submissions that name none: "owner/model:hash", hash or
  /// "owner/model". Empty: the trainer of the profile. Key: `version`.
  std::string version = {};
  /// Where the provider sends webhooks; empty for none. Key: `webhook_url`.
  std::string webhook_url = {};
  /// Secret that signs them; empty: asked of Replicate. Key: `webhook_secret`;
  /// CLOUD_WEBHOOK_SECRET.
  std::string webhook_secret = {};
  /// How far the clock in a signature may be off, either way. Range: 1 s to
  /// 1 h. Key: `webhook_tolerance_seconds`;
  /// SIMPLETUNER_WEBHOOK_TIMESTAMP_TOLERANCE.
  std::chrono::seconds webhook_tolerance{300};
  /// Calls under way at once. Range: 1 to 1000. Key: `max_in_flight`.
  int32_t max_in_flight = 64;
  /// How long an attempt in doubt waits before it may be submitted again.
  /// Range: 1 s to 1 h. Key: `visibility_window_seconds`.
  std::chrono::seconds visibility_window{30};
  /// Submissions in any minute. Range: 1 to 1000000. Key:
  /// `creates_per_minute`.
  int32_t creates_per_minute = 600;
  /// All other calls in any minute. Range: 1 to 1000000. Key:
  /// `requests_per_minute`.
  int32_t requests_per_minute = 3'000;
  /// The longest that a job may take: the provider cancels it then, and costs
  /// that nobody estimated are judged by it. 0: the provider's own limit, taken
  /// as 30 min. Range: 0 to 7 days. Key: `max_runtime_minutes`.
  std::chrono::minutes max_runtime{0};
};

/// Section `tunerd.providers.simpletuner_io`.
struct simpletuner_io {
  /// Without a slash at the end. Key: `base_url`; SIMPLETUNER_IO_API_BASE.
  std::string base_url = "https://simpletuner.io";
  /// Secret; empty: there is no such provider. Key: `refresh_token`;
  /// SIMPLETUNER_IO_REFRESH_TOKEN.
  std::string refresh_token = {};
  /// Whose jobs they are, where the account has several. Key: `org_id`.
  std::string org_id = {};
  /// For jobs that do not say. Range: 1 min to 7 days. Key:
  /// `max_runtime_minutes`.
  std::chrono::minutes max_runtime{60};
  /// As those of `replicate`.
  int32_t max_in_flight = 64;
  std::chrono::seconds visibility_window{30};
  int32_t creates_per_minute = 600;
  int32_t requests_per_minute = 3'000;
};

/// Section `tunerd.outbound`: how calls to providers are made. curl itself
/// reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
struct outbound {
  /// Whether certificates are checked. Key: `ssl_verify`;
  /// SIMPLETUNER_SSL_VERIFY.
  bool ssl_verify = true;
  /// File of CA certificates; empty for the system's. Key: `ca_bundle`;
  /// SIMPLETUNER_CA_BUNDLE.
  std::string ca_bundle = {};
  /// Of a whole call. Range: 1 s to 10 min. Key: `timeout_seconds`;
  /// SIMPLETUNER_HTTP_TIMEOUT.
  std::chrono::seconds timeout{30};
  /// Goes before the proxies of the environment; empty for those. Set over the
  /// API only (`proxy_url`).
  std::string proxy_url = {};
};

} // namespace tunerd::config
