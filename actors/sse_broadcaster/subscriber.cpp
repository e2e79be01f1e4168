#include "actors/sse_broadcaster/subscriber.hpp"

#include <algorithm>
#include <utility>

namespace tunerd {

namespace {

/// Writes of one stream before it is the next one's turn.
constexpr int writes_per_turn = 4;

} // namespace

subscriber::subscriber(uint64_t number, const open_stream& request,
                       std::unique_ptr<byte_sink> sink, counter& gaps)
  : number_(number), ctx_(request.ctx),
    client_(request.client), filter_{request.who, request.types,
                                     request.job_id},
    start_(parse_start(request.last_event_id)), sink_(std::move(sink)),
    gaps_(gaps), text_(request.accepted) {
}

subscriber::outcome subscriber::drain(event_feed& feed, timestamp now) {
  if (!placed_ && !place(feed))
    return outcome::idle; // until the actor has found the log
  for (int i = 0; i < writes_per_turn; ++i) {
    const auto batch = next_batch(feed);
    if (batch.size == 0 && text_.empty()) {
      if (has_own_work(batch.upto, now))
        continue;
      ask_the_log(feed);
      return outcome::idle;
    }
    if (auto result = write(batch); result != outcome::more)
      return result;
  }
  return outcome::more;
}

bool subscriber::place(const event_feed& feed) {
  const auto live = feed.live_position();
  if (!live)
    return false;
  if (start_.from == stream_start::kind::live)
    start_.after = *live;
  text_ += connection_frame(start_.after);
  position_ = start_.after;
  if (start_.from == stream_start::kind::malformed) {
    const auto from = std::min<int64_t>(1, *live);
    tell({from, *live, gap_reason::malformed_id});
  }
  return placed_ = true;
}

void subscriber::tell(const event_gap& gap) {
  gaps_.add();
  text_ += gap_frame(gap);
  position_ = gap.to;
}

frame_batch subscriber::next_batch(const event_feed& feed) {
  frame_batch batch;
  batch.upto = position_;
  if (!page_.empty()) {
    add_from_page(batch);
    return batch;
  }
  if (current_) {
    batch.frames[batch.size++] = current_;
    batch.upto = current_->id;
  }
  follows_ring_ = feed.collect(batch.upto, filter_, batch);
  return batch;
}

void subscriber::add_from_page(frame_batch& batch) const {
  batch.size = std::min(page_.size(), batch.frames.size());
  std::copy_n(page_.begin(), batch.size, batch.frames.begin());
  batch.upto
    = batch.size == page_.size() ? page_upto_ : page_[batch.size - 1]->id;
}

bool subscriber::has_own_work(int64_t upto, timestamp now) {
  if (upto > position_) { // nothing for it up to there
    position_ = upto;
    return true;
  }
  if (!std::exchange(owes_heartbeat_, false))
    return false;
  text_ = heartbeat_frame(position_, now);
  return true;
}

void subscriber::ask_the_log(event_feed& feed) {
  if (demanding_ || follows_ring_)
    return;
  demanding_ = true;
  feed.demand({number_, position_, ctx_});
}

subscriber::outcome subscriber::write(const frame_batch& batch) {
  std::array<std::string_view, batch_frames_max + 1> parts;
  size_t count = 0;
  size_t total = 0;
  const auto add = [&](const std::string& bytes) {
    // Only the first part can be half written.
    parts[count] = std::string_view{bytes}.substr(count == 0 ? offset_ : 0);
    total += parts[count++].size();
  };
  if (!text_.empty())
    add(text_);
  for (size_t i = 0; i < batch.size; ++i)
    add(batch.frames[i]->bytes);
  const auto taken = sink_->write(std::span{parts}.first(count));
  if (!taken)
    return outcome::gone;
  blocked_ = *taken < total;
  if (*taken > 0)
    ++progress_;
  advance(*taken, batch);
  return blocked_ ? outcome::blocked : outcome::more;
}

void subscriber::advance(size_t bytes, const frame_batch& batch) {
  if (!text_.empty()) {
    const auto rest = text_.size() - offset_;
    if (bytes < rest) {
      offset_ += bytes;
      return;
    }
    bytes -= rest;
    offset_ = 0;
    text_ = {};
  }
  for (size_t i = 0; i < batch.size; ++i) {
    const auto& frame = batch.frames[i];
    const auto rest = frame->bytes.size() - offset_;
    if (bytes < rest) {
      offset_ += bytes;
      current_ = offset_ > 0 ? frame : nullptr;
      return;
    }
    bytes -= rest;
    finish(frame);
  }
  position_ = batch.upto;
}

void subscriber::finish(const event_frame_ptr& frame) {
  offset_ = 0;
  current_ = nullptr;
  position_ = frame->id;
  if (!page_.empty()) {
    page_bytes_ -= frame->bytes.size();
    page_.pop_front();
  }
}

bool subscriber::take(replay_page page, const event_feed& feed) {
  // Meanwhile the ring may have covered it, and it may have gone on.
  if (!std::exchange(demanding_, false) || page.after != position_)
    return true;
  if (page.plan.gap)
    tell(*page.plan.gap);
  for (auto& frame : page.frames) {
    if (frame->id <= position_ || !wants(filter_, *frame))
      continue;
    page_bytes_ += frame->bytes.size();
    page_.push_back(std::move(frame));
  }
  page_upto_ = page.plan.upto;
  if (page_.empty())
    position_ = std::max(position_, page_upto_);
  return !page_.empty() || position_ > page.after || feed.covers(position_);
}

void subscriber::part(int64_t retry_milliseconds) {
  if (!placed_ || !text_.empty() || current_)
    return; // a frame cut in the middle counts as not sent
  const auto hint = retry_hint(retry_milliseconds);
  const std::array<std::string_view, 1> parts{hint};
  sink_->write(parts);
}

bool subscriber::is_overtaken(const event_feed& feed) const {
  return blocked_ && follows_ring_
         && !feed.covers(current_ ? current_->id : position_);
}

} // namespace tunerd
