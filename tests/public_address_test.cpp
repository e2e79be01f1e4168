#include "actors/provider_gateway/public_address.hpp"
#include "config/auth.hpp"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>
#include <random>

using namespace tunerd;

namespace {

using bytes = std::array<uint8_t, 16>;

bytes parse(const std::string& text) {
  config::network result;
  INFO(text);
  REQUIRE(config::parse_network(text, result));
  return result.address;
}

/// Through a socket's address, as curl has it; both ways must agree.
bool is_public(const std::string& text) {
  const auto mapped = tunerd::is_public(parse(text));
  if (sockaddr_in v4{}; inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    CHECK(tunerd::is_public(reinterpret_cast<const sockaddr&>(v4)) == mapped);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    REQUIRE(inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1);
    CHECK(tunerd::is_public(reinterpret_cast<const sockaddr&>(v6)) == mapped);
  }
  return mapped;
}

std::string text_of(const bytes& address) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(AF_INET6, address.data(), text, sizeof text);
  return text;
}

/// The neighbour `distance` away.
bytes moved(bytes address, int distance) {
  for (size_t i = address.size(); i-- > 0;) {
    const int sum = address[i] + distance;
    address[i] = static_cast<uint8_t>(sum & 0xff);
    distance = sum < 0 ? -1 : sum >> 8;
  }
  return address;
}

bytes last_of(const config::network& x) {
  auto result = x.address;
  for (int bit = x.bits; bit < 128; ++bit)
    result[static_cast<size_t>(bit) / 8]
      |= static_cast<uint8_t>(0x80 >> bit % 8);
  return result;
}

/// What is not on the public internet, by IANA's registries.
const std::vector<std::string> closed{
  "0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8",
  "169.254.0.0/16", "172.16.0.0/12",  "192.0.0.0/24",  "192.0.2.0/24",
  "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
  "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",   "2001::/23",
  "2001:db8::/32",  "2002::/16",      "3fff::/20",     "::/96",
  "100::/64",       "fc00::/7",       "fe80::/10",     "fec0::/10",
  "ff00::/8",       "64:ff9b:1::/48", "5f00::/16",     "4000::/2",
  "8000::/1",
};

std::vector<config::network> networks() {
  std::vector<config::network> result;
  for (const auto& text : closed) {
    config::network one;
    REQUIRE(config::parse_network(text, one));
    result.push_back(one);
  }
  return result;
}

} // namespace

TEST_CASE("addresses inside somebody's network are not public",
          "[public_address]") {
  for (const auto* text : {"127.0.0.1",
                           "127.255.255.255",
                           "10.0.0.1",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.1.1",
                           "169.254.169.254",
                           "100.64.0.1",
                           "100.127.255.255",
                           "0.0.0.0",
                           "224.0.0.1",
                           "239.255.255.255",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "fe80::1",
                           "febf::1",
                           "fc00::1",
                           "fd12:3456::1",
                           "ff02::1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "::ffff:169.254.169.254",
                           "::127.0.0.1",
                           "64:ff9b::7f00:1",
                           "64:ff9b::a00:1",
                           "64:ff9b:1::1",
                           "2002:7f00:1::",
                           "2001::1",
                           "2001:db8::1"}) {
    INFO(text);
    CHECK(!is_public(text));
  }
}

TEST_CASE("addresses of the internet are public", "[public_address]") {
  for (const auto* text :
       {"1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.0",
        "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0",
        "169.253.255.255", "169.255.0.0", "223.255.255.255", "2606:4700::1111",
        "2a00:1450:4001:81b::200e", "2001:4860:4860::8888", "::ffff:8.8.8.8",
        "64:ff9b::808:808"}) {
    INFO(text);
    CHECK(is_public(text));
  }
}

TEST_CASE("each closed range ends where it should", "[public_address]") {
  const auto all = networks();
  for (const auto& x : all)
    for (const auto& inside : {x.address, last_of(x), moved(x.address, 1)}) {
      INFO(text_of(inside));
      CHECK(!tunerd::is_public(inside));
    }
  for (const auto& x : all)
    for (const auto& near : {moved(x.address, -1), moved(last_of(x), 1)}) {
      // Ranges of IPv4 that end at 0 or all ones lead out of IPv4.
      const auto text = text_of(near);
      const bool mapped = text.starts_with("::ffff:");
      const bool routed = (near[0] & 0xe0) == 0x20;
      const bool expected = (mapped || routed) && !config::contains(all, text);
      INFO(text);
      CHECK(tunerd::is_public(near) == expected);
    }
}

TEST_CASE("an address is public if no closed range has it",
          "[public_address]") {
  const auto all = networks();
  std::mt19937_64 random{Catch::rngSeed()};
  int open = 0;
  for (int i = 0; i < 10'000; ++i) {
    bytes address{};
    for (auto& byte : address)
      byte = static_cast<uint8_t>(random());
    const bool is_v4 = i % 2 == 0;
    if (is_v4)
      address = moved(parse("0.0.0.0"), static_cast<int>(random() >> 33)),
      address[12] = static_cast<uint8_t>(random());
    else if (i % 4 == 1)
      address[0] = static_cast<uint8_t>(0x20 | (address[0] & 0x1f));
    const auto text = text_of(address);
    const bool expected
      = !config::contains(all, text) && (is_v4 || (address[0] & 0xe0) == 0x20);
    INFO("seed " << Catch::rngSeed() << ": " << text);
    REQUIRE(tunerd::is_public(address) == expected);
    open += expected ? 1 : 0;
  }
  CHECK(open > 2'000);
}

TEST_CASE("what is no address of the internet at all is not public",
          "[public_address]") {
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  CHECK(!tunerd::is_public(reinterpret_cast<const sockaddr&>(local)));
}
