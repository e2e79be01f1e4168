#pragma once

#include "actors/sse_broadcaster/event_feed.hpp"
#include "actors/support/metrics.hpp"

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tunerd {

/// Where the bytes of one subscriber go: its socket, or a recorder in tests.
class byte_sink {
public:
  /// Closes it.
  virtual ~byte_sink() = default;

  /// Writes as much of `parts` as there is room for, without blocking.
  /// @returns the number of bytes taken; none if the peer has gone.
  virtual std::optional<size_t> write(std::span<const std::string_view> parts)
    = 0;

  /// Forgets what was taken and not yet delivered; it is closed next.
  virtual void abandon() {
  }
};

/// One stream: a cursor over the log. It holds no queue, only what is half
/// written, one page of a replay and at most one heartbeat.
///
/// A stream goes on from the ring while the ring covers its position. If not,
/// it asks the log for a page, writes it, and looks again.
class subscriber {
public:
  /// @param gaps Counts what it is told it cannot get; outlives it.
  subscriber(uint64_t number, const open_stream& request,
             std::unique_ptr<byte_sink> sink, counter& gaps);

  /// What `drain` ended with.
  enum class outcome : uint8_t {
    /// Everything is written.
    idle,
    /// It had its turn; there is more.
    more,
    /// The sink takes nothing now: somebody calls again when it does.
    blocked,
    /// The peer has gone.
    gone,
  };

  /// Writes what there is, a bounded amount.
  outcome drain(event_feed& feed, timestamp now);

  /// Takes over the page it asked for.
  /// @returns false if the log does not help: the stream cannot go on.
  bool take(replay_page page, const event_feed& feed);

  /// Makes it send a heartbeat after what it writes now.
  void owe_heartbeat() noexcept {
    owes_heartbeat_ = true;
  }

  /// Says good-bye where the stream is between two frames.
  void part(int64_t retry_milliseconds);

  /// Leaves nothing of the stream behind: who does not read, or may not, gets
  /// no more of it.
  void abandon() {
    sink_->abandon();
  }

  /// @returns whether what comes next for it has left the ring, while it was
  /// not reading.
  bool is_overtaken(const event_feed& feed) const;

  bool is_blocked() const noexcept {
    return blocked_;
  }

  /// @returns how often it has written something.
  uint64_t progress() const noexcept {
    return progress_;
  }

  /// @returns the bytes of the page it holds.
  size_t page_bytes() const noexcept {
    return page_bytes_;
  }

  const context& ctx() const noexcept {
    return ctx_;
  }

  const std::string& client() const noexcept {
    return client_;
  }

  /// @returns the name of the token that let it in; empty for none.
  const std::string& token() const noexcept {
    return filter_.who.token;
  }

private:
  // -- steps of drain ---------------------------------------------------------
  bool place(const event_feed& feed);
  void tell(const event_gap& gap);
  frame_batch next_batch(const event_feed& feed);
  void add_from_page(frame_batch& batch) const;
  outcome write(const frame_batch& batch);
  void advance(size_t bytes, const frame_batch& batch);
  void finish(const event_frame_ptr& frame);
  bool has_own_work(int64_t upto, timestamp now);
  void ask_the_log(event_feed& feed);

  uint64_t number_;
  context ctx_;
  std::string client_;
  subscription filter_;
  stream_start start_;
  std::unique_ptr<byte_sink> sink_;
  counter& gaps_;

  bool placed_ = false;
  /// Everything up to here is written, filtered out or covered by a gap.
  int64_t position_ = 0;
  /// Our own frames: head, connection, gap, heartbeat. Only grows while
  /// nothing is half written, so it is never more than those.
  std::string text_;
  /// Half written; its first `offset_` bytes are out. Also of `text_`.
  event_frame_ptr current_;
  size_t offset_ = 0;
  /// What the log gave and is not yet written.
  std::deque<event_frame_ptr> page_;
  size_t page_bytes_ = 0;
  int64_t page_upto_ = 0;
  bool demanding_ = false;
  /// It went on from the ring when it was last looked at.
  bool follows_ring_ = false;
  bool owes_heartbeat_ = false;
  bool blocked_ = false;
  uint64_t progress_ = 0;
};

} // namespace tunerd
