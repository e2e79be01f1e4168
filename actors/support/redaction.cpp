#include "actors/support/redaction.hpp"

#include <algorithm>
#include <array>

namespace tunerd {

namespace {

using std::string_view;

constexpr string_view mask = "***";
/// A name in front of ':' or '=' that is longer is text.
constexpr size_t name_bytes_max = 256;

constexpr std::array<string_view, 9> telling_parts{
  "token",     "secret",     "password",      "passwd", "key",
  "signature", "credential", "authorization", "cookie"};
constexpr std::array<string_view, 4> telling_names{"auth", "pass", "pwd",
                                                   "sig"};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_name(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z')
         || c == '_' || c == '-' || c == '.' || c == '%' || c == '[' || c == ']'
         || static_cast<unsigned char>(c) >= 128;
}

bool is_blank(char c) {
  return static_cast<unsigned char>(c) <= ' ';
}

/// Whether `c` ends what stands in a text as one piece of a URL.
bool ends_url(char c) {
  return is_blank(c) || c == '"' || c == '\'' || c == '<' || c == '>';
}

bool ends_value(char c) {
  return ends_url(c) || c == '&' || c == '#';
}

bool ends_authority(char c) {
  return ends_url(c) || c == '/' || c == '?' || c == '#';
}

int hex_value(char c) {
  c = lower(c);
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                : -1;
}

/// @returns `name` in lower case, '-' as '_', without percent escapes.
std::string plain(string_view name) {
  std::string result;
  for (size_t i = 0; i < name.size(); ++i) {
    char c = name[i];
    if (c == '%' && i + 2 < name.size() && hex_value(name[i + 1]) >= 0
        && hex_value(name[i + 2]) >= 0) {
      c = static_cast<char>(hex_value(name[i + 1]) * 16
                            + hex_value(name[i + 2]));
      i += 2;
    }
    result += c == '-' ? '_' : lower(c);
  }
  return result;
}

template <class Predicate>
size_t find_if(string_view text, Predicate predicate) {
  const auto i = std::find_if(text.begin(), text.end(), predicate);
  return static_cast<size_t>(i - text.begin());
}

/// Whether `text` is the lower-case `word`, in any case.
bool is_word(string_view text, string_view word) {
  return std::equal(text.begin(), text.end(), word.begin(), word.end(),
                    [](char x, char y) { return lower(x) == y; });
}

/// Whether a credential follows the word.
bool is_scheme(string_view word) {
  return is_word(word, "bearer") || is_word(word, "basic");
}

/// Goes over one line from left to right. Each step either passes on what it
/// has seen or replaces it.
struct scanner {
  string_view rest;
  std::string& out;

  void keep(size_t count) {
    out += rest.substr(0, count);
    rest.remove_prefix(count);
  }

  void hide(size_t count) {
    out += mask;
    rest.remove_prefix(count);
  }

  void run() {
    if (hide_header())
      return;
    while (!rest.empty())
      if (is_name(rest.front()))
        word();
      else if (rest.starts_with("://"))
        authority();
      else
        keep(1);
  }

  /// Whether the line is a header whose value is hidden.
  bool hide_header() {
    const auto end = find_if(rest, [](char c) { return !is_name(c); });
    if (end == 0 || end == rest.size() || rest[end] != ':'
        || rest.substr(end).starts_with("://")
        || !names_secret_value(rest.substr(0, end)))
      return false;
    keep(end + 1);
    keep(find_if(rest, [](char c) { return c != ' ' && c != '\t'; }));
    const auto value = rest.ends_with('\r') ? rest.size() - 1 : rest.size();
    if (value > 0)
      hide(value);
    out += rest;
    return true;
  }

  /// A name with its value, a scheme of authentication, or just a word.
  void word() {
    const auto end = find_if(rest, [](char c) { return !is_name(c); });
    const auto name = rest.substr(0, end);
    keep(end);
    if (rest.starts_with('=') && names_secret_value(name)) {
      keep(1);
      hide(find_if(rest, ends_value));
    } else if (is_scheme(name)) {
      credential();
    } else if (name == "user" && rest.starts_with(" '")) {
      keep(2);
      hide(std::min(rest.find('\''), rest.size()));
    }
  }

  /// Hides a word too many in a sentence rather than one too few in a header.
  void credential() {
    const auto blanks = find_if(rest, [](char c) { return c != ' '; });
    const auto size = find_if(rest.substr(blanks), ends_url);
    if (blanks == 0 || size == 0 || is_scheme(rest.substr(blanks, size)))
      return; // "Bearer Bearer abc": the next word has the credential
    keep(blanks);
    hide(size);
  }

  void authority() {
    keep(3);
    const auto end = find_if(rest, ends_authority);
    if (const auto at = rest.substr(0, end).rfind('@'); at != rest.npos)
      hide(at);
  }
};

} // namespace

bool names_secret_value(string_view name) {
  if (name.size() > name_bytes_max)
    return true; // nobody's page number
  const auto text = plain(name);
  return std::any_of(telling_parts.begin(), telling_parts.end(),
                     [&](auto x) { return text.find(x) != text.npos; })
         || std::find(telling_names.begin(), telling_names.end(), text)
              != telling_names.end();
}

std::string redacted(string_view text) {
  std::string result;
  result.reserve(text.size());
  for (;;) {
    const auto end = text.find('\n');
    scanner{text.substr(0, end), result}.run();
    if (end == text.npos)
      return result;
    result += '\n';
    text.remove_prefix(end + 1);
  }
}

} // namespace tunerd
