#include "actors/replicate_simulator/webhooks.hpp"

#include "actors/replicate_simulator/json_fields.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

namespace tunerd::simulated {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

const unsigned char* bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string base64(const unsigned char* data, size_t size) {
  std::string text(4 * ((size + 2) / 3) + 1, '\0');
  text.resize(static_cast<size_t>(
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), data,
                    static_cast<int>(size))));
  return text;
}

/// @param secret Of our own making, so it is well-formed and without padding.
std::string key_of(const std::string& secret) {
  const auto text = secret.substr(secret.find('_') + 1);
  std::string key(text.size() / 4 * 3, '\0');
  EVP_DecodeBlock(reinterpret_cast<unsigned char*>(key.data()), bytes(text),
                  static_cast<int>(text.size()));
  return key;
}

std::string signature(const std::string& key, const std::string& content) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes(content),
       content.size(), mac.data(), &size);
  return "v1," + base64(mac.data(), size);
}

http_request post(const prediction& made, const std::string& key,
                  const std::string& id, const json& body, timestamp now) {
  const auto seconds = std::to_string(
    std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count());
  http_request result{{}, "POST", made.what.webhook_url};
  result.body = dump(body);
  result.headers = {{"content-type", "application/json"},
                    {"webhook-id", id},
                    {"webhook-timestamp", seconds},
                    {"webhook-signature",
                     signature(key, id + "." + seconds + "." + result.body)}};
  result.timeout = std::chrono::seconds{10};
  if (!made.correlation_ids.empty())
    result.ctx.correlation_id = made.correlation_ids.front();
  return result;
}

std::string new_id(const random_source& random) {
  return "msg_" + random_hex(random, 24);
}

} // namespace

webhook_faults webhook_faults::from_json(const json& in) {
  require_object(in, "webhooks");
  require_known(in, {"lost", "duplicate", "late", "late_ms", "forged"});
  const auto percent
    = [&in](const char* name) { return read_integer(in, name, 0, 0, 100); };
  return {.lost = percent("lost"),
          .duplicate = percent("duplicate"),
          .late = percent("late"),
          .late_by
          = milliseconds{read_integer(in, "late_ms", 10'000, 0, 3'600'000)},
          .forged = percent("forged")};
}

json webhook_faults::to_json() const {
  return {{"lost", lost},
          {"duplicate", duplicate},
          {"late", late},
          {"late_ms", late_by.count()},
          {"forged", forged}};
}

std::vector<delivery> make_deliveries(const prediction& made,
                                      const std::string& secret,
                                      const json& body, timestamp now,
                                      const webhook_faults& faults,
                                      const random_source& random) {
  const auto strikes = [&random](int64_t percent) {
    return static_cast<int64_t>(random() % 100) < percent;
  };
  std::vector<delivery> result;
  if (strikes(faults.forged)) {
    auto lie = body;
    lie["status"] = "succeeded";
    lie["output"] = "https://forged.invalid/output.tar";
    result.push_back({post(made, "not the key", new_id(random), lie, now)});
  }
  // Drawn in any case, so that one setting does not move the others' dice.
  const bool is_lost = strikes(faults.lost);
  const bool is_late = strikes(faults.late);
  const bool is_repeated = strikes(faults.duplicate);
  if (is_lost)
    return result;
  const delivery real{post(made, key_of(secret), new_id(random), body, now),
                      is_late ? faults.late_by : milliseconds{0},
                      is_over(made.status)};
  result.push_back(real);
  if (is_repeated)
    result.push_back(real);
  return result;
}

} // namespace tunerd::simulated
