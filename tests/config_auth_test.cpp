#include "config/settings.hpp"

#include <catch2/catch.hpp>

using namespace tunerd;

namespace {

const std::string digest(64, 'a');

config::auth auth_of(const std::string& yaml) {
  return config::load({.yaml = yaml}).values.auth_section;
}

std::string error_of(const std::string& yaml) {
  try {
    config::load({.yaml = yaml});
    return "none";
  } catch (const config::error& e) {
    return e.what();
  }
}

std::string tokens(const std::string& items) {
  return "tunerd:\n  auth:\n    tokens:\n" + items;
}

std::string token(const std::string& name, const std::string& rest,
                  char digit = 'a') {
  return "      - {name: " + name + ", sha256: \"" + std::string(64, digit)
         + "\", level: lead" + rest + "}\n";
}

} // namespace

TEST_CASE("tokens have a name, a digest, a level and owners", "[config][W4]") {
  const auto x
    = auth_of(tokens(token("ci", ", user_id: 7, org_id: 1, team_id: vision")
                     + token("me", ", org_id: null", 'b')));
  REQUIRE(x.tokens.size() == 2);
  CHECK(x.tokens[0].name == "ci");
  CHECK(x.tokens[0].sha256 == digest);
  CHECK(x.tokens[0].level == caller_level::lead);
  CHECK(x.tokens[0].user_id == "7");
  CHECK(x.tokens[0].org_id == "1");
  CHECK(x.tokens[0].team_id == "vision");
  CHECK(x.tokens[1].user_id == "me");
  CHECK(x.tokens[1].org_id.empty());
}

TEST_CASE("a wrong token names its file, line and key", "[config]") {
  const auto has = [](const std::string& text, const std::string& part) {
    INFO(text);
    return text.find(part) != std::string::npos;
  };
  const std::string first = "simpletuner-enterprise.yaml:4: "
                            "tunerd.auth.tokens[0]";
  CHECK(has(error_of(tokens("      - {name: a}\n")), first + ".sha256: want"));
  CHECK(has(error_of(tokens("      - {sha256: a}\n")), first + ".name: want"));
  CHECK(has(error_of(tokens("      - {name: a, sha256: \"" + digest
                            + "\", level: boss}\n")),
            first + ".level: found 'boss', want viewer"));
  CHECK(has(error_of(tokens("      - {name: a, sha: b}\n")),
            first + ".sha: unknown key"));
  CHECK(has(error_of(tokens("      - a\n")), first + ": want a map"));
  CHECK(has(error_of(tokens("      - {name: [a]}\n")), ".name: want a single"));
  CHECK(has(error_of("tunerd: {auth: {tokens: 7}}"), "want a list of maps"));
  CHECK(has(error_of(tokens(token("a", "") + token("a", "", 'b'))),
            "tokens[1].name: 'a' is there twice"));
  CHECK(has(error_of(tokens(token("a", "") + token("b", ""))),
            "tokens[1].sha256: another token has it"));
}

TEST_CASE("the digest of a token is not printed", "[config][W4]") {
  for (const auto& x :
       config::load({.yaml = tokens(token("ci", ""))}).effective)
    CHECK(x.value.find(digest) == std::string::npos);
}

TEST_CASE("other machines may call only if there are tokens", "[config][W4]") {
  const std::string open = "tunerd: {http: {listen: 0.0.0.0:1}}";
  CHECK(error_of(open).find("a loopback address") != std::string::npos);
  CHECK(error_of(tokens(token("ci", "")) + "  http: {listen: 0.0.0.0:1}\n")
        == "none");
}

TEST_CASE("networks hold the addresses of their prefix", "[config][W3]") {
  const auto within = [](const std::string& net, const std::string& address) {
    config::network x;
    REQUIRE(config::parse_network(net, x));
    return config::contains({x}, address);
  };
  CHECK(within("10.0.0.0/8", "10.255.1.2"));
  CHECK(!within("10.0.0.0/8", "11.0.0.1"));
  CHECK(within("10.1.2.3", "10.1.2.3"));
  CHECK(!within("10.1.2.3", "10.1.2.4"));
  CHECK(within("0.0.0.0/0", "192.0.2.1"));
  CHECK(!within("0.0.0.0/0", "2001:db8::1"));
  CHECK(within("2001:db8::/32", "2001:db8:1::7"));
  CHECK(!within("2001:db8::/32", "2001:db9::7"));
  CHECK(within("192.0.2.0/24", "::ffff:192.0.2.9"));
  CHECK(!within("192.0.2.0/24", "nonsense"));
  config::network x;
  for (const auto* bad : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
                          "10.0.0/8", "::/129", "host", "10.0.0.0/8x"})
    CHECK(!config::parse_network(bad, x));
}

TEST_CASE("a proxy that is no network stops the start", "[config][W3]") {
  CHECK(error_of("network: {trusted_proxies: [10.0.0.0/8, proxy]}")
          .find("not 'proxy'")
        != std::string::npos);
  const auto x = auth_of("network:\n  trust_proxy_headers: true\n"
                         "  trusted_proxies: [10.0.0.0/8]\n");
  CHECK(x.trust_proxy_headers);
  CHECK(config::contains(x.trusted_proxies, "10.1.1.1"));
}
