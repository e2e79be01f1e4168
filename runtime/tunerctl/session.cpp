#include "runtime/tunerctl/session.hpp"

#include <cctype>
#include <ostream>
#include <sstream>

namespace tunerd::tunerctl {

void session::print(const nlohmann::json& answer,
                    const std::string& text) const {
  if (json)
    out << answer.dump(2, ' ', to_terminal) << '\n';
  else
    out << text;
}

std::string escaped(const std::string& text) {
  std::ostringstream result;
  result << std::hex << std::uppercase;
  for (const unsigned char c : text)
    if (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.')
      result << static_cast<char>(c);
    else
      result << '%' << (c >> 4) << (c & 15);
  return result.str();
}

std::string harmless(const std::string& text, std::string_view kept) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next
      = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    // U+0080 to U+009F are two bytes; U+009B alone begins a sequence.
    const auto is_c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;
    const auto is_c0
      = (c < 0x20 || c == 0x7f) && kept.find(text[i]) == kept.npos;
    result += is_c0 || is_c1 ? ' ' : text[i];
    i += is_c1 ? 1 : 0;
  }
  return result;
}

} // namespace tunerd::tunerctl
