#include "actors/replicate_simulator/iso_time.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace tunerd::simulated {

namespace {

using namespace std::chrono;

/// Takes pieces off the front of a text; once a piece does not fit, none does.
struct scanner {
  std::string_view rest;
  bool ok = true;

  void skip(char expected) {
    ok = ok && !rest.empty() && rest.front() == expected;
    if (ok)
      rest.remove_prefix(1);
  }

  int number(size_t digits, int low, int high) {
    int value = 0;
    const auto end = rest.data() + std::min(digits, rest.size());
    const auto got = std::from_chars(rest.data(), end, value);
    ok = ok && rest.size() >= digits && got.ec == std::errc{} && got.ptr == end
         && value >= low && value <= high;
    if (ok)
      rest.remove_prefix(digits);
    return value;
  }

  nanoseconds fraction() {
    nanoseconds result{0};
    if (!ok || rest.empty() || rest.front() != '.')
      return result;
    rest.remove_prefix(1);
    ok = !rest.empty() && rest.front() >= '0' && rest.front() <= '9';
    for (int64_t unit = 100'000'000;
         !rest.empty() && rest.front() >= '0' && rest.front() <= '9';
         unit /= 10, rest.remove_prefix(1))
      result += nanoseconds{unit * (rest.front() - '0')};
    return result;
  }

  minutes offset() {
    if (!ok || rest == "Z" || rest.empty()) {
      skip('Z');
      return minutes{0};
    }
    const int sign = rest.front() == '-' ? -1 : 1;
    skip(sign < 0 ? '-' : '+');
    const auto hour = number(2, 0, 23);
    skip(':');
    return minutes{sign * (hour * 60 + number(2, 0, 59))};
  }
};

} // namespace

std::string iso_time(timestamp time) {
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<microseconds>(time - day)};
  std::array<char, 64> text{};
  const auto size = std::snprintf(
    text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
    static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
    static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
    static_cast<int>(clock.minutes().count()),
    static_cast<int>(clock.seconds().count()),
    static_cast<int>(clock.subseconds().count()));
  return {text.data(), static_cast<size_t>(size)};
}

std::string http_date(timestamp time) {
  constexpr std::array day_names{"Sun", "Mon", "Tue", "Wed",
                                 "Thu", "Fri", "Sat"};
  constexpr std::array month_names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<seconds>(time - day)};
  std::array<char, 64> text{};
  const auto size = std::snprintf(
    text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
    day_names.at(weekday{day}.c_encoding()), static_cast<unsigned>(date.day()),
    month_names.at(static_cast<unsigned>(date.month()) - 1),
    static_cast<int>(date.year()), static_cast<int>(clock.hours().count()),
    static_cast<int>(clock.minutes().count()),
    static_cast<int>(clock.seconds().count()));
  return {text.data(), static_cast<size_t>(size)};
}

std::optional<timestamp> parse_iso_time(std::string_view text) {
  scanner in{text};
  // A timestamp in nanoseconds ends in 2262.
  const auto y = in.number(4, 1970, 2261);
  in.skip('-');
  const auto m = in.number(2, 1, 12);
  in.skip('-');
  const auto d = in.number(2, 1, 31);
  in.skip('T');
  const auto hour = in.number(2, 0, 23);
  in.skip(':');
  const auto minute = in.number(2, 0, 59);
  in.skip(':');
  const auto second = in.number(2, 0, 59);
  const auto fraction = in.fraction();
  const auto offset = in.offset();
  const auto date
    = year{y} / month{static_cast<unsigned>(m)} / day{static_cast<unsigned>(d)};
  if (!in.ok || !in.rest.empty() || !date.ok())
    return std::nullopt;
  return timestamp{sys_days{date}.time_since_epoch()} + hours{hour}
         + minutes{minute} + seconds{second} + fraction - offset;
}

} // namespace tunerd::simulated
