#pragma once

#include "messages/metrics.hpp"

#include <map>

// What a provider may cost (REFERENCE 9): decisions without a database or a
// clock. Money is micro-USD.

namespace tunerd::sql {

/// The limit of one provider.
struct cost_limit {
  std::string provider;
  bool is_enabled = false;
  int64_t amount_micros = 0;
  /// daily, weekly, monthly or yearly.
  std::string period = "monthly";
  /// Whether a job that does not fit is refused; else there is a warning.
  bool blocks = false;
};

/// @returns the limit that the settings `enabled`, `amount`, `period` and
/// `action` say, JSON texts each. What is missing takes the default; what is
/// there and cannot be read is taken in the strictest sense.
cost_limit parse_cost_limit(std::string provider,
                            const std::map<std::string, std::string>& settings);

/// @returns how far back costs count.
caf::timespan span_of(const cost_limit& limit);

/// @returns whether a job that may cost `wanted` fits beside what is `spent`.
bool leaves_room(const cost_limit& limit, int64_t spent, int64_t wanted);

/// @returns why it does not, for people.
std::string no_room_text(const cost_limit& limit, int64_t spent,
                         int64_t wanted);

/// @returns how far the limit is used; the context is empty.
cost_limit_status status_of(const cost_limit& limit, int64_t spent);

/// @returns what `span` costs at `rate` nano-USD per second, rounded up; never
/// negative, cut at 10^15.
int64_t cost_of(int64_t rate, caf::timespan span);

} // namespace tunerd::sql
