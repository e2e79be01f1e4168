#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace tunerd::bench {

/// Something that streams events to whoever asks it over HTTP.
class sse_subject {
public:
  virtual ~sse_subject() = default;

  virtual uint16_t port() const = 0;

  /// Where a stream starts with what comes from now on.
  virtual std::string live_path() const = 0;

  /// Where it starts with all there is; "" if it keeps nothing.
  virtual std::string replay_path() const {
    return {};
  }

  /// Lets `count` events happen, each with the time in its data. Returns when
  /// they have, or earlier.
  virtual void publish(int count) = 0;

  /// Has `count` more events for replay, however they got there.
  virtual void remember(int64_t) {
  }

  /// @returns what the process that streams has in memory.
  virtual int64_t resident_bytes() const = 0;

  /// @returns the streams that were ended because nobody read them; -1 if it
  /// does not say.
  virtual int64_t cut() const {
    return -1;
  }
};

/// Accepts on loopback and reads the requests; a thread.
class sse_acceptor {
public:
  /// Gets the socket, which it owns from then on, and the target.
  using taker = std::function<void(int, const std::string&)>;

  explicit sse_acceptor(taker take);
  ~sse_acceptor();
  sse_acceptor(const sse_acceptor&) = delete;
  sse_acceptor& operator=(const sse_acceptor&) = delete;

  /// Returns when nothing is taken any more.
  void stop();

  uint16_t port() const {
    return port_;
  }

private:
  void run();

  taker take_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::thread thread_;
};

/// Of what a stream carries per event: its head, name and end included.
constexpr size_t sse_event_bytes = 250;

/// @returns what the process `pid` has in memory; 0: this one.
int64_t resident_bytes_of(int pid = 0);

/// The broadcaster and the SSE thread as in the daemon, in this process. The
/// HTTP server before them is a loop that accepts, the log behind them has no
/// disk.
std::unique_ptr<sse_subject> make_tunerd_streams();

/// A loop that writes each frame to each socket and keeps nothing: what the
/// kernel costs.
std::unique_ptr<sse_subject> make_raw_streams();

/// nginx with nchan, one worker.
/// @param directory Gets its files.
std::unique_ptr<sse_subject> make_nchan_streams(const std::string& directory,
                                                const std::string& nginx,
                                                const std::string& module);

} // namespace tunerd::bench
