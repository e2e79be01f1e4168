#include "runtime/tunerctl/session.hpp"

#include <cctype>
#include <ostream>
#include <sstream>

namespace tunerd::tunerctl {

void session::print(const nlohmann::json& answer,
                    const std::string& text) const {
  if (json)
    out << answer.dump(2) << '\n';
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

std::string harmless(std::string text) {
  for (auto& c : text)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t')
        || c == 0x7f)
      c = ' ';
  return text;
}

} // namespace tunerd::tunerctl
