#include "actors/http_gateway/metrics_text.hpp"

#include <array>
#include <cmath>

namespace tunerd {

namespace {

/// @param quotes Whether they are escaped, too: in labels, not in help.
std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (const auto c : text)
    if (c == '\n')
      out += "\\n";
    else if (c == '\\' || (quotes && c == '"'))
      out.append("\\").append(1, c);
    else
      out += c;
  return out;
}

} // namespace

void metrics_text::family(std::string_view name, std::string_view type,
                          std::string_view help) {
  name_ = name;
  text_ += "# HELP " + name_ + " " + escaped(help, false) + "\n";
  text_.append("# TYPE " + name_ + " ").append(type).append("\n");
}

std::string metrics_text::number(double value) {
  if (std::isnan(value))
    return "NaN";
  if (std::isinf(value))
    return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> out{};
  const auto end = std::to_chars(out.data(), out.data() + out.size(), value);
  return {out.data(), end.ptr};
}

void metrics_text::write(std::string_view label, std::string_view label_value,
                         std::string_view value) {
  text_ += name_;
  if (!label.empty())
    text_.append("{").append(label).append("=\"" + escaped(label_value, true)
                                           + "\"}");
  text_.append(" ").append(value).append("\n");
}

} // namespace tunerd
