#include "actors/support/log_thread.hpp"

#include <csignal>

namespace tunerd {

namespace {

/// @returns a thread that leaves the program's signals to the program.
std::thread start(const std::function<void()>& work) {
  sigset_t all, before;
  sigfillset(&all);
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    sigdelset(&all, number);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread result{work};
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return result;
}

} // namespace

log_thread::log_thread()
  : order_(std::make_shared<std::atomic<order>>(order::none)),
    driver_([order_now = order_] {
      auto idle = order::none; // a stop is not overwritten
      order_now->compare_exchange_strong(idle, order::write);
      order_now->notify_one();
    }),
    thread_(start([this] { run(); })) {
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
