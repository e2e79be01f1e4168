#include "actors/support/log_thread.hpp"

namespace tunerd {

log_thread::log_thread()
  : order_(std::make_shared<std::atomic<order>>(order::none)),
    driver_([order_now = order_] {
      auto idle = order::none; // a stop is not overwritten
      order_now->compare_exchange_strong(idle, order::write);
      order_now->notify_one();
    }),
    thread_([this] { run(); }) {
}

log_thread::~log_thread() {
  *order_ = order::stop;
  order_->notify_one();
  thread_.join();
}

void log_thread::run() {
  for (;;) {
    order_->wait(order::none);
    auto next = order::write;
    order_->compare_exchange_strong(next, order::none);
    drain_log();
    if (next == order::stop)
      return;
  }
}

} // namespace tunerd
