#include "actors/provider_gateway/json_text.hpp"
#include "actors/provider_gateway/replicate_delivery.hpp"
#include "actors/provider_gateway/webhook_signature.hpp"
#include "messages/error.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <random>

using namespace tunerd;
using namespace std::chrono_literals;
using json = nlohmann::json;

namespace {

// Made by another implementation (Python's hmac); the last by the authors of
// the scheme.
struct vector {
  const char* secret;
  const char* id;
  const char* time;
  std::string body;
  const char* signature;
};

const std::string body
  = R"({"id":"ufawqhfynnddngldkgtslldrkq","status":"succeeded"})";

const std::vector<vector> vectors{
  {"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "msg_p5jXN8AQM9LWM0D4loKWxJek",
   "1614265330", body, "v1,QYc8Ycg6tEzQosEu3sUYdP2wz005PaxGV090YmqYduk="},
  {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "msg_1", "1700000000", "",
   "v1,1mgOj6TVhp3BSMcTTSkIcSqwMImLcuoATUkCX45722Q="},
  {"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "msg_2", "1700000000",
   std::string{"\0\xff\"\n", 4},
   "v1,sB+B7hhST3pyPzONlFcJusUVH4zhahw78mKHheUDwTI="},
  {"whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=",
   "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body,
   "v1,UgRA1vyBaEVmaXxF1Zm+NxFHhhMXZ0LEE9fSsB/6cjc="},
  {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
   "1614265330", R"({"test": 2432232314})",
   "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
};

const auto& genuine = vectors[0];
const auto key = *webhook_key(genuine.secret);
const timestamp sent_at{1'614'265'330s};

http_headers headers(const std::string& id, const std::string& time,
                     const std::string& signature) {
  return {{"webhook-id", id},
          {"webhook-timestamp", time},
          {"webhook-signature", signature}};
}

bool is_genuine(const std::string& signature,
                const std::string& text = genuine.body) {
  return is_signed_by(key, headers(genuine.id, genuine.time, signature), text);
}

std::string mistake(const http_headers& x, timestamp now = sent_at) {
  return signature_mistake(x, now, 300s);
}

webhook_read read(const json& text) {
  read_webhook query{{"corr-1"}, "replicate", {}};
  query.body = text.dump();
  auto result = read_replicate_delivery(query, {});
  INFO(query.body);
  REQUIRE(result);
  CHECK(result->ctx.correlation_id == "corr-1");
  CHECK(!result->is_signed);
  return *result;
}

std::string status_of(const webhook_read& x) {
  return x.seen.status ? to_string(*x.seen.status) : "none";
}

} // namespace

// -- signatures ---------------------------------------------------------------

TEST_CASE("signatures of others' making are accepted", "[webhook][W1]") {
  for (const auto& x : vectors) {
    INFO(x.id << " " << x.signature);
    const auto its_key = webhook_key(x.secret);
    REQUIRE(its_key);
    CHECK(is_signed_by(*its_key, headers(x.id, x.time, x.signature), x.body));
  }
}

TEST_CASE("what others' programs say of a delivery is what we say",
          "[webhook][W1]") {
  // tests/data/make_webhook_vectors.mjs made it.
  std::ifstream file{"tests/data/webhook_vectors.json"};
  REQUIRE(file);
  const auto all = json::parse(file);
  const timestamp now{std::chrono::seconds{all["now"].get<int64_t>()}};
  size_t genuine_ones = 0;
  for (const auto& x : all["vectors"]) {
    INFO(x["what"] << " by " << x["made_by"] << ", " << x["id"]);
    const auto its_key = webhook_key(x["secret"].get<std::string>());
    REQUIRE(its_key);
    const auto head = headers(x["id"], x["timestamp"], x["signature"]);
    CHECK(mistake(head, now).empty());
    const auto& says = x["says"];
    CHECK(says["svix"] == says["standardwebhooks"]);
    const bool ours
      = is_signed_by(*its_key, head, x["body"].get<std::string>());
    CHECK(ours == says["standardwebhooks"]);
    // Its own client takes any version for version 1; nobody else does.
    if (x["what"] != "another version")
      CHECK(ours == says["replicate"]);
    genuine_ones += ours ? 1 : 0;
  }
  CHECK(all["vectors"].size() >= 100);
  CHECK(genuine_ones == 50);
}

TEST_CASE("one good signature of version 1 in the list is enough",
          "[webhook][W1]") {
  const std::string good = genuine.signature;
  const std::string bad = vectors[1].signature;
  CHECK(is_genuine(bad + " " + good));
  CHECK(is_genuine(good + " " + bad));
  CHECK(is_genuine("v1a,xyz  " + good + " "));
  CHECK(!is_genuine(bad + " " + bad));
}

TEST_CASE("a forged signature is refused", "[webhook][W1][W4]") {
  const std::string good = genuine.signature;
  for (const auto& signature :
       {std::string{}, std::string{" "}, std::string{"v1,"}, std::string{"v1"},
        good.substr(3), "v2," + good.substr(3), "v1a," + good.substr(3),
        "V1," + good.substr(3), "v1," + good, good.substr(0, good.size() - 1),
        good + "=", good + ",", good.substr(0, 20), "v1, " + good.substr(3),
        std::string{vectors[3].signature}}) {
    INFO(signature);
    CHECK(!is_genuine(signature));
  }
}

TEST_CASE("every part of a delivery is signed", "[webhook][W1][W4]") {
  const std::string good = genuine.signature;
  CHECK(is_genuine(good));
  CHECK(!is_genuine(good, genuine.body + " "));
  CHECK(!is_genuine(good, genuine.body.substr(1)));
  CHECK(!is_signed_by(key, headers("msg_other", genuine.time, good), body));
  CHECK(!is_signed_by(key, headers(genuine.id, "1614265331", good), body));
  CHECK(!is_signed_by(*webhook_key(vectors[3].secret),
                      headers(genuine.id, genuine.time, good), body));
  CHECK(!is_signed_by(key, {}, body));
}

TEST_CASE("no other bit of a signature will do", "[webhook][W4]") {
  std::mt19937_64 random{Catch::rngSeed()};
  for (int i = 0; i < 3'000; ++i) {
    std::string wrong = genuine.signature;
    for (size_t n = random() % 3 + 1; n > 0; --n)
      wrong[3 + random() % (wrong.size() - 3)]
        = static_cast<char>(random() % 94 + 33);
    INFO("seed " << Catch::rngSeed() << ": " << wrong);
    REQUIRE(is_genuine(wrong) == (wrong == genuine.signature));
  }
}

TEST_CASE("a delivery is good for five minutes either way", "[webhook][W4]") {
  const auto at = [](timestamp now) {
    return mistake(headers(genuine.id, genuine.time, genuine.signature), now);
  };
  CHECK(at(sent_at).empty());
  CHECK(at(sent_at + 300s).empty());
  CHECK(at(sent_at - 300s).empty());
  CHECK(at(sent_at + 301s) == "webhook-timestamp is too far from now");
  CHECK(at(sent_at - 301s) == "webhook-timestamp is too far from now");
  CHECK(at(sent_at + 24h * 365) == "webhook-timestamp is too far from now");
}

TEST_CASE("headers that are missing or malformed are named", "[webhook]") {
  for (const auto* id : {"", "msg.1", "."})
    CHECK(mistake(headers(id, "1614265330", "v1,x"))
          == "webhook-id is missing or malformed");
  CHECK(mistake(headers(std::string(257, 'x'), "1614265330", "v1,x"))
        == "webhook-id is missing or malformed");
  CHECK(mistake(headers("m", "1614265330", ""))
        == "webhook-signature is missing");
  for (const auto* time : {"", "x", "1614265330.5", " 1614265330", "-1",
                           "99999999999999999999", "100000000000", "0x1"}) {
    INFO(time);
    CHECK(mistake(headers("m", time, "v1,x"))
          == "webhook-timestamp is missing or malformed");
  }
  CHECK(mistake(headers("m", "99999999999", "v1,x"))
        == "webhook-timestamp is too far from now");
}

TEST_CASE("a secret is base64 with or without its prefix", "[webhook]") {
  CHECK(webhook_key("whsec_AAEC") == std::string("\0\1\2", 3));
  CHECK(webhook_key("AAE=") == std::string("\0\1", 2));
  CHECK(webhook_key("AA==") == std::string("\0", 1));
  for (const auto* secret : {"", "whsec_", "AAE", "whsec_A", "AA*C", "=AAA",
                             "AA=A", "A===", "AAAA=AAA"}) {
    INFO(secret);
    CHECK(!webhook_key(secret));
  }
  CHECK(!webhook_key(std::string(2000, 'A')));
}

// -- bodies -------------------------------------------------------------------

TEST_CASE("a delivered prediction says what a look-up would",
          "[webhook][W1][W2]") {
  const auto x = read({{"id", "p1"},
                       {"model", "simpletuner/advanced-trainer-h100-x8"},
                       {"status", "succeeded"},
                       {"input", {{"hf_token", "hf_clear"}}},
                       {"logs", "step 1/1\n"},
                       {"output", "https://files/out.zip"},
                       {"metrics", {{"predict_time", 2}}}});
  CHECK(x.seen.external_id == "p1");
  CHECK(x.seen.status == job_status::completed);
  CHECK(x.seen.cost_micros == int64_t{24'400});
  CHECK(x.seen.output_url == "https://files/out.zip");
  CHECK(x.seen.logs == "step 1/1\n");
  // For the comparison with what was submitted; the store never gets it.
  CHECK(x.seen.input == R"({"hf_token":"hf_clear"})");
  CHECK(x.event_type.empty());
  const auto payload = json::parse(x.payload);
  CHECK(payload["id"] == "p1");
  CHECK(!payload.contains("logs"));
  CHECK(!payload.contains("input"));
}

TEST_CASE("an id alone is a delivery", "[webhook][W1][P4]") {
  const auto x = read({{"id", "p1"}});
  CHECK(x.seen.external_id == "p1");
  CHECK(!x.seen.status);
  CHECK(!x.seen.cost_micros);
}

TEST_CASE("events of the trainer are understood too", "[webhook]") {
  const std::vector<std::pair<std::string, std::string>> table{
    {"completed", "completed"},  {"failed", "failed"},
    {"error", "failed"},         {"canceled", "cancelled"},
    {"cancelled", "cancelled"},  {"lifecycle.stage", "running"},
    {"training.status", "none"}, {"training.progress", "none"},
    {"something.else", "none"}};
  for (const auto& [type, status] : table)
    for (const auto* type_key : {"type", "event_type"})
      for (const auto* id_key : {"prediction_id", "job_id"}) {
        const auto x = read({{type_key, type}, {id_key, "p1"}});
        INFO(type);
        CHECK(x.seen.external_id == "p1");
        CHECK(status_of(x) == status);
        CHECK(x.seen.raw_status == (status == "none" ? "" : type));
        CHECK(x.event_type == type);
      }
  const auto running = read(
    {{"type", "training.status"}, {"job_id", "p1"}, {"status", "processing"}});
  CHECK(running.seen.status == job_status::running);
  const auto strange = read(
    {{"type", "training.status"}, {"job_id", "p1"}, {"status", "on fire"}});
  CHECK(!strange.seen.status);
  CHECK(strange.seen.raw_status == "on fire");
  CHECK(read({{"type", "error"}, {"job_id", "p1"}, {"message", "no space"}})
          .seen.error_message
        == "no space");
}

TEST_CASE("a prediction id goes before a job id", "[webhook]") {
  CHECK(read({{"type", "completed"}, {"prediction_id", "p1"}, {"job_id", "j1"}})
          .seen.external_id
        == "p1");
}

TEST_CASE("a body that names no job is refused", "[webhook]") {
  for (const auto* text :
       {"", "{", "[]", "7", "{}", R"({"id":7})", R"({"id":""})",
        R"({"type":"completed"})", R"({"job_id":"p1"})", "\xff"}) {
    read_webhook query{{"corr-1"}, "replicate", {}};
    query.body = text;
    const auto result = read_replicate_delivery(query, {});
    INFO(text);
    REQUIRE(!result);
    CHECK(code_of(result.error()) == ec::validation_error);
  }
}

TEST_CASE("subscribers get no logs, no input, and nothing huge",
          "[webhook][E2]") {
  const auto nested = read(
    {{"id", "p1"},
     {"status", "processing"},
     {"extra",
      json::array({{{"input", {{"secret", 1}}}, {"logs", "x"}, {"a", 1}}})}});
  CHECK(nested.payload.find("secret") == std::string::npos);
  CHECK(nested.payload.find("logs") == std::string::npos);
  const auto large = read({{"id", "p1"}, {"output", std::string(70'000, 'x')}});
  CHECK(json::parse(large.payload) == json{{"id", "p1"}});
  const auto huge = read({{"id", "p1"}, {"x", std::string(70'000, 'x')}});
  CHECK(huge.payload == "{}");
}
