#include "runtime/signals.hpp"

#include <csignal>
#include <unistd.h>

namespace tunerd {

namespace {

sigset_t waited_for() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR2})
    sigaddset(&set, number);
  return set;
}

} // namespace

signals::signals() {
  std::signal(SIGPIPE, SIG_IGN);
  // A shell starts background jobs with SIGINT ignored; ignored is not waited
  // for.
  std::signal(SIGINT, SIG_DFL);
  const auto set = waited_for();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int signals::wait() {
  const auto set = waited_for();
  int number = 0;
  while (sigwait(&set, &number) != 0) {
  }
  return number == SIGUSR2 ? 0 : number;
}

void signals::wake() {
  ::kill(::getpid(), SIGUSR2);
}

} // namespace tunerd
