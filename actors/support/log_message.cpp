#include "actors/support/log_message.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <type_traits>

namespace tunerd {

namespace {

/// A text of limited size in the making.
class message {
public:
  message(std::string& out, escape how, size_t room)
    : out_(out), how_(how), begin_(out.size()), room_(room) {
  }

  void add(std::string_view text) {
    const auto used = out_.size() - begin_;
    const auto room = used < room_ && cut_ == 0 ? room_ - used : 0;
    cut_ += text.size() - append_fitting(out_, text, how_, room);
  }

  void add(const log_value& value) {
    std::visit([this](const auto& x) { add_plain(x); }, value);
  }

  void add_fixed(const log_value& value, int decimals) {
    std::visit(
      [&](const auto& x) {
        using type = std::remove_cvref_t<decltype(x)>;
        if constexpr (std::is_arithmetic_v<type> && !std::same_as<type, bool>)
          add_number(static_cast<double>(x), std::chars_format::fixed,
                     decimals);
        else
          add_plain(x);
      },
      value);
  }

  /// Says what is missing, if anything.
  void end() {
    if (cut_ > 0)
      append_cut(out_, cut_);
  }

private:
  template <class T>
  void add_plain(const T& x) {
    if constexpr (std::same_as<T, std::string_view>)
      add(x);
    else if constexpr (std::same_as<T, log_exception>)
      add(x.text);
    else if constexpr (std::same_as<T, bool>)
      add(std::string_view{x ? "true" : "false"});
    else if constexpr (std::same_as<T, double>)
      add_double(x);
    else
      add_number(x);
  }

  template <class T, class... Format>
  void add_number(T value, Format... format) {
    std::array<char, 400> digits; // a double takes up to 310 and its decimals
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                   value, format...);
    add(std::string_view{digits.data(), end.ptr});
  }

  /// The shortest text that reads back as the same number, "2.0" for 2.
  void add_double(double value) {
    const auto begin = out_.size();
    add_number(value);
    if (cut_ == 0
        && out_.find_first_not_of("-0123456789", begin) == std::string::npos)
      add(std::string_view{".0"});
  }

  std::string& out_;
  const escape how_;
  const size_t begin_;
  const size_t room_;
  /// Bytes that found no room. Nothing is added after the first of them.
  size_t cut_ = 0;
};

/// The number of decimals that `{:.Nf}` asks for, 0 to 17, else -1.
int decimals_of(std::string_view placeholder) {
  if (!placeholder.starts_with("{:.") || !placeholder.ends_with("f}"))
    return -1;
  int result = -1;
  const auto digits = placeholder.substr(3, placeholder.size() - 5);
  const auto* end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, result);
  return read.ptr == end && result >= 0 && result <= 17 ? result : -1;
}

} // namespace

void append_quoted(std::string& out, std::string_view text, size_t room) {
  out += '"';
  append_escaped(out, text, escape::json, room);
  out += '"';
}

void append_json_value(std::string& out, const log_value& value, size_t room) {
  const auto* number = std::get_if<double>(&value);
  const bool is_text = std::holds_alternative<std::string_view>(value)
                       || std::holds_alternative<log_exception>(value);
  const bool quoted = is_text || (number != nullptr && !std::isfinite(*number));
  if (quoted)
    out += '"';
  message text{out, escape::json, is_text ? room : log_string_bytes_max};
  if (number != nullptr && quoted)
    text.add_fixed(value, 0); // without a ".0"
  else
    text.add(value);
  text.end();
  if (quoted)
    out += '"';
}

void append_message(std::string& out, std::string_view text,
                    std::span<const log_value> args, escape how) {
  message result{out, how, log_string_bytes_max};
  auto rest = text;
  auto next = args.begin();
  while (next != args.end()) {
    const auto open = rest.find('{');
    const auto close = rest.find('}', open);
    if (close == std::string_view::npos)
      break;
    result.add(rest.substr(0, open));
    const auto placeholder = rest.substr(open, close + 1 - open);
    if (const auto decimals = decimals_of(placeholder); decimals >= 0)
      result.add_fixed(*next++, decimals);
    else if (placeholder == "{}")
      result.add(*next++);
    else
      result.add(placeholder);
    rest.remove_prefix(close + 1);
  }
  result.add(rest);
  result.end();
}

} // namespace tunerd
