#include "actors/provider_gateway/provider_settings.hpp"

#include "actors/provider_gateway/json_text.hpp"
#include "actors/provider_gateway/url.hpp"

#include <algorithm>
#include <cmath>

namespace tunerd {

namespace {

using json = nlohmann::json;

constexpr size_t text_bytes_max = 2048;
constexpr size_t networks_max = 256;

bool is_good_url(const std::string& url) {
  return url.size() <= text_bytes_max && !origin_of(url).empty();
}

/// "http://user:secret@proxy" without what only the proxy may know.
std::string masked(const std::string& url) {
  const auto at = url.rfind('@');
  if (at == std::string::npos)
    return url;
  const auto host = url.find("://");
  return (host == std::string::npos ? "" : url.substr(0, host + 3)) + "***"
         + url.substr(at);
}

json or_null(const std::string& text) {
  return text.empty() ? json(nullptr) : json(text);
}

/// A price in USD, as people write it, from nano-USD.
json usd(int64_t nanos) {
  return static_cast<double>(nanos) / 1e9;
}

/// Goes through what is stored and keeps the mistakes.
class overlay {
public:
  overlay(std::string name, const provider_file& file,
          const std::map<std::string, std::string>& stored)
    : name_(std::move(name)), file_(file), stored_(stored) {
    out_.base_url = file.base_url;
    out_.token = secret{file.token};
    out_.version = file.version;
    out_.network = file.outbound;
    out_.webhook_url = file.webhook_url;
    out_.limits_run = file.longest_run.count() > 0;
    if (out_.limits_run)
      out_.longest_run = file.longest_run;
    // A number if it looks like one: that is how the API writes it.
    if (!file.org_id.empty())
      out_.org_id = json_text(parse_json(file.org_id).value_or(file.org_id));
  }

  provider_settings result() && {
    read_api();
    read_hardware();
    read_webhooks();
    read_network();
    while (out_.base_url.ends_with('/'))
      out_.base_url.pop_back();
    out_.webhook_url
      = with_default_path(out_.webhook_url, "/api/webhooks/" + name_);
    out_.shown = json_text(shown());
    return std::move(out_);
  }

private:
  // -- reading ----------------------------------------------------------------

  /// @returns what is stored under `key`; null if nothing readable is.
  json stored(const char* key) const {
    const auto i = stored_.find(key);
    if (i == stored_.end())
      return nullptr;
    return parse_json(i->second).value_or(nullptr);
  }

  /// The same; what is not JSON is a mistake.
  json find(const char* key) {
    if (const auto i = stored_.find(key);
        i != stored_.end() && !parse_json(i->second))
      wrong(key, "JSON");
    return stored(key);
  }

  void wrong(const char* key, const std::string& want) {
    out_.mistakes.push_back("provider." + name_ + "." + key + ": want " + want);
  }

  /// Sets `out` to the text under `key` if there is one that `is_good`.
  template <class Predicate>
  void read(const char* key, std::string& out, const std::string& want,
            Predicate is_good) {
    const auto value = find(key);
    if (value.is_null())
      return;
    if (!value.is_string() || !is_good(value.get_ref<const std::string&>()))
      return wrong(key, want);
    out = value.get<std::string>();
  }

  void read(const char* key, bool& out) {
    if (const auto value = find(key); value.is_boolean())
      out = value.get<bool>();
    else if (!value.is_null())
      wrong(key, "true or false");
  }

  template <class Duration>
  void read_span(const char* key, Duration& out, Duration low, Duration high) {
    const auto value = find(key);
    if (value.is_null())
      return;
    // SimpleTuner writes 30.0.
    const double count = value.is_number() ? value.get<double>() : -1;
    if (!(count >= static_cast<double>(low.count())
          && count <= static_cast<double>(high.count())))
      return wrong(key, std::to_string(low.count()) + " to "
                          + std::to_string(high.count()));
    out = Duration{std::llround(count)};
  }

  void read_api() {
    const auto is_url = [](const auto& x) {
      return is_good_url(x) && x.find_first_of("?#") == std::string::npos;
    };
    if (!file_.keeps_base_url)
      read("api_base_url", out_.base_url, "an http or https URL", is_url);
    read("version_override", out_.version, "at most 256 characters",
         [](const auto& x) { return x.size() <= 256; });
    const auto mistakes = out_.mistakes.size();
    read_span("max_runtime_minutes", out_.longest_run, std::chrono::minutes{1},
              config::run_time_max);
    if (stored("max_runtime_minutes").is_number()
        && out_.mistakes.size() == mistakes)
      out_.limits_run = true;
    out_.run_limit = std::max(out_.longest_run, file_.run_limit);
    if (const auto org = find("org_id"); org.is_number() || org.is_string())
      out_.org_id = json_text(org);
  }

  void read_hardware() {
    read("hardware_profile", out_.hardware_profile,
         "one of " + hardware_profile_names(),
         [](const auto& x) { return find_hardware_profile(x) != nullptr; });
    const auto prices = find("hardware_info");
    if (!prices.is_null() && !prices.is_object())
      wrong("hardware_info", "an object");
    read_rate(member(prices, "gpu-h100"), out_.rates.h100);
    read_rate(member(prices, "gpu-l40s"), out_.rates.l40s);
  }

  void read_rate(const json& hardware, int64_t& out) {
    const auto& price = member(hardware, "cost_per_second");
    if (price.is_null())
      return;
    const double nanos = price.is_number() ? price.get<double>() * 1e9 : -1;
    if (!(nanos >= 0 && nanos <= static_cast<double>(gpu_rates::rate_max)))
      return wrong("hardware_info", "cost_per_second from 0 to 1 USD");
    out = std::llround(nanos);
  }

  void read_webhooks() {
    const bool plain = out_.base_url.starts_with("http://");
    read("webhook_url", out_.webhook_url, "an https URL", [=](const auto& x) {
      return x.empty()
             || (is_good_url(x) && (plain || x.starts_with("https://")));
    });
    read("webhook_require_signature", out_.webhook_require_signature);
    read_networks();
  }

  /// Nobody is let in by mistake: what cannot be read names no network.
  void read_networks() {
    const auto* key = "webhook_allowed_ips";
    const auto i = stored_.find(key);
    const auto list
      = i == stored_.end() ? json() : parse_json(i->second).value_or(false);
    if (list.is_null() || (list.is_array() && list.empty()))
      return;
    auto& networks = out_.webhook_allowed_ips.emplace();
    if (!list.is_array() || list.size() > networks_max)
      return wrong(key, "a list of at most 256 networks");
    for (const auto& entry : list)
      if (config::network one;
          entry.is_string()
          && config::parse_network(entry.get<std::string>(), one))
        networks.push_back(one);
      else
        wrong(key, "networks such as 10.0.0.0/8, found " + json_text(entry));
  }

  void read_network() {
    read("ssl_verify", out_.network.ssl_verify);
    const auto fits = [](const auto& x) { return x.size() <= text_bytes_max; };
    read("ssl_ca_bundle", out_.network.ca_bundle, "a path", fits);
    read("proxy_url", out_.network.proxy_url, "a URL", fits);
    // Whoever asks the gateway waits by the file's value.
    read_span("http_timeout", out_.network.timeout, std::chrono::seconds{1},
              file_.outbound.timeout);
  }

  // -- showing ----------------------------------------------------------------

  json shown() const {
    const auto& x = out_;
    const auto networks = stored("webhook_allowed_ips");
    return {
      {"api_base_url", x.base_url},
      {"api_token", x.token.empty() ? json(nullptr) : json("***")},
      {"version_override", or_null(x.version)},
      {"hardware_profile", x.hardware_profile},
      {"hardware_info", shown_prices()},
      {"max_runtime_minutes", x.longest_run.count()},
      {"webhook_url", or_null(x.webhook_url)},
      {"webhook_require_signature", x.webhook_require_signature},
      {"webhook_allowed_ips", networks.is_null() ? json::array() : networks},
      {"http_timeout", x.network.timeout.count()},
      {"ssl_verify", x.network.ssl_verify},
      {"ssl_ca_bundle", or_null(x.network.ca_bundle)},
      {"proxy_url", or_null(masked(x.network.proxy_url))},
      {"org_id", parse_json(x.org_id).value_or(nullptr)},
      {"cost_limit_enabled", stored_or("cost_limit_enabled", false)},
      {"cost_limit_amount", stored("cost_limit_amount")},
      {"cost_limit_period", stored_or("cost_limit_period", "monthly")},
      {"cost_limit_action", stored_or("cost_limit_action", "warn")},
    };
  }

  json shown_prices() const {
    return {{"gpu-h100",
             {{"name", "H100"}, {"cost_per_second", usd(out_.rates.h100)}}},
            {"gpu-l40s",
             {{"name", "L40S"}, {"cost_per_second", usd(out_.rates.l40s)}}}};
  }

  json stored_or(const char* key, json fallback) const {
    auto value = stored(key);
    return value.is_null() ? std::move(fallback) : value;
  }

  std::string name_;
  const provider_file& file_;
  const std::map<std::string, std::string>& stored_;
  provider_settings out_;
};

} // namespace

provider_file file_of(const config::replicate& section,
                      const config::outbound& outbound, bool keeps_base_url) {
  provider_file result;
  result.base_url = section.base_url;
  result.token = section.token;
  result.version = section.version;
  result.webhook_url = section.webhook_url;
  result.longest_run = section.max_runtime;
  result.outbound = outbound;
  result.keeps_base_url = keeps_base_url;
  return result;
}

provider_file file_of(const config::simpletuner_io& section,
                      const config::outbound& outbound) {
  provider_file result;
  result.base_url = section.base_url;
  result.token = section.refresh_token;
  result.org_id = section.org_id;
  result.longest_run = section.max_runtime;
  result.run_limit = config::run_time_max;
  result.outbound = outbound;
  return result;
}

provider_settings
read_provider_settings(const std::string& name, const provider_file& file,
                       const std::map<std::string, std::string>& stored) {
  return overlay{name, file, stored}.result();
}

} // namespace tunerd
