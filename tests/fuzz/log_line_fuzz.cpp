#include "actors/support/log_cache.hpp"
#include "actors/support/log_escape.hpp"
#include "actors/support/log_line.hpp"
#include "actors/support/log_message.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

// Whatever texts, arguments and fields make a line of: it is one line of valid
// JSON in UTF-8 of limited size, shows every field, and is the same with and
// without a cache.

using namespace tunerd;
using nlohmann::json;

namespace {

/// The bytes that the fuzzer has chosen.
struct input {
  std::string_view rest;

  uint8_t byte() {
    if (rest.empty())
      return 0;
    const auto result = static_cast<uint8_t>(rest[0]);
    rest.remove_prefix(1);
    return result;
  }

  std::string_view text() {
    const auto result = rest.substr(0, byte());
    rest.remove_prefix(std::min(result.size(), rest.size()));
    return result;
  }

  template <class T>
  T number() {
    T result{};
    const auto size = std::min(sizeof result, rest.size());
    std::memcpy(&result, rest.data(), size);
    rest.remove_prefix(size);
    return result;
  }

  log_value value() {
    switch (byte() % 6) {
      case 0: return number<int64_t>();
      case 1: return number<uint64_t>();
      case 2: return number<double>();
      case 3: return byte() % 2 == 0;
      case 4: return log_exception{text(), &typeid(input)};
      default: return text();
    }
  }
};

void require(bool condition) {
  if (!condition)
    std::abort();
}

bool is_one_line(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n') == 1 && text.back() == '\n'
         && text.size() <= log_line_bytes_max
         && std::none_of(text.begin(), text.end() - 1, [](char x) {
              return static_cast<unsigned char>(x) < 0x20 || x == 0x7f;
            });
}

/// The name as JSON must hold it.
std::string repaired(std::string_view name) {
  std::string quoted{'"'};
  append_escaped(quoted, name, escape::json, log_name_bytes_max);
  return json::parse(quoted + '"').get<std::string>();
}

log_cache cache;
uint64_t scopes = 0;

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  input in{{reinterpret_cast<const char*>(bytes), size}};
  const auto level = static_cast<log_level>(in.byte() % 5);
  const auto logger = in.text(), message = in.text(), id = in.text();
  const auto stack = in.text();
  std::map<std::string, std::string> scope;
  std::vector<log_value> args;
  std::vector<log_field> fields;
  for (auto n = in.byte() % 5; n > 0; --n) {
    const auto key = in.text();
    scope.emplace(key, in.text());
  }
  for (auto n = in.byte() % 5; n > 0; --n)
    args.push_back(in.value());
  for (auto n = in.byte() % 5; n > 0; --n) {
    const auto key = in.text();
    fields.emplace_back(key, in.value());
  }
  const log_record record{
    .level = level,
    .logger_name = logger,
    .text = message,
    .args = args,
    .fields = fields,
    .scope_fields = scope,
    .scope = ++scopes,
    .correlation_id = id,
    .time = timestamp{std::chrono::seconds{in.number<uint32_t>()}},
    .stack = stack};
  std::string line, cached, text;
  append_json(line, record);
  append_json(cached, record, &cache);
  append_text(text, record);
  require(line == cached);
  require(is_one_line(line));
  require(is_one_line(text));
  const auto parsed = json::parse(line); // throws, and that is a finding
  require(parsed["logger"] == repaired(logger));
  require(parsed["correlation_id"] == repaired(id));
  for (const auto& [key, value] : scope)
    require(parsed["extra"].contains(repaired(key)));
  return 0;
}
