#include "actors/queue_scheduler/sequence.hpp"

#include <algorithm>

namespace tunerd {

namespace {

constexpr size_t chunk_max = 128;

auto find_in(auto& chunk, place at) {
  return std::lower_bound(chunk.begin(), chunk.end(), at,
                          [](const auto& x, place y) { return x.at < y; });
}

auto step(size_t index) {
  return static_cast<std::ptrdiff_t>(index);
}

} // namespace

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
      || (chunks_.back().entries.size() == chunk_max
          && chunks_.back().entries.back().at < at)) {
    chunks_.push_back({at, {{at, item}}});
    return;
  }
  auto index = chunk_of(at);
  if (chunks_[index].entries.size() == chunk_max) {
    split(index);
    index = chunk_of(at);
  }
  auto& target = chunks_[index];
  target.entries.insert(find_in(target.entries, at), entry{at, item});
  target.first = target.entries.front().at;
}

void sequence::split(size_t index) {
  auto& from = chunks_[index].entries;
  const auto half = from.begin() + step(chunk_max / 2);
  chunk upper{half->at, {half, from.end()}};
  from.erase(half, from.end());
  chunks_.insert(chunks_.begin() + step(index + 1), std::move(upper));
}

void sequence::erase(place at) {
  const auto index = chunk_of(at);
  auto& from = chunks_[index].entries;
  from.erase(find_in(from, at));
  --size_;
  if (from.empty()) {
    chunks_.erase(chunks_.begin() + step(index));
    return;
  }
  chunks_[index].first = from.front().at;
  if (from.size() < chunk_max / 4 && index + 1 < chunks_.size())
    merge(index);
}

void sequence::merge(size_t index) {
  auto& into = chunks_[index].entries;
  const auto& next = chunks_[index + 1].entries;
  if (into.size() + next.size() > chunk_max / 2)
    return;
  into.insert(into.end(), next.begin(), next.end());
  chunks_.erase(chunks_.begin() + step(index + 1));
}

size_t sequence::count_before(place at) const {
  if (empty() || at <= chunks_.front().first)
    return 0;
  if (chunks_.back().entries.back().at < at)
    return size_;
  const auto index = chunk_of(at);
  const auto& last = chunks_[index].entries;
  auto result = static_cast<size_t>(find_in(last, at) - last.begin());
  for (size_t i = 0; i < index; ++i)
    result += chunks_[i].entries.size();
  return result;
}

} // namespace tunerd
