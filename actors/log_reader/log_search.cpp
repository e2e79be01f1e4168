#include "actors/log_reader/log_search.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>

namespace tunerd {

namespace {

constexpr size_t text_max = 64 * 1024;

/// @returns where `what` begins in `text` from `at` on, or npos. Faster than
/// std::string_view::find.
size_t find_from(std::string_view text, std::string_view what, size_t at) {
  const auto* found
    = ::memmem(text.data() + at, text.size() - at, what.data(), what.size());
  return found == nullptr
           ? text.npos
           : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

/// @returns at most `text_max` bytes of whole characters, marked if cut.
std::string cut_text(std::string text) {
  if (text.size() <= text_max)
    return text;
  auto end = text_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;
  text.resize(end);
  return text += "...";
}

std::string text_of(const nlohmann::ordered_json& line, const char* key) {
  const auto i = line.find(key);
  return i != line.end() && i->is_string() ? i->get<std::string>()
                                           : std::string{};
}

std::string fields_of(const nlohmann::ordered_json& line) {
  auto fields = nlohmann::ordered_json::object();
  if (const auto i = line.find("extra"); i != line.end() && i->is_object())
    fields = *i;
  if (const auto i = line.find("exception");
      i != line.end() && !fields.contains("exception"))
    fields["exception"] = *i;
  auto text = fields.dump();
  if (text.size() > text_max)
    text = nlohmann::json{{"bytes_left_out", text.size()}}.dump();
  return text;
}

std::optional<log_entry> parse_json(std::string_view text,
                                    std::string_view correlation_id) {
  const auto line = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!line.is_object() || text_of(line, "correlation_id") != correlation_id)
    return std::nullopt;
  return log_entry{.time = text_of(line, "timestamp"),
                   .level = text_of(line, "level"),
                   .logger = text_of(line, "logger"),
                   .message = cut_text(text_of(line, "message")),
                   .fields = fields_of(line)};
}

/// Takes what is in front of `end` off `text`, and `end`.
std::optional<std::string> take_until(std::string_view& text,
                                      std::string_view end) {
  const auto at = text.find(end);
  if (at == text.npos)
    return std::nullopt;
  std::string result{text.substr(0, at)};
  text.remove_prefix(at + end.size());
  return result;
}

std::optional<log_entry> parse_text(std::string_view text,
                                    std::string_view correlation_id) {
  // "2024-01-15 10:30:00 [INFO] simpletuner.cloud.jobs (abc): message"
  const auto time = take_until(text, " [");
  const auto level = take_until(text, "] ");
  const auto logger = take_until(text, " (");
  const auto id = take_until(text, "): ");
  if (!id || *id != correlation_id || time->size() != 19 || (*time)[10] != ' ')
    return std::nullopt;
  return log_entry{.time
                   = time->substr(0, 10) + "T" + time->substr(11) + ".000Z",
                   .level = *level,
                   .logger = *logger,
                   .message = cut_text(std::string{text})};
}

} // namespace

std::optional<log_entry> parse_log_line(std::string_view line,
                                        std::string_view correlation_id) {
  return line.starts_with('{') ? parse_json(line, correlation_id)
                               : parse_text(line, correlation_id);
}

log_search::log_search(std::string correlation_id)
  : correlation_id_(std::move(correlation_id)),
    in_json_("\"correlation_id\": \"" + correlation_id_ + '"'),
    in_text_(" (" + correlation_id_ + "): ") {
}

bool log_search::operator()(std::string_view text,
                            const std::function<bool(log_entry)>& found) const {
  auto json_at = find_from(text, in_json_, 0);
  auto text_at = find_from(text, in_text_, 0);
  while (json_at != text.npos || text_at != text.npos) {
    const auto at = std::min(json_at, text_at);
    const auto before = at == 0 ? text.npos : text.rfind('\n', at - 1);
    const auto begin = before == text.npos ? 0 : before + 1;
    const auto end = std::min(text.find('\n', at), text.size());
    auto entry
      = parse_log_line(text.substr(begin, end - begin), correlation_id_);
    if (entry && !found(std::move(*entry)))
      return false;
    if (json_at != text.npos && json_at < end)
      json_at = find_from(text, in_json_, end);
    if (text_at != text.npos && text_at < end)
      text_at = find_from(text, in_text_, end);
  }
  return true;
}

} // namespace tunerd
