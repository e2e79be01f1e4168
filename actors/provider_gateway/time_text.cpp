#include "actors/provider_gateway/time_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace tunerd {

namespace {

using namespace std::chrono;

/// Reads a text from left to right; once something was not as expected,
/// `good` stays false.
struct reader {
  std::string_view rest;
  bool good = true;

  bool skip(char expected) {
    if (rest.empty() || rest.front() != expected)
      return false;
    rest.remove_prefix(1);
    return true;
  }

  void want(std::string_view expected) {
    good = good && rest.starts_with(expected);
    rest.remove_prefix(good ? expected.size() : 0);
  }

  /// Exactly `digits` digits, value at most `most`.
  int number(size_t digits, int most) {
    int result = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (rest.empty() || rest.front() < '0' || rest.front() > '9')
        return good = false, 0;
      result = result * 10 + (rest.front() - '0');
      rest.remove_prefix(1);
    }
    good = good && result <= most;
    return result;
  }

  nanoseconds fraction() {
    int64_t result = 0;
    int64_t unit = 100'000'000;
    const auto before = rest.size();
    for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9';
         rest.remove_prefix(1), unit /= 10)
      result += (rest.front() - '0') * unit;
    good = good && rest.size() != before;
    return nanoseconds{result};
  }

  seconds time_of_day() {
    const hours h{number(2, 23)};
    want(":");
    const minutes m{number(2, 59)};
    want(":");
    // A leap second is the first of the next minute.
    return h + m + seconds{number(2, 60)};
  }

  /// "Z", "+02:00", "+0200", "+02" or nothing.
  seconds offset() {
    if (rest.empty() || skip('Z') || skip('z'))
      return seconds{0};
    const bool west = !rest.empty() && rest.front() == '-';
    if (!skip('-') && !skip('+'))
      return good = false, seconds{0};
    seconds result = hours{number(2, 23)};
    if (skip(':') || !rest.empty())
      result += minutes{number(2, 59)};
    return west ? -result : result;
  }
};

std::optional<timestamp> time_of(int y, int m, int d, nanoseconds since) {
  const year_month_day date{year{y}, month{static_cast<unsigned>(m)},
                            day{static_cast<unsigned>(d)}};
  if (!date.ok() || y < 1970 || y > 2199)
    return std::nullopt;
  return timestamp{sys_days{date}.time_since_epoch() + since};
}

} // namespace

std::optional<timestamp> parse_iso_time(std::string_view text) {
  reader in{text};
  const auto y = in.number(4, 9999);
  in.want("-");
  const auto m = in.number(2, 12);
  in.want("-");
  const auto d = in.number(2, 31);
  if (!in.skip('T') && !in.skip('t'))
    in.want(" ");
  nanoseconds since = in.time_of_day();
  if (in.skip('.'))
    since += in.fraction();
  since -= in.offset();
  if (!in.good || !in.rest.empty())
    return std::nullopt;
  return time_of(y, m, d, since);
}

std::string iso_time(timestamp time) {
  const auto today = floor<days>(time);
  const year_month_day date{today};
  const hh_mm_ss clock{floor<microseconds>(time - today)};
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
                int{date.year()}, unsigned{date.month()}, unsigned{date.day()},
                static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  return text.data();
}

std::optional<timestamp> parse_http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr",
                                                    "May", "Jun", "Jul", "Aug",
                                                    "Sep", "Oct", "Nov", "Dec"};
  if (text.size() < 5)
    return std::nullopt;
  reader in{text.substr(3)}; // The name of the day says nothing new.
  in.want(", ");
  const auto d = in.number(2, 31);
  in.want(" ");
  const auto name = in.rest.substr(0, 3);
  const auto m = std::find(months.begin(), months.end(), name);
  in.want(name);
  in.want(" ");
  const auto y = in.number(4, 9999);
  in.want(" ");
  const auto since = in.time_of_day();
  in.want(" GMT");
  if (!in.good || !in.rest.empty() || m == months.end())
    return std::nullopt;
  return time_of(y, static_cast<int>(m - months.begin()) + 1, d, since);
}

} // namespace tunerd
