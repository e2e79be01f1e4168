#include "actors/provider_gateway/json_text.hpp"
#include "actors/provider_gateway/provider_settings.hpp"
#include "actors/provider_gateway/url.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace tunerd;
using namespace std::chrono_literals;
using json = nlohmann::json;

namespace {

using values = std::map<std::string, std::string>;

provider_file file() {
  return {.base_url = "https://api.replicate.com/v1",
          .token = "r8_secret",
          .version = "me/model:abc",
          .webhook_url = "https://us/hook",
          .outbound
          = {.ssl_verify = true, .ca_bundle = "/ca.pem", .timeout = 30s}};
}

provider_settings read(const values& stored) {
  return read_provider_settings("replicate", file(), stored);
}

/// What is wrong with the one setting.
std::string mistake(const std::string& key, const std::string& value) {
  const auto result = read({{key, value}});
  return result.mistakes.empty() ? "" : result.mistakes[0];
}

} // namespace

TEST_CASE("without stored settings the file's are in force",
          "[provider_settings]") {
  const auto x = read({});
  CHECK(x.mistakes.empty());
  CHECK(x.base_url == "https://api.replicate.com/v1");
  CHECK(x.version == "me/model:abc");
  CHECK(x.hardware_profile == "h100");
  CHECK(x.rates.h100 == 1'525'000);
  CHECK(x.rates.l40s == 972'222);
  CHECK(x.webhook_url == "https://us/hook");
  CHECK(x.webhook_require_signature);
  CHECK(!x.webhook_allowed_ips);
  CHECK(x.longest_run == 30min);
  CHECK(x.network.timeout == 30s);
  CHECK(x.network.ca_bundle == "/ca.pem");
}

TEST_CASE("stored settings go before those of the file",
          "[provider_settings]") {
  const auto x = read({
    {"api_base_url", R"("https://proxy.example/v1//")"},
    {"version_override", R"("me/other:def")"},
    {"hardware_profile", R"("l40s-x2")"},
    {"hardware_info",
     R"({"gpu-h100":{"name":"H100","cost_per_second":0.002}})"},
    {"webhook_url", R"("https://hooks.example")"},
    {"webhook_require_signature", "false"},
    {"webhook_allowed_ips", R"(["10.0.0.0/8","::1"])"},
    {"max_runtime_minutes", "240"},
    {"http_timeout", "12.0"},
    {"ssl_verify", "false"},
    {"ssl_ca_bundle", R"("/other.pem")"},
    {"proxy_url", R"("http://me:secret@proxy:3128")"},
  });
  CHECK(x.mistakes.empty());
  CHECK(x.base_url == "https://proxy.example/v1");
  CHECK(x.version == "me/other:def");
  CHECK(x.hardware_profile == "l40s-x2");
  CHECK(x.rates.h100 == 2'000'000);
  CHECK(x.rates.l40s == 972'222);
  CHECK(x.webhook_url == "https://hooks.example/api/webhooks/replicate");
  CHECK(!x.webhook_require_signature);
  REQUIRE(x.webhook_allowed_ips);
  CHECK(x.webhook_allowed_ips->size() == 2);
  CHECK(config::contains(*x.webhook_allowed_ips, "10.1.2.3"));
  CHECK(!config::contains(*x.webhook_allowed_ips, "11.1.2.3"));
  CHECK(x.longest_run == 4h);
  CHECK(x.network.timeout == 12s);
  CHECK(!x.network.ssl_verify);
  CHECK(x.network.ca_bundle == "/other.pem");
  CHECK(x.network.proxy_url == "http://me:secret@proxy:3128");
}

TEST_CASE("an unset setting is the file's again", "[provider_settings]") {
  for (const auto* key :
       {"api_base_url", "version_override", "hardware_profile", "hardware_info",
        "webhook_url", "webhook_require_signature", "webhook_allowed_ips",
        "max_runtime_minutes", "http_timeout", "ssl_verify", "ssl_ca_bundle",
        "proxy_url"}) {
    const auto x = read({{key, "null"}});
    INFO(key);
    CHECK(x.mistakes.empty());
    CHECK(x.shown == read({}).shown);
  }
  CHECK(!read({{"webhook_allowed_ips", "[]"}}).webhook_allowed_ips);
  // A text may also be emptied.
  CHECK(read({{"webhook_url", R"("")"}}).webhook_url.empty());
}

TEST_CASE("a setting that cannot be read is named and not used",
          "[provider_settings]") {
  const std::vector<std::pair<std::string, std::string>> table{
    {"api_base_url", R"("ftp://x")"},
    {"api_base_url", R"("https://me@x/")"},
    {"api_base_url", "7"},
    {"api_base_url", R"("https://x/?y")"},
    {"version_override", "{}"},
    {"version_override", '"' + std::string(257, 'x') + '"'},
    {"hardware_profile", R"("h200")"},
    {"hardware_info", "[]"},
    {"hardware_info", R"({"gpu-h100":{"cost_per_second":-1}})"},
    {"hardware_info", R"({"gpu-l40s":{"cost_per_second":1.1}})"},
    {"hardware_info", R"({"gpu-l40s":{"cost_per_second":"1"}})"},
    {"webhook_url", R"("http://x/")"},
    {"webhook_require_signature", R"("false")"},
    {"max_runtime_minutes", "0"},
    {"max_runtime_minutes", "100000"},
    {"http_timeout", "0"},
    {"http_timeout", "31"},
    {"http_timeout", R"("30")"},
    {"ssl_verify", "0"},
    {"proxy_url", "[]"},
    {"ssl_ca_bundle", "tr"},
  };
  for (const auto& [key, value] : table) {
    INFO(key << " " << value);
    const auto x = read({{key, value}});
    CHECK(x.mistakes.size() == 1);
    CHECK(mistake(key, value).starts_with("provider.replicate." + key + ": "));
    CHECK(x.shown == read({}).shown);
  }
}

TEST_CASE("a list of addresses that cannot be read lets nobody in",
          "[provider_settings]") {
  for (const auto* value : {"7", "{}", "[", R"("10.0.0.1")", R"(["x"])"}) {
    INFO(value);
    const auto x = read({{"webhook_allowed_ips", value}});
    CHECK(x.mistakes.size() == 1);
    REQUIRE(x.webhook_allowed_ips);
    CHECK(x.webhook_allowed_ips->empty());
  }
  const auto x
    = read({{"webhook_allowed_ips", R"(["10.0.0.300","10.0.0.1"])"}});
  CHECK(x.mistakes.size() == 1);
  CHECK(config::contains(*x.webhook_allowed_ips, "10.0.0.1"));
}

TEST_CASE("all settings are shown as they are in force, without secrets",
          "[provider_settings][W4]") {
  const auto x = read({{"hardware_profile", R"("l40s")"},
                       {"proxy_url", R"("http://me:hidden@proxy:3128")"},
                       {"cost_limit_enabled", "true"},
                       {"cost_limit_amount", "100.5"},
                       {"org_id", R"("org1")"},
                       {"api_token", R"("hidden")"},
                       {"unheard_of", R"("hidden")"}});
  const auto shown = json::parse(x.shown);
  for (const auto* key :
       {"webhook_url", "webhook_require_signature", "webhook_allowed_ips",
        "version_override", "hardware_profile", "hardware_info",
        "cost_limit_enabled", "cost_limit_amount", "cost_limit_period",
        "cost_limit_action", "ssl_verify", "ssl_ca_bundle", "proxy_url",
        "http_timeout", "org_id", "api_base_url", "max_runtime_minutes"}) {
    INFO(key);
    CHECK(shown.contains(key));
  }
  CHECK(shown["hardware_profile"] == "l40s");
  CHECK(shown["hardware_info"]["gpu-h100"]["cost_per_second"] == 0.001525);
  CHECK(shown["hardware_info"]["gpu-l40s"]["cost_per_second"] == 0.000972222);
  CHECK(shown["proxy_url"] == "http://***@proxy:3128");
  CHECK(shown["api_token"] == "***");
  CHECK(shown["cost_limit_enabled"] == true);
  CHECK(shown["cost_limit_amount"] == 100.5);
  CHECK(shown["cost_limit_period"] == "monthly");
  CHECK(shown["org_id"] == "org1");
  CHECK(x.shown.find("hidden") == std::string::npos);
  CHECK(x.shown.find("r8_secret") == std::string::npos);
}

TEST_CASE("a simulated provider is not led elsewhere", "[provider_settings]") {
  auto simulated = file();
  simulated.keeps_base_url = true;
  const auto x = read_provider_settings(
    "replicate", simulated, {{"api_base_url", R"("https://real.example")"}});
  CHECK(x.base_url == "https://api.replicate.com/v1");
}

TEST_CASE("no stored text makes settings unusable", "[provider_settings]") {
  std::mt19937_64 random{Catch::rngSeed()};
  const std::vector<std::string> keys{"api_base_url",
                                      "version_override",
                                      "hardware_profile",
                                      "hardware_info",
                                      "webhook_url",
                                      "webhook_require_signature",
                                      "webhook_allowed_ips",
                                      "max_runtime_minutes",
                                      "http_timeout",
                                      "ssl_verify",
                                      "ssl_ca_bundle",
                                      "proxy_url",
                                      "org_id",
                                      "cost_limit_amount"};
  const std::vector<std::string> texts{
    "null",
    "true",
    "1e308",
    "-1",
    "0.5",
    "[]",
    "{}",
    R"("")",
    R"("https://x")",
    R"(["::1",7])",
    R"({"gpu-h100":{"cost_per_second":1e99}})",
    "\xff",
    "[[",
    R"({"gpu-l40s":7})",
    "9223372036854775807"};
  for (int i = 0; i < 1'000; ++i) {
    values stored;
    for (size_t n = random() % 5; n > 0; --n)
      stored[keys[random() % keys.size()]] = texts[random() % texts.size()];
    const auto x = read(stored);
    INFO("seed " << Catch::rngSeed() << " " << x.shown);
    REQUIRE(!origin_of(x.base_url).empty());
    REQUIRE(find_hardware_profile(x.hardware_profile) != nullptr);
    REQUIRE(x.longest_run >= 1min);
    REQUIRE(x.network.timeout >= 1s);
    REQUIRE(x.network.timeout <= 30s);
    REQUIRE(x.rates.h100 <= gpu_rates::rate_max);
    REQUIRE(parse_json(x.shown));
  }
}

TEST_CASE("a webhook URL without a path gets the default one",
          "[provider_settings]") {
  const std::vector<std::pair<std::string, std::string>> table{
    {"https://h", "https://h/p"},
    {"https://h/", "https://h/p"},
    {"https://h:1?x=1", "https://h:1/p?x=1"},
    {"https://h/?x=/1", "https://h/p?x=/1"},
    {"https://h/#x", "https://h/p#x"},
    {"https://h/own", "https://h/own"},
    {"https://h//", "https://h//"},
    {"", ""}};
  for (const auto& [url, full] : table)
    CHECK(with_default_path(url, "/p") == full);
}
