#include "actors/support/log_crash.hpp"

#include "actors/support/log_core.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cxxabi.h>
#include <exception>
#include <poll.h>
#include <string_view>
#include <unistd.h>

namespace tunerd {

namespace {

constexpr logger log{"simpletuner.cloud.tasks"};

struct fatal_signal {
  int number;
  std::string_view name;
  /// What was there before.
  struct sigaction before = {};
};

std::array<fatal_signal, 5> fatal_signals{{{SIGSEGV, "SIGSEGV"},
                                           {SIGBUS, "SIGBUS"},
                                           {SIGFPE, "SIGFPE"},
                                           {SIGILL, "SIGILL"},
                                           {SIGABRT, "SIGABRT"}}};
std::terminate_handler terminate_before = nullptr;

/// The thread that dies first; 0 while nobody does.
std::atomic<pid_t> first{0};

/// Whether the log has a line already that says why.
std::atomic<bool> told{false};

/// Enough to format a line on; SIGSTKSZ is too small.
constexpr size_t stack_bytes = 64 * 1024;

/// Lets the handler before ours have the signal.
void pass_on(const fatal_signal& died_of, const siginfo_t* cause) noexcept {
  ::sigaction(died_of.number, &died_of.before, nullptr);
  // A fault happens again when its instruction does, with the registers that
  // the core shall show; what somebody has sent must be sent again.
  if (cause->si_code <= 0)
    ::raise(died_of.number);
}

void die(int number, siginfo_t* cause, void*) noexcept {
  const auto* died_of = &fatal_signals[0];
  while (died_of->number != number)
    ++died_of;
  pid_t nobody = 0;
  if (first.compare_exchange_strong(nobody, ::gettid()))
    dump_log(told ? std::string_view{} : "Fatal signal {}", died_of->name);
  else
    while (nobody != ::gettid())
      ::poll(nullptr, 0, 1'000); // until the first one ends the process
  pass_on(*died_of, cause);
}

/// Logs what nobody has caught.
void log_exception_in_flight() noexcept {
  constexpr const char* text = "Terminating on an uncaught exception: {}";
  try {
    if (const auto current = std::current_exception())
      std::rethrow_exception(current);
    log.critical("Terminating without an exception");
  } catch (const std::exception& e) {
    log.critical(text, e);
  } catch (...) {
    const auto* type = abi::__cxa_current_exception_type();
    log.critical(text, log_exception{"not a std::exception", type});
  }
}

[[noreturn]] void terminate() noexcept {
  log_exception_in_flight();
  told = true;
  if (terminate_before != nullptr)
    terminate_before();
  std::abort();
}

/// Faults of this thread are handled on a stack of their own.
void use_own_stack() {
  alignas(std::max_align_t) static std::array<char, stack_bytes> stack;
  stack_t before = {};
  if (::sigaltstack(nullptr, &before) != 0
      || (before.ss_flags & SS_DISABLE) == 0)
    return; // somebody's, for example a sanitizer's, does as well
  const stack_t ours{
    .ss_sp = stack.data(), .ss_flags = 0, .ss_size = stack.size()};
  ::sigaltstack(&ours, nullptr);
}

bool install() {
  count_log_lines(); // makes the log
  use_own_stack();
  terminate_before = std::set_terminate(terminate);
  struct sigaction ours = {};
  ours.sa_sigaction = die;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (auto& one : fatal_signals)
    ::sigaction(one.number, &ours, &one.before);
  return true;
}

} // namespace

void install_crash_handlers() {
  static const bool done = install();
  static_cast<void>(done);
}

} // namespace tunerd
