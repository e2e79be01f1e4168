#include "actors/sse_broadcaster/event_ring.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace tunerd;

namespace {

event_frame_ptr frame(int64_t id, size_t size_bytes) {
  return std::make_shared<const event_frame>(
    event_frame{id, "t", {}, {}, {}, std::string(size_bytes, 'x')});
}

/// What a ring is meant to be: everything, cut to size after each append.
struct ring_model {
  size_t frames_max, bytes_max;
  int64_t after = 0, cursor = 0;
  std::deque<event_frame_ptr> frames = {};

  void append(const std::vector<event_frame_ptr>& page, int64_t upto) {
    for (const auto& x : page)
      if (x->id > cursor) {
        frames.push_back(x);
        cursor = x->id;
      }
    cursor = std::max(cursor, upto);
    while (frames.size() > 1 && !fits()) {
      after = frames.front()->id;
      frames.pop_front();
    }
  }

  bool fits() const {
    return frames.size() <= frames_max && size_bytes() <= bytes_max;
  }

  size_t size_bytes() const {
    size_t result = 0;
    for (const auto& x : frames)
      result += x->bytes.size();
    return result;
  }

  std::vector<int64_t> above(int64_t id) const {
    std::vector<int64_t> result;
    for (const auto& x : frames)
      if (x->id > id)
        result.push_back(x->id);
    return result;
  }
};

std::vector<int64_t> above(const event_ring& ring, int64_t id) {
  std::vector<int64_t> result;
  for (auto i = ring.above(id); i != ring.end(); ++i)
    result.push_back((*i)->id);
  return result;
}

} // namespace

TEST_CASE("a ring is the newest part of the log, within its bounds",
          "[sse][E1][E3]") {
  for (unsigned run = 0; run < 150; ++run) {
    const auto seed = Catch::rngSeed() + run;
    INFO("seed " << seed);
    std::mt19937_64 rng{seed};
    const auto pick = [&rng](size_t n) { return rng() % n; };
    const size_t frames_max = 1 + pick(20), bytes_max = 1 + pick(400);
    event_ring ring{frames_max, bytes_max};
    const auto start = static_cast<int64_t>(pick(100));
    ring_model model{frames_max, bytes_max, start, start};
    ring.begin_at(start);
    for (int step = 0; step < 40; ++step) {
      // A page may repeat what is there; ids skip; some events have no frame.
      auto id = model.cursor - static_cast<int64_t>(pick(4));
      std::vector<event_frame_ptr> page;
      for (auto n = pick(6); n > 0; --n) {
        id += 1 + static_cast<int64_t>(pick(3));
        page.push_back(frame(id, 1 + pick(60)));
      }
      const auto upto = id + static_cast<int64_t>(pick(3));
      ring.append(page, upto);
      model.append(page, upto);
      REQUIRE(ring.after() == model.after);
      REQUIRE(ring.cursor() == model.cursor);
      REQUIRE(ring.size() == model.frames.size());
      REQUIRE(ring.size_bytes() == model.size_bytes());
      const auto probe = model.after + static_cast<int64_t>(pick(70)) - 5;
      REQUIRE(above(ring, probe) == model.above(probe));
    }
  }
}

TEST_CASE("a ring that begins again has forgotten everything", "[sse]") {
  event_ring ring{4, 1'000};
  ring.append({frame(3, 5), frame(7, 5)}, 8);
  ring.begin_at(100);
  CHECK(ring.after() == 100);
  CHECK(ring.cursor() == 100);
  CHECK(ring.size_bytes() == 0);
  CHECK(ring.above(0) == ring.end());
}
