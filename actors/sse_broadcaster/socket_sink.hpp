#pragma once

#include "actors/sse_broadcaster/subscriber.hpp"

namespace tunerd {

/// The socket of a subscriber. Owns the descriptor.
class socket_sink : public byte_sink {
public:
  /// Makes it non-blocking and bounds what the kernel keeps for it.
  explicit socket_sink(int descriptor);

  /// Sends what the kernel has, then closes.
  ~socket_sink() override;

  socket_sink(const socket_sink&) = delete;
  socket_sink& operator=(const socket_sink&) = delete;

  std::optional<size_t> write(std::span<const std::string_view> parts) override;

  /// Resets the connection: otherwise the kernel would keep what the peer does
  /// not read long after the close.
  void abandon() override;

  int descriptor() const noexcept {
    return descriptor_;
  }

private:
  int descriptor_;
  bool abandoned_ = false;
};

} // namespace tunerd
