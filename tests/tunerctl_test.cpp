#include "runtime/tunerctl/sse_parser.hpp"
#include "runtime/tunerctl/table.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <random>
#include <vector>

using namespace tunerd::tunerctl;

namespace {

std::vector<std::string> events_of(sse_parser& parser, std::string_view bytes) {
  std::vector<std::string> result;
  parser.feed(bytes, [&result](const sse_event& e) {
    result.push_back(e.id + "|" + e.type + "|" + e.data);
  });
  return result;
}

} // namespace

TEST_CASE("the stream parser reads events however they are cut", "[tunerctl]") {
  const std::string stream = "retry: 3000\n\n:comment\nid: 1\ndata: {\"a\":1}"
                             "\n\nid: 2\r\nevent: gap\r\ndata: x\r\ndata: y"
                             "\r\n\r\nid: 3\n\n";
  sse_parser whole;
  const auto expected = events_of(whole, stream);
  CHECK(expected == std::vector<std::string>{"1||{\"a\":1}", "2|gap|x\ny"});
  CHECK(whole.last_id() == "3");
  std::mt19937 random{7};
  for (int round = 0; round < 1000; ++round) {
    sse_parser parser;
    std::vector<std::string> seen;
    for (size_t i = 0; i < stream.size();) {
      const auto count = std::min<size_t>(random() % 9 + 1, stream.size() - i);
      for (auto& e : events_of(parser, stream.substr(i, count)))
        seen.push_back(std::move(e));
      i += count;
    }
    REQUIRE(seen == expected);
  }
}

TEST_CASE("a table is aligned and cannot steer the terminal", "[tunerctl]") {
  const auto rows = nlohmann::json::parse(
    R"([{"a": "long value", "b": 1}, {"a": null, "b": "x\u001b[2J"}])");
  CHECK(render_table({{"A", "a"}, {"B", "b"}}, rows)
        == "A           B\nlong value  1\n-           x [2J\n");
}
