#include "actors/job_poller/polling_plan.hpp"

#include <algorithm>

namespace tunerd {

namespace {

constexpr size_t unknown_values_max = 8;

/// FNV-1a over numbers and texts, each text with its length.
struct fnv {
  uint64_t value = 0xcbf29ce484222325;

  void add(uint64_t number) {
    for (int i = 0; i < 8; ++i, number >>= 8)
      add_byte(static_cast<unsigned char>(number));
  }
  void add(const std::string& text) {
    for (const char c : text)
      add_byte(static_cast<unsigned char>(c));
    add(uint64_t{text.size()});
  }
  void add_byte(unsigned char byte) {
    value = (value ^ byte) * 0x100000001b3;
  }
};

/// @returns how long ago the store last had news of `x`, at least 0. Webhooks
/// may have been lost while nobody listened, so a restart forgives nothing.
caf::timespan silence_of(const job& x, timestamp wall) {
  const auto news = std::max(x.created_at, x.started_at.value_or(x.created_at));
  return std::clamp(caf::timespan{wall - news}, caf::timespan{0},
                    caf::timespan{silence_max});
}

} // namespace

polling_mode polling_decision::mode_of(const std::string& provider) const {
  auto i = modes.find(provider);
  return i == modes.end() ? polling_mode::off : i->second;
}

bool polling_decision::has(polling_mode mode) const {
  return std::any_of(modes.begin(), modes.end(),
                     [mode](const auto& x) { return x.second == mode; });
}

stored_polling read_stored(const std::map<std::string, std::string>& values) {
  constexpr std::string_view prefix = provider_prefix;
  constexpr std::string_view suffix = ".webhook_url";
  stored_polling result;
  for (const auto& [key, value] : values) {
    if (key == polling_key && (value == "true" || value == "false"))
      result.enabled = value == "true";
    const bool is_url = key.size() > prefix.size() + suffix.size()
                        && key.starts_with(prefix) && key.ends_with(suffix);
    if (is_url) {
      const auto length = key.size() - prefix.size() - suffix.size();
      result.has_webhook_url[key.substr(prefix.size(), length)]
        = !value.empty() && value != "\"\"" && value != "null";
    }
  }
  return result;
}

polling_decision decide_polling(const std::optional<bool>& enabled,
                                const std::vector<polled_provider>& providers,
                                const stored_polling& stored) {
  const auto explicitly = enabled ? enabled : stored.enabled;
  const auto has_webhook_url = [&stored](const polled_provider& x) {
    auto i = stored.has_webhook_url.find(x.name);
    return i == stored.has_webhook_url.end() ? x.has_webhook_url : i->second;
  };
  polling_decision result{.source = enabled          ? "enterprise"
                                    : stored.enabled ? "setting"
                                                     : "auto"};
  for (const auto& x : providers)
    result.modes[x.name]
      = explicitly ? *explicitly ? polling_mode::every_round : polling_mode::off
        : x.sends_webhooks && has_webhook_url(x) ? polling_mode::when_silent
                                                 : polling_mode::every_round;
  result.is_active
    = explicitly ? *explicitly : result.has(polling_mode::every_round);
  return result;
}

uint64_t digest_of(const provider_job& seen) {
  fnv sum;
  for (const auto* text :
       {&seen.external_id, &seen.raw_status, &seen.output_url,
        &seen.error_message, &seen.version, &seen.logs})
    sum.add(*text);
  sum.add(seen.status ? static_cast<uint64_t>(*seen.status) : ~uint64_t{0});
  for (const auto* time :
       {&seen.created_at, &seen.started_at, &seen.completed_at})
    sum.add(*time ? static_cast<uint64_t>((*time)->time_since_epoch().count())
                  : ~uint64_t{0});
  sum.add(seen.cost_micros ? static_cast<uint64_t>(*seen.cost_micros)
                           : ~uint64_t{0});
  return sum.value == 0 ? 1 : sum.value;
}

caf::timespan spread_of(uint32_t round, caf::timespan interval) {
  return interval / 10 * std::min(round, 10u);
}

void polling_ledger::note(const std::vector<job>& active, time_point now,
                          timestamp wall) {
  decltype(jobs_) listed;
  listed.reserve(active.size());
  for (const auto& x : active) {
    auto known = jobs_.extract(x.id);
    auto& seen = listed[x.id];
    if (known.empty())
      seen = {.status = x.status, .heard = now - silence_of(x, wall)};
    else
      seen = std::move(known.mapped());
    if (seen.status != x.status) {
      seen.status = x.status;
      seen.heard = now;
      seen.stored = 0;
    }
  }
  jobs_ = std::move(listed);
}

std::vector<const job*> polling_ledger::choose(const std::vector<job>& active,
                                               const polling_decision& decision,
                                               time_point now, timestamp wall,
                                               bool full) {
  note(active, now, wall);
  std::vector<std::pair<time_point, const job*>> chosen;
  for (const auto& x : active) {
    auto& seen = jobs_.at(x.id);
    const auto mode = decision.mode_of(x.provider);
    const bool silent
      = mode == polling_mode::when_silent && now - seen.heard >= silence_max;
    if (silent)
      seen.heard = now;
    if (silent || (mode == polling_mode::every_round && full))
      chosen.emplace_back(seen.asked, &x);
  }
  std::stable_sort(chosen.begin(), chosen.end(),
                   [](auto& a, auto& b) { return a.first < b.first; });
  std::vector<const job*> result;
  for (const auto& [asked, x] : chosen)
    result.push_back(x);
  return result;
}

void polling_ledger::note_asked(const std::string& job_id, time_point now) {
  if (auto i = jobs_.find(job_id); i != jobs_.end())
    i->second.asked = now;
}

void polling_ledger::note_stored(const std::string& job_id, uint64_t digest) {
  if (auto i = jobs_.find(job_id); i != jobs_.end())
    i->second.stored = digest;
}

bool polling_ledger::is_stored(const std::string& job_id,
                               uint64_t digest) const {
  const auto i = jobs_.find(job_id);
  return i != jobs_.end() && i->second.stored == digest;
}

bool polling_ledger::is_news(const std::string& job_id,
                             const std::string& raw) {
  auto i = jobs_.find(job_id);
  if (i == jobs_.end())
    return false; // It is over meanwhile.
  auto& values = i->second.unknown;
  if (values.size() >= unknown_values_max
      || std::find(values.begin(), values.end(), raw) != values.end())
    return false;
  values.push_back(raw);
  return true;
}

} // namespace tunerd
