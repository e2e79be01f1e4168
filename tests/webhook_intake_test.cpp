#include "tests/log_capture.hpp"
#include "tests/provider_fixture.hpp"

#include <nlohmann/json.hpp>

using namespace tunerd;
using namespace std::chrono_literals;
using test::answered;
using test::corr;
using json = nlohmann::json;

namespace {

constexpr auto secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

/// A delivery as Python's hmac signs it with `secret`.
const std::string body
  = R"({"id":"ufawqhfynnddngldkgtslldrkq","status":"succeeded"})";
constexpr auto signature = "v1,QYc8Ycg6tEzQosEu3sUYdP2wz005PaxGV090YmqYduk=";
constexpr auto sent_at = 1'614'265'330s;

struct fixture : test::provider_fixture {
  fixture() {
    // The delivery is of a certain time, so the time is set to that.
    settings.world.now
      = [this] { return timestamp{sent_at} + (now() - begun); };
    aut = spawn(provider_gateway, settings, client, store);
    settle();
  }

  read_webhook delivery() {
    return {corr,
            "replicate",
            {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
             {"webhook-timestamp", "1614265330"},
             {"webhook-signature", signature}},
            body,
            "8.8.8.8"};
  }

  ec refusal(const read_webhook& x) {
    return code_of(ask_error<webhook_read>(aut, x));
  }

  int64_t refused() {
    return settings.counts->webhooks_refused.value();
  }

  static test::step key_answer(const std::string& key = secret) {
    return answered(200, json{{"key", key}}.dump());
  }

  timestamp begun = now();
};

} // namespace

TEST_CASE_METHOD(fixture, "a signed delivery is read",
                 "[webhook][W1][W2][L3]") {
  secrets["CLOUD_WEBHOOK_SECRET"] = secret;
  const auto x = ask<webhook_read>(aut, delivery());
  CHECK(x.is_signed);
  CHECK(x.delivery_id == "msg_p5jXN8AQM9LWM0D4loKWxJek");
  CHECK(x.seen.external_id == "ufawqhfynnddngldkgtslldrkq");
  CHECK(x.seen.status == job_status::completed);
  CHECK(x.ctx.correlation_id == "corr-1");
  CHECK(json::parse(x.payload)["status"] == "succeeded");
  CHECK(requests.empty());
  CHECK(settings.counts->webhooks_received.value() == 1);
  CHECK(refused() == 0);
}

TEST_CASE_METHOD(fixture, "address, signature and body are judged in turn",
                 "[webhook][W3][W4]") {
  secrets["CLOUD_WEBHOOK_SECRET"] = secret;
  set("webhook_allowed_ips", R"(["8.8.8.0/24"])");
  auto x = delivery();
  x.body = "{";
  CHECK(refusal(x) == ec::invalid_signature);
  x.address = "8.8.9.1";
  CHECK(refusal(x) == ec::ip_not_allowed);
  x.address = "::ffff:8.8.8.1";
  x.body = body;
  CHECK(ask<webhook_read>(aut, x).is_signed);
  x.address = "not an address";
  CHECK(refusal(x) == ec::ip_not_allowed);
  x.address = "8.8.8.1";
  set("webhook_allowed_ips", R"("8.8.8.1")"); // no list: nobody
  CHECK(refusal(x) == ec::ip_not_allowed);
  x.provider = "nobody";
  CHECK(refusal(x) == ec::unknown_provider);
  CHECK(settings.counts->webhooks_received.value() == 6);
  CHECK(refused() == 5);
}

TEST_CASE_METHOD(fixture, "a signed body that is no delivery is refused",
                 "[webhook]") {
  secrets["CLOUD_WEBHOOK_SECRET"] = secret;
  auto x = delivery();
  x.headers = {
    {"webhook-id", "msg_1"},
    {"webhook-timestamp", "1700000000"},
    {"webhook-signature", "v1,1mgOj6TVhp3BSMcTTSkIcSqwMImLcuoATUkCX45722Q="}};
  x.body.clear();
  begun += timestamp{sent_at} - timestamp{1'700'000'000s};
  CHECK(refusal(x) == ec::validation_error);
}

TEST_CASE_METHOD(fixture, "forged, late and unsigned deliveries are refused",
                 "[webhook][W1][W4]") {
  secrets["CLOUD_WEBHOOK_SECRET"] = secret;
  auto forged = delivery();
  forged.body += " ";
  CHECK(refusal(forged) == ec::invalid_signature);
  auto unsigned_one = delivery();
  unsigned_one.headers.clear();
  CHECK(refusal(unsigned_one) == ec::invalid_signature);
  advance(300s, 10s);
  CHECK(ask<webhook_read>(aut, delivery()).is_signed);
  advance(1s);
  CHECK(refusal(delivery()) == ec::invalid_signature);
  CHECK(refused() == 3);
}

TEST_CASE_METHOD(fixture, "the tolerance is a setting", "[webhook]") {
  secrets["CLOUD_WEBHOOK_SECRET"] = secret;
  settings.webhook_tolerance = 10s;
  aut = spawn(provider_gateway, settings, client, store);
  advance(11s);
  CHECK(refusal(delivery()) == ec::invalid_signature);
}

TEST_CASE_METHOD(fixture, "the provider is asked for its secret, once",
                 "[webhook][W6]") {
  auto first = self->request(aut, 60min, delivery());
  auto second = self->request(aut, 60min, delivery());
  settle();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].url
        == "https://api.replicate.com/v1/webhooks/default/secret");
  CHECK(header(requests[0].headers, "authorization") == "Bearer r8_x");
  CHECK(requests[0].ctx.correlation_id == "corr-1");
  answer_hanging(200, json{{"key", secret}}.dump());
  settle();
  int read = 0;
  for (auto* pending : {&first, &second})
    pending->receive([&](webhook_read& x) { read += x.is_signed ? 1 : 0; },
                     [](caf::error&) {});
  CHECK(read == 2);
  advance(290s, 10s);
  CHECK(ask<webhook_read>(aut, delivery()).is_signed);
  CHECK(requests.size() == 1);
}

TEST_CASE_METHOD(fixture, "a secret is asked for again after five minutes",
                 "[webhook]") {
  settings.webhook_tolerance = 1h;
  aut = spawn(provider_gateway, settings, client, store);
  script = {key_answer(), key_answer("whsec_AAEC")};
  CHECK(ask<webhook_read>(aut, delivery()).is_signed);
  advance(300s, 10s);
  CHECK(refusal(delivery()) == ec::invalid_signature); // it has a new one
  CHECK(requests.size() == 2);
}

TEST_CASE_METHOD(fixture, "without the secret the provider is to try again",
                 "[webhook][W1]") {
  test::log_capture log;
  script = {answered(404), key_answer()};
  CHECK(refusal(delivery()) == ec::provider_unavailable);
  CHECK(log.contains("WARNING", "The webhook secret of replicate cannot be "
                                "had: no_such_provider_job: HTTP 404"));
  // Nobody makes us ask and ask.
  CHECK(refusal(delivery()) == ec::provider_unavailable);
  CHECK(requests.size() == 1);
  CHECK(refused() == 0);
  advance(10s);
  CHECK(ask<webhook_read>(aut, delivery()).is_signed);
}

TEST_CASE_METHOD(fixture, "a secret that is none is said and used for nothing",
                 "[webhook][W4]") {
  script = {key_answer("whsec_***")};
  CHECK(refusal(delivery()) == ec::provider_unavailable);
  secrets["CLOUD_WEBHOOK_SECRET"] = "whsec_*";
  CHECK(refusal(delivery()) == ec::provider_unavailable);
}

TEST_CASE_METHOD(fixture, "what looks unsigned makes nobody ask for a secret",
                 "[webhook]") {
  auto x = delivery();
  x.headers[2].second.clear();
  CHECK(refusal(x) == ec::invalid_signature);
  x = delivery();
  x.headers[1].second = "1614269999";
  CHECK(refusal(x) == ec::invalid_signature);
  CHECK(requests.empty());
}

TEST_CASE_METHOD(fixture, "an unsigned delivery names a job and no more",
                 "[webhook][W4]") {
  secrets["CLOUD_WEBHOOK_SECRET"] = secret;
  set("webhook_require_signature", "false");
  for (const auto* changed : {"webhook-signature", "webhook-id", ""}) {
    auto x = delivery();
    for (auto& [name, value] : x.headers)
      if (name == changed)
        value = "v1,forged";
    if (std::string_view{changed}.empty())
      x.headers.clear();
    const auto found = ask<webhook_read>(aut, x);
    CHECK(!found.is_signed);
    CHECK(found.seen.external_id == "ufawqhfynnddngldkgtslldrkq");
    CHECK(!found.seen.status);
    CHECK(found.payload == "{}");
    CHECK(found.delivery_id.empty());
  }
  // What is signed still counts as such.
  CHECK(ask<webhook_read>(aut, delivery()).is_signed);
  secrets.clear();
  script = {answered(404)};
  CHECK(!ask<webhook_read>(aut, delivery()).is_signed);
}

TEST_CASE_METHOD(fixture, "deliveries that wait for the secret are bounded",
                 "[webhook]") {
  for (size_t i = 0; i < fetched_key::waiting_max; ++i)
    caf::anon_send(aut, delivery());
  settle();
  CHECK(requests.size() == 1);
  CHECK(refusal(delivery()) == ec::provider_unavailable);
}

TEST_CASE_METHOD(fixture, "a refused delivery is a line without its content",
                 "[webhook][W3][W4][L1]") {
  test::log_capture log;
  secrets["CLOUD_WEBHOOK_SECRET"] = secret;
  auto x = delivery();
  x.body = "my body";
  refusal(x);
  const auto lines = log.lines_with("Webhook from 8.8.8.8 refused: "
                                    "invalid_signature");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].level == "WARNING");
  CHECK(lines[0].logger == "simpletuner.cloud.webhooks");
  CHECK(lines[0].correlation_id == "corr-1");
  for (const auto& line : log.lines())
    for (const auto* hidden : {"my body", "whsec_", signature})
      CHECK(line.text.find(hidden) == std::string::npos);
}

TEST_CASE_METHOD(fixture, "a stop while deliveries wait is clean",
                 "[webhook]") {
  caf::anon_send(aut, delivery());
  settle();
  caf::anon_send_exit(aut, caf::exit_reason::user_shutdown);
  settle();
  answer_hanging(200, json{{"key", secret}}.dump());
  advance(1min);
  CHECK(requests.size() == 1);
}
