#include "actors/http_gateway/stream_seats.hpp"

#include <mutex>
#include <unordered_map>

namespace tunerd {

struct stream_seats::cell {
  std::mutex mutex;
  /// Who has none is not here.
  std::unordered_map<std::string, size_t> taken;
};

stream_seats::stream_seats() : cell_(std::make_shared<cell>()) {
}

stream_seats::seat stream_seats::take(const std::string& client,
                                      size_t count_max) const {
  auto name = std::make_unique<const std::string>(client);
  {
    std::lock_guard guard{cell_->mutex};
    auto& count = cell_->taken[client];
    if (count >= count_max)
      return nullptr;
    ++count;
  }
  return {name.release(), [cell = cell_](const std::string* x) {
            const std::unique_ptr<const std::string> owned{x};
            std::lock_guard guard{cell->mutex};
            const auto i = cell->taken.find(*owned);
            if (--i->second == 0)
              cell->taken.erase(i);
          }};
}

} // namespace tunerd
