#include "tests/log_capture.hpp"

#define CATCH_CONFIG_EXTERNAL_INTERFACES // for the listener
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <sstream>

namespace tunerd::test {

namespace {

std::string to_text(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

log_line parse(std::string text) {
  const auto json = nlohmann::json::parse(text);
  log_line result{.level = json.at("level"),
                  .logger = json.at("logger"),
                  .message = json.at("message"),
                  .correlation_id = json.at("correlation_id"),
                  .extra = {},
                  .function = json.at("source").at("function"),
                  .exception = json.value("exception", ""),
                  .text = std::move(text)};
  for (const auto& [key, value] : json.at("extra").items())
    result.extra.emplace(key, to_text(value));
  return result;
}

/// Keeps the lines of tests without a capture out of the test's output.
struct quiet_log : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;
  void testCaseEnded(const Catch::TestCaseStats&) override {
    take_log_lines();
  }
};

} // namespace

CATCH_REGISTER_LISTENER(quiet_log)

log_capture::log_capture(log_level level) : before_(current_log_settings()) {
  take_log_lines();
  detail::changeable_context() = {}; // another test may have left something
  configure_logging(
    {.level = level, .console_fd = -1, .correlation_id = "no-work"});
}

log_capture::~log_capture() {
  take_log_lines();
  configure_logging(before_);
}

const std::vector<log_line>& log_capture::lines() {
  std::istringstream all{take_log_lines()};
  for (std::string line; std::getline(all, line);)
    lines_.push_back(parse(std::move(line)));
  return lines_;
}

template <class Predicate>
std::vector<log_line> log_capture::filter(Predicate matches) {
  const auto& all = lines();
  std::vector<log_line> result;
  std::copy_if(all.begin(), all.end(), std::back_inserter(result), matches);
  return result;
}

std::vector<log_line> log_capture::lines_with(std::string_view text) {
  return filter([&](const log_line& line) {
    return line.message.find(text) != std::string::npos;
  });
}

bool log_capture::contains(std::string_view text) {
  return !lines_with(text).empty();
}

bool log_capture::contains(std::string_view level, std::string_view text) {
  const auto found = lines_with(text);
  return std::any_of(found.begin(), found.end(),
                     [&](const log_line& line) { return line.level == level; });
}

std::vector<log_line> log_capture::with(const std::string& key,
                                        std::string_view value) {
  return filter([&](const log_line& line) {
    const auto i = line.extra.find(key);
    return i != line.extra.end() && i->second == value;
  });
}

std::vector<log_line> log_capture::with_correlation_id(std::string_view id) {
  return filter(
    [&](const log_line& line) { return line.correlation_id == id; });
}

void log_capture::clear() {
  take_log_lines();
  lines_.clear();
}

std::string log_capture::messages() {
  std::string result;
  for (const auto& line : lines())
    result += line.level + ' ' + line.message + '\n';
  return result;
}

} // namespace tunerd::test
