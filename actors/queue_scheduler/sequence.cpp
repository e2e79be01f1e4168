#include "actors/queue_scheduler/sequence.hpp"

#include <algorithm>

namespace tunerd {

namespace {

constexpr size_t chunk_max = 256;

auto step(size_t index) {
  return static_cast<std::ptrdiff_t>(index);
}

} // namespace

// -- chunks -------------------------------------------------------------------

size_t sequence::chunk::count_before(place at) const {
  if (at <= first) // the usual case: it is the next to go
    return 0;
  const auto found = std::lower_bound(
    begin(), end(), at, [](const entry& x, place y) { return x.at < y; });
  return static_cast<size_t>(found - begin());
}

void sequence::chunk::insert(place at, uint32_t item) {
  const auto index = count_before(at);
  const auto here = entries.begin() + step(gone + index);
  if (gone > 0 && index < size() / 2) {
    std::move(entries.begin() + step(gone), here,
              entries.begin() + step(gone - 1));
    *(here - 1) = {at, item};
    --gone;
  } else {
    entries.insert(here, {at, item});
  }
  first = begin()->at;
}

void sequence::chunk::erase(place at) {
  const auto index = count_before(at);
  const auto here = entries.begin() + step(gone + index);
  if (index < size() / 2) {
    std::move_backward(entries.begin() + step(gone), here, here + 1);
    ++gone;
  } else {
    entries.erase(here);
  }
  first = begin()->at;
}

// -- all of them --------------------------------------------------------------

size_t sequence::chunk_of(place at) const {
  const auto after
    = std::upper_bound(chunks_.begin(), chunks_.end(), at,
                       [](place x, const chunk& y) { return x < y.first; });
  return after == chunks_.begin()
           ? 0
           : static_cast<size_t>(after - chunks_.begin()) - 1;
}

void sequence::insert(place at, uint32_t item) {
  ++size_;
  // What comes last fills its chunk, so that a load wastes nothing.
  if (chunks_.empty()
      || (chunks_.back().entries.size() >= chunk_max
          && chunks_.back().entries.back().at < at)) {
    chunks_.push_back({at, 0, {{at, item}}});
    return;
  }
  auto index = chunk_of(at);
  if (chunks_[index].entries.size() >= chunk_max) {
    make_room(index);
    index = chunk_of(at);
  }
  chunks_[index].insert(at, item);
}

void sequence::make_room(size_t index) {
  auto& from = chunks_[index];
  if (from.gone >= chunk_max / 2) {
    from.entries.erase(from.entries.begin(),
                       from.entries.begin() + step(from.gone));
    from.gone = 0;
    return;
  }
  const auto half = from.entries.begin() + step(from.gone + from.size() / 2);
  chunk upper{half->at, 0, {half, from.entries.end()}};
  from.entries.erase(half, from.entries.end());
  chunks_.insert(chunks_.begin() + step(index + 1), std::move(upper));
}

void sequence::erase(place at) {
  const auto index = chunk_of(at);
  auto& from = chunks_[index];
  --size_;
  if (from.size() == 1) {
    chunks_.erase(chunks_.begin() + step(index));
    return;
  }
  from.erase(at);
  if (from.size() < chunk_max / 4 && index + 1 < chunks_.size())
    merge(index);
}

void sequence::merge(size_t index) {
  auto& into = chunks_[index];
  const auto& next = chunks_[index + 1];
  if (into.size() + next.size() > chunk_max / 2)
    return;
  std::vector<entry> both{into.begin(), into.end()};
  both.insert(both.end(), next.begin(), next.end());
  into.entries = std::move(both);
  into.gone = 0;
  chunks_.erase(chunks_.begin() + step(index + 1));
}

size_t sequence::count_before(place at) const {
  if (empty() || at <= chunks_.front().first)
    return 0;
  if (chunks_.back().entries.back().at < at)
    return size_;
  const auto index = chunk_of(at);
  auto result = chunks_[index].count_before(at);
  for (size_t i = 0; i < index; ++i)
    result += chunks_[i].size();
  return result;
}

} // namespace tunerd
