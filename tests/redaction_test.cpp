#include "actors/support/correlation_id.hpp"
#include "actors/support/redaction.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using tunerd::is_correlation_id;
using tunerd::names_secret_value;
using tunerd::redacted;

TEST_CASE("only what may stand in a header line is a correlation id",
          "[logging][L3]") {
  for (const auto* good : {"a", "abc123def456", "Request.1_2:3-4"})
    CHECK(is_correlation_id(good));
  CHECK(is_correlation_id(std::string(128, 'x')));
  for (const auto& bad :
       {std::string{}, std::string(129, 'x'), std::string{"a b"},
        std::string{"a\r\nSet-Cookie: x"}, std::string{"a\0b", 3},
        std::string{"\xc3\xa4"}, std::string{"a/b"}, std::string{"<script>"}})
    CHECK(!is_correlation_id(bad));
}

TEST_CASE("URLs, headers and errors are shown without their secrets",
          "[logging][W4]") {
  const std::vector<std::pair<std::string, std::string>> cases{
    {"https://user:pw@host:1/x?a=1", "https://***@host:1/x?a=1"},
    {"https://tok@host", "https://***@host"},
    {"http://a@b@host/", "http://***@host/"},
    {"https://h/?token=abc&page=2#x", "https://h/?token=***&page=2#x"},
    {"https://h/?page=2&X-Amz-Signature=ff",
     "https://h/?page=2&X-Amz-Signature=***"},
    {"/x?api%5Fkey=1", "/x?api%5Fkey=***"},
    {"/x?%74oken=1", "/x?%74oken=***"},
    {"/x?sig=a;b&z=1", "/x?sig=***&z=1"},
    {"#access_token=abc", "#access_token=***"},
    {"cannot reach http://u:p@proxy:3128 (timeout)",
     "cannot reach http://***@proxy:3128 (timeout)"},
    {"Authorization: Bearer abc", "Authorization: ***"},
    {"authorization:Token abc\r\nAccept: */*\r\n",
     "authorization:***\r\nAccept: */*\r\n"},
    {"GET /x?secret=1 HTTP/1.1\r\nX-API-Key: k\r\nCookie: a=b; c=d\r\n\r\n",
     "GET /x?secret=*** HTTP/1.1\r\nX-API-Key: ***\r\nCookie: ***\r\n\r\n"},
    {"Basic bearer  r8_0123456789", "Basic bearer  ***"},
    {"used Bearer r8_0123456789 there", "used Bearer *** there"},
    {"Server auth using Basic with user 'tom'",
     "Server auth using Basic *** user '***'"},
    {"Location: https://u:p@h/?key=1", "Location: https://***@h/?key=***"},
  };
  for (const auto& [text, shown] : cases) {
    CHECK(redacted(text) == shown);
    CHECK(redacted(shown) == shown);
  }
  for (const auto* harmless :
       {"", "Could not resolve host: api.replicate.com", "a = b, x=1",
        "https://api.replicate.com/v1/predictions?cursor=abc",
        "X-Correlation-ID: abc123", "Connected to 127.0.0.1 (127.0.0.1)",
        "the bearer", "\n\n", "line\r\nline", "100%", "://", "=", "\xff"})
    CHECK(redacted(harmless) == harmless);
}

TEST_CASE("no secret gets through, whatever stands around it",
          "[logging][W4]") {
  const auto seed = Catch::rngSeed();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  const auto any = [&](const std::vector<std::string>& from) {
    return from[random() % from.size()];
  };
  const std::vector<std::string> noise{" ",      "\n",   "\r\n",    "?",
                                       "&",      "=",    "#",       ":",
                                       "://",    "@",    "/",       "x",
                                       "token",  "key=", "Bearer ", "https://",
                                       "user '", "%74",  "%",       "\xff",
                                       "***"};
  const std::vector<std::string> places{"?token=",
                                        "&api_key=",
                                        "?X-Amz-Signature=",
                                        "\nAuthorization: Bearer ",
                                        "\nX-Api-Key: ",
                                        " https://joe:",
                                        "\nProxy-Authorization: Basic "};
  const std::string secret = "s3cr3t0123456789";
  for (int i = 0; i < 4000; ++i) {
    std::string text;
    for (auto n = random() % 12; n > 0; --n)
      text += any(noise);
    const auto place = any(places);
    text += place + secret + (place == places[5] ? "@host" : "");
    for (auto n = random() % 6; n > 0; --n)
      text += any(noise);
    const auto shown = redacted(text);
    INFO(text << "\nshown as\n" << shown);
    REQUIRE(shown.find(secret) == shown.npos);
  }
}

TEST_CASE("names of secrets are known in any spelling", "[logging][W4]") {
  for (const auto* name :
       {"Authorization", "X-API-Key", "apikey", "access_token", "TOKEN", "sig",
        "webhook-signature", "client.secret", "Set-Cookie", "pwd",
        "X-Amz-Credential"})
    CHECK(names_secret_value(name));
  for (const auto* name : {"page", "cursor", "author", "X-Correlation-ID", ""})
    CHECK(!names_secret_value(name));
}
