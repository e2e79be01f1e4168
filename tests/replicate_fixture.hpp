#pragma once

#include "actors/provider_gateway/replicate.hpp"
#include "actors/provider_gateway/replicate_answers.hpp"

#include <catch2/catch.hpp>

// What the tests of Replicate's API share.

namespace tunerd::test::replicate_api {

using json = nlohmann::json;

inline const context corr{"corr-1", {{"job_id", "j1"}}};

inline timestamp at(int64_t seconds) {
  return timestamp{std::chrono::seconds{seconds}};
}

inline std::optional<std::string> secrets(const std::string& name) {
  if (name == "WANDB_KEY")
    return "wandb \"1\"";
  return std::nullopt;
}

inline replicate api(config::replicate section = {.token = "r8_x"},
                     secret_source source = secrets) {
  return {read_provider_settings("replicate", file_of(section, {}), {}),
          std::move(source)};
}

inline std::optional<provider_job> seen_in(const json& body,
                                           const std::string& profile) {
  return read_prediction(body, profile, {});
}

inline http_response answer(int status, const std::string& body,
                            http_headers headers = {}) {
  return {corr, http_transfer::answered, status, std::move(headers), body, {}};
}

inline prepare_job raw(const std::string& input) {
  return {.ctx = corr,
          .provider = "replicate",
          .version = "me/model:abc",
          .input = input};
}

/// A submission's fields, all of them optional.
struct form {
  std::string hardware_profile = {};
  std::string version = {};
  std::string input = {};
  std::string config = {};
  std::string dataloader_config = {};
  std::string webhook_url = {};

  operator prepare_job() const {
    return {corr,  "replicate", hardware_profile,  version,
            input, config,      dataloader_config, webhook_url};
  }
};

inline submission_outcome submitted(const http_response& response) {
  return api().read_submission(response, at(1'000));
}

inline std::string refusal(const caf::expected<job_prepared>& prepared) {
  REQUIRE(!prepared);
  CHECK(code_of(prepared.error()) == ec::validation_error);
  return render(prepared.error());
}

inline void check_contains(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
}

inline const json prediction{
  {"id", "k3writej"},
  {"model", "simpletuner/advanced-trainer-h100"},
  {"version", "simpletuner/advanced-trainer-h100:5f2"},
  {"status", "succeeded"},
  {"input", {{"b", 1}, {"a", "x"}}},
  {"output", "https://files/out.zip"},
  {"error", nullptr},
  {"created_at", "2024-01-15T10:30:00.25Z"},
  {"started_at", "2024-01-15T12:30:01+02:00"},
  {"completed_at", "2024-01-15T10:31:00.000000+00:00"},
  {"metrics", {{"predict_time", 58.75}}},
};

} // namespace tunerd::test::replicate_api
