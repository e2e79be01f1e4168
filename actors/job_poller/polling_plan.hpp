#pragma once

#include "messages/providers.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

// Whether and whom to poll. No CAF actors, no clock, no I/O.

namespace tunerd {

/// A provider as the poller knows it.
struct polled_provider {
  std::string name;
  /// Whether it tells us by itself what changes.
  bool has_webhook_url = false;
  /// Calls under way at once. At least 1.
  int32_t max_in_flight = 64;
  /// Whether its list says how each job is.
  bool has_list = true;
  /// Else a webhook URL of it means nothing.
  bool sends_webhooks = true;
};

enum class polling_mode : uint8_t {
  off,
  every_round,
  /// Only what has been silent for `silence_max`: webhooks get lost.
  when_silent,
};

/// A job that nothing was heard of for this long is asked, and then again each
/// time this has passed.
constexpr std::chrono::minutes silence_max{15};

/// What was set over the API and concerns polling.
struct stored_polling {
  /// `cloud_job_polling_enabled`; none if it is not set.
  std::optional<bool> enabled = std::nullopt;
  /// By provider, for those whose `webhook_url` was set: whether to anything.
  std::map<std::string, bool> has_webhook_url = {};
};

/// The key that switches polling on or off, and the prefix of the others that
/// matter, see messages/settings.hpp.
constexpr auto polling_key = "cloud_job_polling_enabled";
constexpr auto provider_prefix = "provider.";

/// @param values What is stored, key to JSON text. Others and such as cannot
/// be understood count as not set.
stored_polling read_stored(const std::map<std::string, std::string>& values);

/// What REFERENCE 6 ("Polling runs when") makes of the settings.
struct polling_decision {
  bool is_active = false;
  /// What decided it: "enterprise", "setting" or "auto".
  std::string source = {};
  /// One entry per provider.
  std::map<std::string, polling_mode> modes = {};

  /// @returns `off` for a provider that is not configured.
  polling_mode mode_of(const std::string& provider) const;

  /// @returns whether a provider has `mode`.
  bool has(polling_mode mode) const;

  bool operator==(const polling_decision&) const = default;
};

/// @param enabled The word of the file; none leaves it to what is stored, and
/// that to the webhooks.
/// @param stored Wins over the webhook URLs that `providers` has of the file.
polling_decision decide_polling(const std::optional<bool>& enabled,
                                const std::vector<polled_provider>& providers,
                                const stored_polling& stored = {});

/// @returns over how much of `interval` the questions of a round are spread.
/// The first round asks at once. A later one is stretched by a tenth more than
/// the one before, up to the whole interval, so that no job ever waits for
/// longer than that plus a tenth.
/// @param round Counted from 0.
caf::timespan spread_of(uint32_t round, caf::timespan interval);

/// @returns the same for the same word of a provider about a job, and for
/// different ones as good as never; not 0.
uint64_t digest_of(const provider_job& seen);

/// What is remembered of the active jobs from one round to the next. One entry
/// per job; it leaves with the first list that does not have its job.
class polling_ledger {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Takes note of all active jobs.
  /// @param wall The time of day at `now`.
  void note(const std::vector<job>& active, time_point now, timestamp wall);

  /// Takes note of them, and of whose turn it is.
  /// @param full Whether those that are polled every round have their turn.
  /// @returns which of `active` are to be asked, stalest first: in the order in
  /// which they were asked last, new ones before all others.
  std::vector<const job*> choose(const std::vector<job>& active,
                                 const polling_decision& decision,
                                 time_point now, timestamp wall, bool full);

  /// The job is being asked, or was seen on a page.
  void note_asked(const std::string& job_id, time_point now);

  /// @returns whether `raw` is to be reported: the first time this job shows
  /// this value, for up to eight values.
  bool is_news(const std::string& job_id, const std::string& raw);

  /// The store has what the job showed.
  /// @param digest Of that, see `digest_of`; 0 if it showed nothing.
  void note_stored(const std::string& job_id, uint64_t digest);

  /// @returns whether the store has it already: the job showed the same last
  /// time, and nobody else has changed its status since.
  bool is_stored(const std::string& job_id, uint64_t digest) const;

  size_t size() const noexcept {
    return jobs_.size();
  }

private:
  struct entry {
    job_status status = job_status::pending;
    time_point heard = {};
    /// The epoch if it never was.
    time_point asked = {};
    /// 0 if not known.
    uint64_t stored = 0;
    /// At most eight.
    std::vector<std::string> unknown = {};
  };

  std::unordered_map<std::string, entry> jobs_;
};

} // namespace tunerd
