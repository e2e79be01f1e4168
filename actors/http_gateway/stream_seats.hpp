#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace tunerd {

/// Bounds how many log streams a client has. Any thread; copies share the
/// count, and so do the seats, which may outlive them all.
class stream_seats {
public:
  /// Free again when the last copy is gone.
  using seat = std::shared_ptr<const std::string>;

  stream_seats();

  /// @returns a seat for `client`; null if it has `count_max` already.
  seat take(const std::string& client, size_t count_max) const;

private:
  struct cell;
  std::shared_ptr<cell> cell_;
};

} // namespace tunerd
