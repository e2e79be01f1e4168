#include "config/sections.hpp"

namespace tunerd::config {

using namespace std::chrono_literals;

namespace {

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
