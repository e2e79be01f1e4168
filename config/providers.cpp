#include "config/run_time.hpp"
#include "config/sections.hpp"

namespace tunerd::config {

using namespace std::chrono_literals;

namespace {

constexpr int32_t calls_max = 1'000'000;

bool is_http(const std::string& url) {
  return url.rfind("https://", 0) == 0 || url.rfind("http://", 0) == 0;
}

} // namespace

void read_section(reader& in, replicate& out) {
  const std::string base = "tunerd.providers.replicate.";
  in.read("tunerd.providers.replicate.base_url", out.base_url);
  if (!is_http(out.base_url))
    throw in.wrong(base + "base_url", "an http or https URL");
  while (out.base_url.back() == '/')
    out.base_url.pop_back();
  in.read_secret({"tunerd.providers.replicate.token", "REPLICATE_API_TOKEN"},
                 out.token);
  in.read("tunerd.providers.replicate.version", out.version);
  in.read("tunerd.providers.replicate.webhook_url", out.webhook_url);
  if (!out.webhook_url.empty() && out.webhook_url.rfind("https://", 0) != 0)
    throw in.wrong(base + "webhook_url", "an https URL or nothing");
  in.read_secret(
    {"tunerd.providers.replicate.webhook_secret", "CLOUD_WEBHOOK_SECRET"},
    out.webhook_secret);
  in.read({"tunerd.providers.replicate.webhook_tolerance_seconds",
           "SIMPLETUNER_WEBHOOK_TIMESTAMP_TOLERANCE"},
          out.webhook_tolerance, 1s, std::chrono::seconds{1h});
  in.read("tunerd.providers.replicate.max_in_flight", out.max_in_flight, 1,
          1000);
  in.read("tunerd.providers.replicate.visibility_window_seconds",
          out.visibility_window, 1s, std::chrono::seconds{1h});
  in.read("tunerd.providers.replicate.creates_per_minute",
          out.creates_per_minute, 1, calls_max);
  in.read("tunerd.providers.replicate.requests_per_minute",
          out.requests_per_minute, 1, calls_max);
  in.read("tunerd.providers.replicate.max_runtime_minutes", out.max_runtime,
          0min, run_time_max);
}

void read_section(reader& in, simpletuner_io& out) {
  const std::string base = "tunerd.providers.simpletuner_io.";
  in.read(
    {"tunerd.providers.simpletuner_io.base_url", "SIMPLETUNER_IO_API_BASE"},
    out.base_url);
  if (!is_http(out.base_url))
    throw in.wrong(base + "base_url", "an http or https URL");
  while (out.base_url.back() == '/')
    out.base_url.pop_back();
  in.read_secret({"tunerd.providers.simpletuner_io.refresh_token",
                  "SIMPLETUNER_IO_REFRESH_TOKEN"},
                 out.refresh_token);
  in.read("tunerd.providers.simpletuner_io.org_id", out.org_id);
  in.read("tunerd.providers.simpletuner_io.max_runtime_minutes",
          out.max_runtime, 1min, run_time_max);
  in.read("tunerd.providers.simpletuner_io.max_in_flight", out.max_in_flight, 1,
          1000);
  in.read("tunerd.providers.simpletuner_io.visibility_window_seconds",
          out.visibility_window, 1s, std::chrono::seconds{1h});
  in.read("tunerd.providers.simpletuner_io.creates_per_minute",
          out.creates_per_minute, 1, calls_max);
  in.read("tunerd.providers.simpletuner_io.requests_per_minute",
          out.requests_per_minute, 1, calls_max);
}

void read_section(reader& in, outbound& out) {
  in.read({"tunerd.outbound.ssl_verify", "SIMPLETUNER_SSL_VERIFY"},
          out.ssl_verify);
  if (!out.ssl_verify)
    in.warn("tunerd.outbound.ssl_verify: certificates of providers are not "
            "checked");
  in.read({"tunerd.outbound.ca_bundle", "SIMPLETUNER_CA_BUNDLE"},
          out.ca_bundle);
  in.read({"tunerd.outbound.timeout_seconds", "SIMPLETUNER_HTTP_TIMEOUT"},
          out.timeout, 1s, 600s);
}

} // namespace tunerd::config
