#pragma once

#include "actors/replicate_simulator/prediction.hpp"
#include "actors/support/clocks.hpp"

#include <map>
#include <set>
#include <unordered_map>

namespace tunerd::simulated {

/// Which predictions a list shows; times as in Replicate's query.
struct list_query {
  std::optional<timestamp> created_after = {};
  std::optional<timestamp> created_before = {};
  /// Only predictions older than the one with this serial.
  std::optional<uint64_t> older_than = {};
};

/// One page, newest first. The pointers are valid until the next call.
struct prediction_page {
  std::vector<const prediction*> results = {};
  /// Whether older ones match too.
  bool more = false;
};

/// Counts per marker; each at most `predictions_max` markers, further ones are
/// counted in the total only.
struct tallies {
  tally total = {};
  std::map<std::string, tally> by_user = {};
  std::map<std::string, tally> by_job = {};
  /// Keyed by fingerprint.
  std::map<std::string, tally> by_input = {};
};

/// The predictions of one account, moved by the times it is told: each call
/// first lets happen what was due until `now`, in the order it was due. So
/// the maxima are true whenever somebody looks. Time that runs backwards
/// stands still.
class replicate_model {
public:
  static constexpr size_t page_size = 100;

  /// @param random Makes the ids.
  /// @param predictions_max How many it keeps; also bounds the counts.
  explicit replicate_model(random_source random,
                           size_t predictions_max = 100'000);

  // Predictions point into the counts.
  replicate_model(const replicate_model&) = delete;
  replicate_model& operator=(const replicate_model&) = delete;

  /// Counts that `what` was asked for, whatever becomes of it.
  void note_submission(const submission& what);

  /// @returns the new prediction, or null if `predictions_max` are active; the
  /// oldest one that is over makes room. Valid until the next creation.
  prediction* create(const submission& what, timestamp now);

  /// @returns the prediction or null. Valid until the next creation.
  prediction* find(const std::string& id, timestamp now);

  /// Ends a prediction that is not over. @returns it, or null.
  prediction* cancel(const std::string& id, timestamp now);

  /// Forgets a prediction, as if it had never been.
  void forget(const std::string& id, timestamp now);

  /// @returns the serials of the predictions that want it told that they
  /// started or ended since the last call, in that order. Some may be gone.
  std::vector<uint64_t> take_changes();

  /// @returns when something will happen by itself; none if nothing will.
  std::optional<timestamp> next_due() const;

  prediction_page list(const list_query& query, timestamp now);

  /// @returns the counts as of `now`.
  const tallies& counts(timestamp now);

  /// @returns all predictions by serial, as of the last call.
  const std::map<uint64_t, prediction>& predictions() const {
    return predictions_;
  }

private:
  /// Something that will happen; ends come before starts of the same time.
  struct moment {
    timestamp at;
    bool starts = false;
    uint64_t serial = 0;
    auto operator<=>(const moment&) const = default;
  };

  void advance(timestamp now);
  void begin(prediction& made, timestamp at);
  void finish(prediction& made, prediction_status outcome, timestamp at);
  bool make_room();
  std::string new_id(uint64_t serial);
  std::vector<tally*> tallies_of(const submission& what);

  random_source random_;
  size_t predictions_max_;
  timestamp now_ = {};
  uint64_t last_serial_ = 0;
  std::map<uint64_t, prediction> predictions_;
  std::unordered_map<std::string, uint64_t> serials_;
  /// At most two per active prediction.
  std::set<moment> timeline_;
  /// At most two per prediction; emptied by `take_changes`.
  std::vector<uint64_t> changes_;
  tallies tallies_;
};

} // namespace tunerd::simulated
