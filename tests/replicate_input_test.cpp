#include "actors/provider_gateway/json_text.hpp"
#include "messages/fingerprint.hpp"

#include "tests/replicate_fixture.hpp"

// What is made of a submission before it is sent to Replicate.

using namespace tunerd;
using namespace tunerd::test::replicate_api;
using namespace std::chrono_literals;

// -- preparing ----------------------------------------------------------------

TEST_CASE("a raw input is kept as canonical JSON", "[provider]") {
  const auto prepared = api().prepare(raw(R"({ "b": 1, "a": [ ] })"));
  REQUIRE(prepared);
  CHECK(prepared->ctx.correlation_id == "corr-1");
  CHECK(prepared->input.version == "me/model:abc");
  CHECK(prepared->input.body == R"({"a":[],"b":1})");
  CHECK(prepared->input.fingerprint
        == fingerprint("replicate", "abc", R"({"b":1,"a":[]})", "{}"));
  CHECK(prepared->hardware_profile == "h100");
  CHECK(prepared->hardware_type == "H100");
}

TEST_CASE("a configuration becomes the trainer's input", "[provider]") {
  prepare_job request{.ctx = corr,
                      .provider = "replicate",
                      .hardware_profile = "l40s-x4",
                      .config = R"({"--model": "flux"})",
                      .dataloader_config = R"([{"id": "d"}])"};
  const config::replicate config{.version = "5f2"};
  const auto prepared = api(config).prepare(request);
  REQUIRE(prepared);
  CHECK(json::parse(prepared->input.body)
        == json{{"config_json", R"({"--model":"flux"})"},
                {"dataloader_json", R"([{"id":"d"}])"}});
  CHECK(prepared->input.version == "5f2");
  CHECK(prepared->hardware_profile == "l40s-x4");
  CHECK(prepared->hardware_type == "4x L40S");
  // The token is a reference, and says nothing to the fingerprint.
  const auto with_token
    = api(config, [](const std::string& name) -> std::optional<std::string> {
        return name == "HF_TOKEN" ? "hf_secret" : "";
      }).prepare(request);
  REQUIRE(with_token);
  CHECK(json::parse(with_token->input.body)["hf_token"]
        == "${secret:HF_TOKEN}");
  CHECK(with_token->input.fingerprint == prepared->input.fingerprint);
}

TEST_CASE("what cannot be sent is refused by the name of its field",
          "[provider]") {
  const auto client = api({.version = "5f2"});
  const std::vector<std::pair<form, std::string>> table{
    {{.input = "7"}, "input: want an object"},
    {{.input = "{"}, "input: not JSON"},
    {{.input = ""}, "input: want either"},
    {{.input = "{}", .config = "{}"}, "input: want either"},
    {{.input = "{}", .dataloader_config = "{}"}, "input: want either"},
    {{.config = "{}"}, "dataloader_config: "},
    {{.dataloader_config = "{}"}, "config: "},
    {{.config = "[]", .dataloader_config = "{}"}, "config: wrong type"},
    {{.config = "{}", .dataloader_config = "7"}, "dataloader_config: wrong"},
    {{.config = R"({"a":"${secret:WANDB_KEY}"})", .dataloader_config = "{}"},
     "config: ${secret:NAME} works in a raw input only"},
    {{.hardware_profile = "h200", .input = "{}"},
     "hardware_profile: want one of h100, h100-x2, h100-x4, h100-x8, l40s, "},
    {{.version = "a b", .input = "{}"}, "version: want"},
    {{.version = "/model", .input = "{}"}, "version: want"},
    {{.version = "owner/", .input = "{}"}, "version: want"},
    {{.version = "owner/model/x", .input = "{}"}, "version: want"},
    {{.version = std::string(300, 'a'), .input = "{}"}, "version: want"},
    {{.input = "{}", .webhook_url = "http://us/hook"}, "webhook_url: "},
    {{.input = R"({"a":"${secret:NOPE}"})"}, "no secret is called NOPE"},
    {{.input = R"({"a":"${secret:no pe}"})"}, "want ${secret:NAME}"},
    {{.input = R"({"a":"${secret:"})"}, "want ${secret:NAME}"},
    {{.input = R"({"a":"${secret:}"})"}, "want ${secret:NAME}"},
    {{.input = '"' + std::string(4'194'304, 'x') + '"'}, "input: over 4 MiB"},
  };
  for (const auto& [request, text] : table) {
    INFO(text);
    check_contains(refusal(client.prepare(request)), text);
  }
}

TEST_CASE("without any version the setting to set is named", "[provider]") {
  check_contains(refusal(api().prepare(form{.input = "{}"})),
                 "tunerd.providers.replicate.version");
}

TEST_CASE("a configuration without a version gets its profile's trainer",
          "[provider][W5]") {
  const auto version = [](const std::string& profile) {
    const auto prepared = api().prepare(form{
      .hardware_profile = profile, .config = "{}", .dataloader_config = "{}"});
    return prepared ? prepared->input.version : render(prepared.error());
  };
  CHECK(version("") == "simpletuner/advanced-trainer-h100");
  CHECK(version("l40s-x2") == "simpletuner/advanced-trainer-l40s-x2");
  check_contains(version("h200"), "hardware_profile: want one of");
}

TEST_CASE("version and profile belong to the request and must agree",
          "[provider][W5]") {
  const auto profile = [](const std::string& version, const std::string& name) {
    return api({.version = "simpletuner/advanced-trainer-h100:1"})
      .prepare(
        form{.hardware_profile = name, .version = version, .input = "{}"});
  };
  const std::string eight = "simpletuner/advanced-trainer-h100-x8:2";
  CHECK(profile(eight, "")->hardware_profile == "h100-x8");
  CHECK(profile(eight, "h100-x8")->hardware_profile == "h100-x8");
  CHECK(profile("5f2", "l40s")->hardware_profile == "l40s");
  CHECK(profile("", "")->input.version
        == "simpletuner/advanced-trainer-h100:1");
  check_contains(refusal(profile(eight, "h100")), "does not run on h100");
  // The configured version runs on other hardware than asked for.
  check_contains(refusal(profile("", "h100-x8")),
                 "want a version of simpletuner/advanced-trainer-h100-x8");
}

TEST_CASE("a webhook is the request's, else the configured one", "[provider]") {
  const auto webhook = [](config::replicate config, const std::string& asked) {
    config.version = "5f2";
    auto prepared
      = api(config).prepare(form{.input = "{}", .webhook_url = asked});
    return prepared ? prepared->input.webhook_url : "refused";
  };
  const config::replicate hooked{.webhook_url = "https://us/hook"};
  CHECK(webhook(hooked, "") == "https://us/hook");
  CHECK(webhook(hooked, "https://them/hook") == "https://them/hook");
  CHECK(webhook({}, "").empty());
  CHECK(webhook({.base_url = "http://127.0.0.1:1"}, "http://us")
        == "http://us/api/webhooks/replicate");
}

// -- secrets ------------------------------------------------------------------

TEST_CASE("secrets are put into values only, quoted as JSON", "[provider]") {
  const auto resolved = resolve_secrets(
    R"({"${secret:X}":["a ${secret:WANDB_KEY}${secret:WANDB_KEY}",{"b":7}]})",
    secrets);
  REQUIRE(resolved);
  CHECK(json::parse(resolved->body)
        == json{{"${secret:X}", {R"(a wandb "1"wandb "1")", {{"b", 7}}}}});
  CHECK(resolved->secrets.size() == 2);
  CHECK(resolve_secrets(R"({"a":"$${secret"})", secrets)->body
        == R"({"a":"$${secret"})");
  CHECK(!resolve_secrets("{", secrets));
  CHECK(!resolve_secrets(R"({"a":"${secret:X}"})", nullptr));
}

TEST_CASE("a secret's value is never itself a reference", "[provider]") {
  const auto resolved
    = resolve_secrets(R"({"a":"${secret:A}"})", [](const std::string& name) {
        return std::optional{"${secret:" + name + "}"};
      });
  REQUIRE(resolved);
  CHECK(resolved->body == R"({"a":"${secret:A}"})");
}

TEST_CASE("secrets are taken out of a text", "[provider]") {
  CHECK(without_secrets("bad hf_1 and hf_1", {"hf_1", ""})
        == "bad *** and ***");
  CHECK(without_secrets("fine", {"hf_1"}) == "fine");
}
