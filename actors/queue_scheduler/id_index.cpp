#include "actors/queue_scheduler/id_index.hpp"

#include <utility>

namespace tunerd {

void id_index::add(slot x) {
  auto i = x.hash & mask();
  while (slots_[i].item != nobody)
    i = (i + 1) & mask();
  slots_[i] = x;
}

void id_index::insert(const std::string& id, uint32_t item) {
  if (3 * (size_ + 1) > 2 * slots_.size()) {
    const auto size = slots_.empty() ? size_t{16} : 2 * slots_.size();
    for (const auto& x : std::exchange(slots_, std::vector<slot>(size)))
      if (x.item != nobody)
        add(x);
  }
  add({hash_of(id), item});
  ++size_;
}

void id_index::erase(const std::string& id, uint32_t item) {
  auto hole = hash_of(id) & mask();
  while (slots_[hole].item != item)
    hole = (hole + 1) & mask();
  // Who stands behind the hole moves up, unless that is before its own place.
  for (auto i = (hole + 1) & mask(); slots_[i].item != nobody;
       i = (i + 1) & mask()) {
    const auto home = slots_[i].hash & mask();
    if (((i - home) & mask()) >= ((i - hole) & mask())) {
      slots_[hole] = slots_[i];
      hole = i;
    }
  }
  slots_[hole] = {};
  --size_;
}

} // namespace tunerd
