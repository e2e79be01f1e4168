#include "actors/http_gateway/provider_settings.hpp"

#include "actors/http_gateway/reader.hpp"
#include "actors/support/log_line.hpp"
#include "config/auth.hpp"
#include "config/run_time.hpp"

#include <algorithm>
#include <array>

namespace tunerd::rest {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr size_t text_bytes_max = 2048, name_bytes_max = 256,
                 value_bytes_max = 16 * 1024, list_max = 256, hardware_max = 16;

bool is_text(const json& x, size_t bytes_max) {
  const auto* text = x.get_ptr<const std::string*>();
  return text != nullptr && text->size() <= bytes_max
         && std::none_of(text->begin(), text->end(), [](char c) {
              return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
            });
}

bool is_name(const json& x) {
  return is_text(x, name_bytes_max);
}

bool is_path(const json& x) {
  return is_text(x, text_bytes_max);
}

/// @returns where host and port of a URL begin and end.
std::pair<size_t, size_t> authority_of(const std::string& url) {
  const auto begin = url.find("://");
  if (begin == url.npos)
    return {url.size(), url.size()};
  return {begin + 3, std::min(url.find_first_of("/?#", begin + 3), url.size())};
}

/// Without a user, whose password would be stored.
bool is_url(const json& x, std::initializer_list<std::string_view> schemes) {
  if (!is_text(x, text_bytes_max))
    return false;
  const auto& url = x.get_ref<const std::string&>();
  const auto [begin, end] = authority_of(url);
  const auto host = url.substr(begin, end - begin);
  return !host.empty() && host.find('@') == host.npos
         && url.find(' ') == url.npos
         && std::any_of(schemes.begin(), schemes.end(), [&](auto scheme) {
              return url.substr(0, begin) == std::string{scheme}.append("://");
            });
}

bool is_web_url(const json& x) {
  return is_url(x, {"https", "http"});
}

bool is_web_url_or_none(const json& x) {
  return x == "" || is_web_url(x);
}

bool is_proxy_url(const json& x) {
  return x == "" || is_url(x, {"http", "https", "socks5", "socks5h"});
}

bool is_switch(const json& x) {
  return x.is_boolean();
}

bool is_within(const json& x, double from, double to) {
  return x.is_number() && x.get<double>() >= from && x.get<double>() <= to;
}

bool is_amount(const json& x) {
  return is_within(x, 0, 1e6);
}

bool is_timeout(const json& x) {
  return x.is_number_integer() && is_within(x, 1, 600);
}

static_assert(config::run_time_max.count() == 10'080, "see below");

bool is_runtime(const json& x) {
  return x.is_number_integer() && is_within(x, 1, config::run_time_max.count());
}

bool is_id(const json& x) {
  return x.is_number_integer() || is_text(x, 128);
}

template <size_t N>
bool is_one_of(const json& x, const std::array<const char*, N>& names) {
  return std::any_of(names.begin(), names.end(),
                     [&x](const char* name) { return x == name; });
}

bool is_period(const json& x) {
  return is_one_of(x, std::array{"daily", "weekly", "monthly", "yearly"});
}

bool is_limit_action(const json& x) {
  return is_one_of(x, std::array{"block", "warn"});
}

bool is_profile(const json& x) {
  return is_text(x, 64)
         && x.get_ref<const std::string&>().find_first_not_of(
              "abcdefghijklmnopqrstuvwxyz0123456789-_")
              == std::string::npos;
}

bool are_networks(const json& x) {
  return x.is_array() && x.size() <= list_max
         && std::all_of(x.begin(), x.end(), [](const json& entry) {
              config::network ignored;
              return entry.is_string()
                     && config::parse_network(entry.get<std::string>(),
                                              ignored);
            });
}

bool is_hardware(const json& x) {
  return x.is_object() && x.size() <= hardware_max
         && std::all_of(x.begin(), x.end(), [](const json& entry) {
              return entry.is_object() && entry.size() == 2
                     && entry.contains("name") && is_name(entry["name"])
                     && entry.contains("cost_per_second")
                     && is_within(entry["cost_per_second"], 0, 100);
            });
}

/// One key that may be set.
struct key_rule {
  const char* key;
  bool (*fits)(const json&);
  const char* want;
};

constexpr std::array<key_rule, 17> rules{{
  {"webhook_url", is_web_url_or_none,
   "want an http or https URL without a user, or an empty text"},
  {"webhook_require_signature", is_switch, "want true or false"},
  {"webhook_allowed_ips", are_networks,
   "want a list of at most 256 addresses or CIDR networks"},
  {"version_override", is_name, "want a text of at most 256 bytes"},
  {"hardware_profile", is_profile, "want the id of a profile, e.g. h100-x2"},
  {"hardware_info", is_hardware,
   "want {id: {name, cost_per_second}} with 0 to 100 USD per second"},
  {"cost_limit_enabled", is_switch, "want true or false"},
  {"cost_limit_amount", is_amount, "want 0 to 1000000 USD"},
  {"cost_limit_period", is_period, "want daily, weekly, monthly or yearly"},
  {"cost_limit_action", is_limit_action, "want block or warn"},
  {"ssl_verify", is_switch, "want true or false"},
  {"ssl_ca_bundle", is_path, "want a file name"},
  {"proxy_url", is_proxy_url,
   "want an http, https or socks5 URL without a user, or an empty text"},
  {"http_timeout", is_timeout, "want 1 to 600 seconds"},
  {"org_id", is_id, "want a text or an integer"},
  {"api_base_url", is_web_url, "want an http or https URL without a user"},
  {"max_runtime_minutes", is_runtime, "want 1 to 10080"},
}};

void read_key(body_reader& in, const key_rule& rule, provider_settings& out) {
  if (!in.has(rule.key))
    return;
  const auto* value = in.find(rule.key);
  if (value == nullptr) { // null
    out.values.emplace(rule.key, caf::none);
    return;
  }
  auto text = rule.fits(*value) ? value->dump() : std::string{};
  if (text.empty() || text.size() > value_bytes_max)
    return in.fail(rule.key, rule.want);
  out.values.emplace(rule.key, std::move(text));
}

void mask(ordered_json& x) {
  if (!x.is_structured())
    return;
  for (auto& [key, value] : x.items())
    if (x.is_object() && is_secret(key) && value.is_string())
      value = "***";
    else
      mask(value);
}

} // namespace

or_refusal<provider_settings>
parse_provider_settings(const std::string& provider, const std::string& body) {
  auto parsed = parse_object(body);
  if (auto* bad = std::get_if<refusal>(&parsed))
    return std::move(*bad);
  const auto& object = std::get<json>(parsed);
  body_reader in{object};
  provider_settings out{provider};
  for (const auto& rule : rules)
    read_key(in, rule, out);
  for (const auto& [key, value] : object.items())
    if (is_secret(key))
      in.fail(cut(key, 64), "is a secret, which is not stored: set it in the "
                            "environment or in secrets.json");
  if (in.mistake())
    return *in.mistake();
  out.warnings = in.warnings();
  return out;
}

std::string settings_prefix(const std::string& provider) {
  return "provider." + provider + ".";
}

ordered_json shown_config(const std::string& config,
                          const provider_settings& wanted) {
  auto out = ordered_json::parse(config, nullptr, false);
  if (!out.is_object())
    out = ordered_json::object();
  for (const auto& [key, value] : wanted.values)
    out[key] = value ? ordered_json::parse(*value, nullptr, false)
                     : ordered_json{}; // the file's, which GET shows
  mask(out);
  return out;
}

std::string shown_url(const std::string& url) {
  auto out = url.substr(0, url.find_first_of("?#"));
  const auto [begin, end] = authority_of(out);
  const auto at = out.substr(begin, end - begin).rfind('@');
  if (at != std::string::npos)
    out.erase(begin, at + 1);
  return out;
}

} // namespace tunerd::rest
