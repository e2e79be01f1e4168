#pragma once

namespace tunerd {

/// Turns SIGTERM, SIGINT and SIGHUP into values that one thread waits for, so
/// that no code ever runs in a signal handler. Also ignores SIGPIPE.
class signals {
public:
  /// Blocks the signals in this thread and in all threads it starts later, so
  /// it comes first in `main`.
  signals();

  /// Blocks until a signal arrives. @returns its number, or 0 after `wake`.
  int wait();

  /// Ends one `wait`. Any thread.
  void wake();
};

} // namespace tunerd
