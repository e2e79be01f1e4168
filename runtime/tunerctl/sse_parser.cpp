#include "runtime/tunerctl/sse_parser.hpp"

namespace tunerd::tunerctl {

namespace {

constexpr size_t event_bytes_max = 1024 * 1024;

} // namespace

void sse_parser::feed(std::string_view bytes,
                      const std::function<void(const sse_event&)>& on_event) {
  for (const char c : bytes) {
    if (c == '\n' && after_return_) {
      after_return_ = false; // second half of \r\n
      continue;
    }
    after_return_ = c == '\r';
    if (c == '\n' || c == '\r')
      line(on_event);
    else if (line_.size() < event_bytes_max)
      line_ += c;
  }
}

void sse_parser::line(const std::function<void(const sse_event&)>& on_event) {
  std::string text;
  text.swap(line_);
  if (text.empty()) {
    if (has_data_)
      on_event(current_);
    current_.type.clear();
    current_.data.clear();
    has_data_ = false;
    return;
  }
  const auto colon = text.find(':');
  const auto field = text.substr(0, colon);
  auto value = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (!value.empty() && value.front() == ' ')
    value.erase(0, 1);
  if (field == "event") {
    current_.type = value;
  } else if (field == "id") {
    current_.id = value;
  } else if (field == "data"
             && current_.data.size() + value.size() < event_bytes_max) {
    current_.data += (has_data_ ? "\n" : "") + value;
    has_data_ = true;
  }
}

} // namespace tunerd::tunerctl
