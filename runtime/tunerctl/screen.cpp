#include "runtime/tunerctl/screen.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ostream>
#include <sstream>
#include <string_view>
#include <thread>

namespace tunerd::tunerctl {

namespace {

// The other screen, without cursor and without wrapping of long lines.
constexpr std::string_view enter = "\033[?1049h\033[?25l\033[?7l";
constexpr std::string_view leave = "\033[?7h\033[?25h\033[?1049l";
constexpr size_t rows_usual = 24;

void put(std::string_view text) {
  while (!text.empty()) {
    const auto count = ::write(STDOUT_FILENO, text.data(), text.size());
    if (count <= 0)
      return;
    text.remove_prefix(static_cast<size_t>(count));
  }
}

/// Restores the terminal and lets the signal do what it does to everybody.
void give_back(int signal) {
  put(leave);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

/// Restores the terminal for as long as the program is stopped.
void stop(int signal) {
  give_back(signal);
  sigset_t its;
  sigemptyset(&its);
  sigaddset(&its, signal);
  pthread_sigmask(SIG_UNBLOCK, &its, nullptr); // here it stops
  std::signal(signal, stop);
  put(enter);
}

} // namespace

bool is_terminal() {
  return ::isatty(STDOUT_FILENO) == 1;
}

bool has_colours() {
  const auto* term = std::getenv("TERM");
  return is_terminal() && std::getenv("NO_COLOR") == nullptr && term != nullptr
         && std::string_view{term} != "dumb";
}

std::string redrawn(const std::string& text, size_t rows) {
  std::string result = "\033[H";
  std::istringstream lines{text};
  std::string line;
  for (size_t i = 0; i < rows && std::getline(lines, line); ++i)
    result += (i == 0 ? "" : "\r\n") + line + "\033[K";
  return result + "\033[J";
}

screen::screen() {
  put(enter);
  for (const auto signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
    std::signal(signal, give_back);
  std::signal(SIGTSTP, stop);
}

screen::~screen() {
  for (const auto signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP})
    std::signal(signal, SIG_DFL);
  put(leave);
}

size_t screen::rows() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0)
    return rows_usual;
  return size.ws_row;
}

void screen::show(const std::string& text) {
  put(redrawn(text, rows()));
}

void watch(const session& s, const std::function<void(const session&)>& command,
           int seconds) {
  const std::chrono::seconds pause{seconds};
  if (s.json || !is_terminal())
    for (;; std::this_thread::sleep_for(pause)) {
      command(s);
      s.out.flush();
    }
  screen terminal;
  for (;; std::this_thread::sleep_for(pause)) {
    std::ostringstream text;
    try {
      command({s.to, false, text, s.colour});
    } catch (const failure& e) {
      text << "tunerctl: " << harmless(e.what()) << '\n';
    }
    terminal.show(text.str());
  }
}

} // namespace tunerd::tunerctl
