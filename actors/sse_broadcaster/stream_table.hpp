#pragma once

#include "actors/sse_broadcaster/subscriber.hpp"
#include "actors/support/live.hpp"
#include "config/auth.hpp"
#include "config/sse.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <unordered_map>

namespace tunerd {

/// All streams, on the SSE thread. Overflow policy: who does not read is cut
/// and resumes by id; nobody waits for it.
class stream_table {
public:
  /// @param counts Kept up to date: subscribers, those that were refused or
  /// cut, gaps.
  /// @param rules Whom they no longer let in loses its streams.
  stream_table(event_feed& feed, const config::sse& settings,
               metrics_ptr counts = std::make_shared<metrics>(),
               live<config::auth> rules = {});

  /// Takes a stream over, or writes `request.refused` if it is one too many.
  /// @returns its number; 0 if it is not there (any more).
  uint64_t open(const open_stream& request, std::unique_ptr<byte_sink> sink);

  /// The sink of `stream` has room again. Ignored if it has gone.
  void writable(uint64_t stream);

  /// The peer of `stream` has gone.
  void close(uint64_t stream);

  void take(replay_page page);

  /// One second has passed.
  void beat(timestamp now);

  /// Makes `sweep` visit every stream.
  void request_sweep();

  /// Lets the next `count` streams write what is new to them.
  /// @returns whether there is more to do.
  bool sweep(size_t count);

  /// Tells every stream to come back, each a little later, and closes it.
  void close_all();

  size_t size() const noexcept {
    return streams_.size();
  }

private:
  struct stream {
    std::unique_ptr<subscriber> peer;
    /// The rules that let it in, or that it was last judged by.
    std::shared_ptr<const config::auth> let_in_by;
    bool judged = false;
    /// When it last wrote something, or had nothing to write: in beats.
    uint64_t moved_at = 0;
    uint64_t progress_seen = 0;
  };
  using stream_map = std::map<uint64_t, stream>;

  bool is_full_for(const std::string& client) const;
  /// @returns whether the stream is still there.
  bool drain(stream_map::iterator i);
  bool is_stalled(stream& x) const;
  /// @param now The rules of now.
  /// @returns whether they shut out whom those that let it in did not.
  bool has_lost_access(stream& x,
                       const std::shared_ptr<const config::auth>& now) const;
  void erase(stream_map::iterator i);
  void count_streams();
  void count_pages(size_t before, size_t after);

  event_feed& feed_;
  config::sse settings_;
  metrics_ptr counts_;
  live<config::auth> rules_;
  /// By number, rising. A stream leaves when it is closed.
  stream_map streams_;
  /// How many streams each client has; who has none is not here.
  std::unordered_map<std::string, int32_t> per_client_;
  uint64_t last_number_ = 0;
  uint64_t beats_ = 0;
  timestamp now_ = {};
  /// The sweep visits streams from this number on; 0 if there is none.
  uint64_t sweep_from_ = 0;
  bool sweep_again_ = false;
  /// Of all replay pages in memory.
  size_t page_bytes_ = 0;
};

} // namespace tunerd
