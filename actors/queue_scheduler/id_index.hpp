#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tunerd {

/// From the id of a job to its number, 8 bytes each and one cache miss: an open
/// table of hashes. The ids stay with their owner, who says whether one fits.
class id_index {
public:
  static constexpr auto nobody = UINT32_MAX;

  /// @param is_it Whether the job of that number has this id.
  template <class F>
  uint32_t find(const std::string& id, F is_it) const {
    if (slots_.empty())
      return nobody;
    const auto hash = hash_of(id);
    for (auto i = hash & mask(); slots_[i].item != nobody; i = (i + 1) & mask())
      if (slots_[i].hash == hash && is_it(slots_[i].item))
        return slots_[i].item;
    return nobody;
  }

  /// @pre `id` is not inside.
  void insert(const std::string& id, uint32_t item);

  /// @pre `id` is inside as `item`.
  void erase(const std::string& id, uint32_t item);

private:
  struct slot {
    uint32_t hash = 0;
    uint32_t item = nobody;
  };

  static uint32_t hash_of(const std::string& id) {
    return static_cast<uint32_t>(std::hash<std::string>{}(id));
  }

  size_t mask() const {
    return slots_.size() - 1;
  }

  void add(slot x);

  /// A power of two; at least a third is free.
  std::vector<slot> slots_;
  size_t size_ = 0;
};

} // namespace tunerd
