#pragma once

#include <caf/timestamp.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tunerd {

/// Where a job stands among those of its base level: since when it waits, then
/// its row. Rows are unique, so places are.
using place = std::pair<caf::timestamp, int64_t>;

/// Jobs in order of their places. Problem: a lane has one job or a million, a
/// choice takes the first, a question counts those before a place, and a tree
/// costs as much memory as the job and a cache miss per step. Idea: sorted
/// chunks in a vector, each with room at both ends. To append or to take the
/// first is O(1) amortized and touches one end of one chunk; anything else is a
/// binary search, a move towards the nearer end of its chunk, and to count also
/// O(n / 256) steps over sizes that lie side by side.
class sequence {
public:
  struct entry {
    place at;
    /// The caller's number of the job.
    uint32_t item;
  };

  bool empty() const {
    return size_ == 0;
  }

  size_t size() const {
    return size_;
  }

  /// @pre !empty()
  const entry& front() const {
    return *chunks_.front().begin();
  }

  /// @pre No entry is there.
  void insert(place at, uint32_t item);

  /// @pre An entry is there.
  void erase(place at);

  /// @returns how many stand before `at`, which need not be taken.
  size_t count_before(place at) const;

  /// Calls `visit(item)` in order until it returns false.
  template <class F>
  void visit_until(F visit) const {
    for (const auto& part : chunks_)
      for (auto x = part.begin(); x != part.end(); ++x)
        if (!visit(x->item))
          return;
  }

private:
  struct chunk {
    /// Of the first entry; here so that a search touches no other chunk.
    place first;
    /// So many at the begin of `entries` have left.
    size_t gone = 0;
    std::vector<entry> entries;

    size_t size() const {
      return entries.size() - gone;
    }
    const entry* begin() const {
      return entries.data() + gone;
    }
    const entry* end() const {
      return entries.data() + entries.size();
    }
    /// @returns how many of it stand before `at`.
    size_t count_before(place at) const;
    void insert(place at, uint32_t item);
    /// @pre An entry is there. It is not the only one.
    void erase(place at);
  };

  /// @returns the only chunk that may have an entry at `at`. @pre !empty()
  size_t chunk_of(place at) const;

  /// Closes the gap at its begin, or moves its upper half to a chunk of its
  /// own.
  void make_room(size_t index);
  /// Takes the next one in, if both are small.
  void merge(size_t index);

  /// None is empty. Grows and shrinks with the jobs that wait.
  std::vector<chunk> chunks_;
  size_t size_ = 0;
};

} // namespace tunerd
