#include "actors/store/pattern.hpp"

#include <utility>

// The regex is Thompson's: all alternatives advance together, one byte at a
// time, so no text makes it go back.

namespace tunerd::sql {

namespace {

using byte_set = std::bitset<256>;

constexpr size_t code_max = 2'000;
constexpr size_t text_max = 256;
constexpr int depth_max = 32;
constexpr int count_max = 255;

byte_set range(unsigned char low, unsigned char high) {
  byte_set result;
  for (int i = low; i <= high; ++i)
    result.set(static_cast<size_t>(i));
  return result;
}

byte_set only(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return range(byte, byte);
}

byte_set any_of(std::string_view bytes) {
  byte_set result;
  for (const auto c : bytes)
    result |= only(c);
  return result;
}

bool is_alphanumeric(char c) {
  const auto letters = range('a', 'z') | range('A', 'Z') | range('0', '9');
  return letters.test(static_cast<unsigned char>(c));
}

/// @returns what `\` and `c` stand for, or none.
std::optional<byte_set> escaped(char c) {
  const auto digits = range('0', '9');
  const auto words = digits | range('a', 'z') | range('A', 'Z') | only('_');
  const auto spaces = any_of(" \t\n\r\f\v");
  switch (c) {
    case 'd': return digits;
    case 'D': return ~digits;
    case 'w': return words;
    case 'W': return ~words;
    case 's': return spaces;
    case 'S': return ~spaces;
    default: break;
  }
  if (is_alphanumeric(c))
    return std::nullopt;
  return only(c);
}

/// Reads the bracket expression that begins at `glob[at]`. @returns whether
/// `c` is in it, or none if it is not closed; moves `at` behind it.
std::optional<bool> glob_class_has(std::string_view glob, size_t& at, char c) {
  auto i = at + 1;
  const auto negated = i < glob.size() && glob[i] == '!';
  if (negated)
    ++i;
  const auto close = glob.find(']', i + 1); // the first one may be a member
  if (close == std::string_view::npos)
    return std::nullopt;
  bool found = false;
  const auto byte = static_cast<unsigned char>(c);
  while (i < close) {
    auto last = i;
    if (i + 2 < close && glob[i + 1] == '-')
      last = i + 2;
    found = found
            || (static_cast<unsigned char>(glob[i]) <= byte
                && byte <= static_cast<unsigned char>(glob[last]));
    i = last + 1;
  }
  at = close + 1;
  return found != negated;
}

/// @returns whether the part of `glob` at `at` matches `c`; moves `at` behind
/// that part. @pre it is not `*`
bool glob_part_matches(std::string_view glob, size_t& at, char c) {
  if (glob[at] == '[')
    if (auto found = glob_class_has(glob, at, c))
      return *found;
  const auto part = glob[at++];
  return part == '?' || part == c; // an open `[` stands for itself
}

} // namespace

bool matches_glob(std::string_view glob, std::string_view text) {
  constexpr auto none = std::string_view::npos;
  size_t at = 0;
  size_t i = 0;
  size_t star = none; // what follows the last `*`
  size_t resume = 0;  // where the text goes on behind what it took
  while (i < text.size()) {
    if (at < glob.size() && glob[at] == '*') {
      star = ++at;
      resume = i;
      continue;
    }
    if (at < glob.size() && glob_part_matches(glob, at, text[i])) {
      ++i;
      continue;
    }
    if (star == none)
      return false;
    at = star; // only the last one needs to give way
    i = ++resume;
  }
  return glob.find_first_not_of('*', at) == none;
}

/// Turns text into code, by recursive descent. Every function returns none
/// for what is refused.
class regex_parser {
public:
  using code = regex::code;
  using step = regex::step;

  explicit regex_parser(std::string_view text) : text_(text) {
  }

  std::optional<code> parse() {
    auto result = alternatives(0);
    if (!result || at_ != text_.size())
      return std::nullopt;
    return result;
  }

private:
  bool sees(char c) const {
    return at_ < text_.size() && text_[at_] == c;
  }

  bool takes(char c) {
    if (!sees(c))
      return false;
    ++at_;
    return true;
  }

  static code one(byte_set set) {
    return {{step::one_of, set}};
  }

  static code joined(code first, const code& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
  }

  static int size(const code& x) {
    return static_cast<int>(x.size());
  }

  static code either(const code& first, const code& second) {
    code result{{step::fork, {}, 1, size(first) + 2}};
    result = joined(std::move(result), first);
    result.push_back({step::go, {}, size(second) + 1});
    return joined(std::move(result), second);
  }

  static code maybe(const code& x) {
    return joined({{step::fork, {}, 1, size(x) + 1}}, x);
  }

  static code any_number(const code& x) {
    auto result = joined({{step::fork, {}, 1, size(x) + 2}}, x);
    result.push_back({step::go, {}, -size(x) - 1});
    return result;
  }

  static code at_least_once(code x) {
    x.push_back({step::fork, {}, -size(x), 1});
    return x;
  }

  std::optional<code> alternatives(int depth) {
    if (depth > depth_max)
      return std::nullopt;
    auto result = sequence(depth);
    while (result && takes('|')) {
      const auto next = sequence(depth);
      if (!next)
        return std::nullopt;
      result = either(*result, *next);
    }
    return result;
  }

  std::optional<code> sequence(int depth) {
    code result;
    while (at_ < text_.size() && !sees('|') && !sees(')')) {
      auto next = atom(depth);
      if (next)
        next = repeated(std::move(*next));
      if (!next)
        return std::nullopt;
      result = joined(std::move(result), *next);
      if (result.size() > code_max)
        return std::nullopt;
    }
    return result;
  }

  std::optional<code> atom(int depth) {
    const auto c = text_[at_++];
    switch (c) {
      case '(': return group(depth);
      case '[': return bracket();
      case '.': return one(~byte_set{});
      case '^': return code{{step::at_start}};
      case '$': return code{{step::at_end}};
      case '\\': return escape();
      case '*':
      case '+':
      case '?':
      case '{': return std::nullopt; // there is nothing to repeat
      default: return one(only(c));
    }
  }

  std::optional<code> group(int depth) {
    if (takes('?') && !takes(':'))
      return std::nullopt;
    auto result = alternatives(depth + 1);
    if (!takes(')'))
      return std::nullopt;
    return result;
  }

  std::optional<code> escape() {
    const auto set = escaped_set();
    if (!set)
      return std::nullopt;
    return one(*set);
  }

  std::optional<byte_set> escaped_set() {
    if (at_ == text_.size())
      return std::nullopt;
    return escaped(text_[at_++]);
  }

  std::optional<code> bracket() {
    const auto negated = takes('^');
    byte_set set;
    for (bool first = true; first || !sees(']'); first = false) {
      const auto next = member();
      if (!next)
        return std::nullopt;
      set |= *next;
    }
    ++at_;
    return one(negated ? ~set : set);
  }

  /// @returns one member of a bracket expression: a byte, a range, a class.
  std::optional<byte_set> member() {
    if (at_ + 1 >= text_.size()) // the bracket that closes is missing
      return std::nullopt;
    const auto low = text_[at_++];
    if (low == '\\')
      return escaped_set();
    if (low == '[' && (sees(':') || sees('.') || sees('=')))
      return std::nullopt; // POSIX has classes there
    if (!sees('-') || at_ + 1 >= text_.size() || text_[at_ + 1] == ']')
      return only(low);
    const auto high = text_[at_ + 1];
    at_ += 2;
    const auto from = static_cast<unsigned char>(low);
    const auto to = static_cast<unsigned char>(high);
    if (high == '\\' || from > to)
      return std::nullopt;
    return range(from, to);
  }

  /// @returns `x` as often as what stands behind it says.
  std::optional<code> repeated(code x) {
    const auto begin = at_;
    auto result = counted(std::move(x));
    if (!result || at_ == begin)
      return result;
    takes('?'); // as few as possible: of no matter for a yes or no
    if (sees('*') || sees('+') || sees('?') || sees('{'))
      return std::nullopt;
    return result;
  }

  std::optional<code> counted(code x) {
    if (takes('*'))
      return any_number(x);
    if (takes('+'))
      return at_least_once(std::move(x));
    if (takes('?'))
      return maybe(x);
    if (takes('{'))
      return times(x);
    return x;
  }

  std::optional<code> times(const code& x) {
    const auto low = number();
    auto high = low;
    auto open_end = false;
    if (takes(',')) {
      open_end = sees('}');
      if (!open_end)
        high = number();
    }
    if (!low || !high || *high < *low || !takes('}'))
      return std::nullopt;
    const auto copies = static_cast<size_t>(*high + 1);
    if ((x.size() + 2) * copies > code_max)
      return std::nullopt;
    code result;
    for (int i = 0; i < *low; ++i)
      result = joined(std::move(result), x);
    if (open_end)
      return joined(std::move(result), any_number(x));
    for (int i = *low; i < *high; ++i)
      result = joined(std::move(result), maybe(x));
    return result;
  }

  std::optional<int> number() {
    const auto begin = at_;
    int result = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
      if (result = result * 10 + (text_[at_] - '0'); result > count_max)
        return std::nullopt;
    if (begin == at_)
      return std::nullopt;
    return result;
  }

  std::string_view text_;
  size_t at_ = 0;
};

std::optional<regex> regex::parse(std::string_view text) {
  if (text.size() > text_max)
    return std::nullopt;
  auto parsed = regex_parser{text}.parse();
  if (!parsed || parsed->size() > code_max)
    return std::nullopt;
  regex result;
  result.code_ = std::move(*parsed);
  return result;
}

bool regex::matches_start_of(std::string_view text) const {
  const auto end = static_cast<int>(code_.size());
  std::vector<int> now{0};
  std::vector<int> next;
  std::vector<size_t> seen(code_.size() + 1, 0); // at which byte, from 1
  for (size_t i = 0; !now.empty(); ++i) {
    next.clear();
    while (!now.empty()) {
      const auto at = now.back();
      now.pop_back();
      if (at == end)
        return true;
      if (std::exchange(seen[static_cast<size_t>(at)], i + 1) == i + 1)
        continue;
      const auto& x = code_[static_cast<size_t>(at)];
      if (x.what == step::go || x.what == step::fork)
        now.push_back(at + x.first);
      if (x.what == step::fork)
        now.push_back(at + x.second);
      if ((x.what == step::at_start && i == 0)
          || (x.what == step::at_end && i == text.size()))
        now.push_back(at + 1);
      if (x.what == step::one_of && i < text.size()
          && x.set.test(static_cast<unsigned char>(text[i])))
        next.push_back(at + 1);
    }
    now.swap(next);
  }
  return false;
}

} // namespace tunerd::sql
