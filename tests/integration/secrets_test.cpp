// Every kind of secret in one daemon at DEBUG: none is ever written.

#include "tests/integration/process.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <sstream>

using namespace tunerd::test;
using nlohmann::json;

namespace {

// SHA-256 of "stk_one".
const std::string token_hash
  = "c8b350521df3543d30b295ed35dd12db5389e1a71d103a0073971a90293750cd";

std::string settings(const std::string& provider_url) {
  return "background:\n"
         "  job_status_polling: {enabled: true, interval_seconds: 1}\n"
         "tunerd:\n"
         "  auth:\n"
         "    tokens:\n"
         "      - {name: me, level: admin, sha256: \""
         + token_hash
         + "\"}\n"
           "  providers:\n"
           "    replicate:\n"
           "      base_url: "
         + provider_url
         + "/v1\n"
           "      webhook_url: https://hooks.invalid/in?token=h00kt0ken\n";
}

struct caller {
  const tunerd_process& daemon;

  answer operator()(const std::string& method, const std::string& path,
                    const json& body = nullptr,
                    const std::string& as = "Authorization: Bearer stk_one",
                    const std::string& more = "X-Other: 1") const {
    return call(method, daemon.url + path, body.is_null() ? "" : body.dump(),
                {as, more});
  }

  std::string submit() const {
    return (*this)("POST", "/api/cloud/jobs/submit?provider=replicate",
                   {{"version", "demo/trainer:abc"},
                    {"input", {{"hf_token", "${secret:HF_TOKEN}"}}}})
      .json()
      .value("job_id", "");
  }

  bool is(const std::string& job_id, const std::string& status) const {
    const auto reply = (*this)("GET", "/api/cloud/jobs/" + job_id).json();
    return reply.contains("job") && reply["job"].value("status", "") == status;
  }
};

} // namespace

TEST_CASE("no secret is written on any of the main paths",
          "[integration][W4]") {
  scratch dir;
  simulator_process simulator{dir, 50, 300};
  const auto proxy = simulator.url.substr(std::string{"http://"}.size());
  tunerd_process tunerd{dir,
                        {},
                        {{"REPLICATE_API_TOKEN", "r8_pr0vider"},
                         {"CLOUD_WEBHOOK_SECRET", "whsec_c2lnbmluZ2tleQ=="},
                         {"HF_TOKEN", "hf_t0ken"},
                         {"http_proxy", "http://joe:pr0xypw@" + proxy},
                         {"NO_PROXY", "127.0.0.1"}},
                        settings(simulator.url)};
  const caller ask{tunerd};
  REQUIRE(eventually([&] { return ask("GET", "/health").status == 200; }));

  std::string done, cancelled;
  REQUIRE(eventually([&] { return !(done = ask.submit()).empty(); }));
  cancelled = ask.submit();
  CHECK(ask("POST", "/api/cloud/jobs/" + cancelled + "/cancel").status == 200);
  CHECK(eventually([&] { return ask.is(done, "completed"); }));
  CHECK(ask("GET", "/api/cloud/jobs/" + done + "/logs").status == 200);
  CHECK(ask("GET", "/api/cloud/jobs?api_key=stk_query", nullptr,
            "X-API-Key: stk_one")
          .status
        == 200);
  CHECK(ask("GET", "/api/cloud/jobs", nullptr, "Authorization: Bearer stk_bad")
          .status
        == 401);
  CHECK(ask("POST", "/api/webhooks/replicate", {{"id", "p1"}},
            "webhook-signature: v1,c2lnbmF0dXJl")
          .status
        >= 400);
  const std::string provider = "/api/cloud/providers/replicate";
  CHECK(ask("PUT", provider + "/config",
            {{"proxy_url", "http://joe:pr0xypw@127.0.0.1:9"}})
          .status
        == 400);
  // By the proxy of the environment, which is no proxy.
  CHECK(ask("PUT", provider + "/config",
            {{"api_base_url", "http://provider.invalid/v1"}})
          .status
        == 200);
  CHECK(eventually([&] {
    ask("GET", provider + "/validate");
    return tunerd.child.output().find("Proxy-Authorization")
           != std::string::npos;
  }));
  ask("POST", "/api/webhooks/test",
      {{"url", "https://user:t3stpw@127.0.0.1/x?secret=t3stsecret"}});
  tunerd.child.signal(SIGHUP);
  CHECK(eventually([&] {
    return tunerd.child.output().find("Settings reloaded") != std::string::npos;
  }));
  tunerd.child.signal(SIGTERM);
  CHECK(tunerd.child.wait() == 0);

  const auto log = tunerd.child.output();
  for (const auto* said :
       {"libcurl sent: authorization: ***",
        "libcurl sent: Proxy-Authorization: ***", "libcurl sent: POST /v1/",
        "Job ", "Dispatching job", "Provider call finished"})
    CHECK(std::string{log.find(said) == log.npos ? said : ""}.empty());
  for (const auto* secret :
       {"r8_pr0vider", "c2lnbmluZ2tleQ", "signingkey", "hf_t0ken", "h00kt0ken",
        "stk_one", "stk_bad", "stk_query", "c2lnbmF0dXJl", "pr0xypw",
        "am9lOnByMHh5cHc" /* joe:pr0xypw */, "t3stpw", "t3stsecret"}) {
    const auto at = log.find(secret);
    INFO(secret << " in "
                << (at == log.npos
                      ? ""
                      : log.substr(at - std::min<size_t>(at, 400), 800)));
    CHECK(at == log.npos);
  }
  // Nobody else writes but the program itself, to stderr.
  std::istringstream in{log};
  for (std::string line; std::getline(in, line);) {
    INFO(line);
    CHECK((json::parse(line, nullptr, false).is_object()
           || line.find(" listens on http://") != line.npos));
  }
}
