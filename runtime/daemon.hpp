#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tunerd {

/// What a `daemon` is made of. The defaults are those of the program.
struct daemon_options {
  /// Contents of simpletuner-enterprise.yaml, not its path; empty for none.
  std::string yaml = {};
  /// What messages call the file.
  std::string file_name = "simpletuner-enterprise.yaml";
  /// Single settings by dotted key; they win over file and environment, e.g.
  /// {"tunerd.http.listen", "127.0.0.1:0"}.
  std::map<std::string, std::string> settings = {};
  /// Whether the environment variables of the documentation count.
  bool read_environment = true;
  /// Runs the Replicate simulator inside and talks to it instead.
  bool simulate = false;
  /// Called once, on a thread of the daemon, if it gives up by itself because
  /// a worker cannot be kept alive. Must not call `stop`.
  std::function<void(const std::string& why)> on_failure = {};
};

/// How one worker is.
struct worker_info {
  std::string name;
  /// "starting", "running", "restarting" or "stopped".
  std::string state;
  unsigned restarts = 0;
  /// Text of the last crash; empty if there was none.
  std::string last_error;
};

/// Whether jobs are polled, and why.
struct polling_info {
  bool is_active = false;
  std::chrono::seconds interval{0};
  /// "enterprise" (the file), "setting" (the API) or "auto".
  std::string source;
};

/// The whole service inside your process: owns its threads and its actors.
///
/// This header is the public API. It includes nothing of CAF, so that a
/// program that embeds the daemon does not depend on our choice of framework.
/// Call its functions from one thread at a time.
class daemon {
public:
  /// Reads and checks the settings; starts nothing.
  /// @throws std::runtime_error naming the first bad key and its range.
  explicit daemon(daemon_options options = {});

  /// Calls `stop`.
  ~daemon();

  daemon(const daemon&) = delete;
  daemon& operator=(const daemon&) = delete;

  /// Opens the database, starts the workers in order and returns when all of
  /// them run. Does nothing but warn in the log if it runs already.
  /// @throws std::runtime_error if the database, the address or a worker
  /// cannot be had; then nothing runs.
  void start();

  /// Stops the workers in reverse order and ends all threads; blocks for at
  /// most about 15 s. Does nothing if it does not run. May be started again.
  /// @returns false if a worker did not end in time: it is named in the log,
  /// and its threads and memory are given up until the process ends.
  bool stop() noexcept;

  /// @returns where it listens, e.g. "http://127.0.0.1:8770"; empty unless it
  /// runs.
  std::string url() const;

  /// Reads the settings again and applies what can change while it runs:
  /// tokens, rates, limits, polling, approvals, log level and format. The rest
  /// is named in the log as waiting for a restart. Blocks briefly.
  /// @param yaml Contents of the file as it is now.
  /// @returns an empty text, or what is wrong: then nothing has changed, and
  /// the log says so too.
  std::string reload(const std::string& yaml);

  /// Closes the log file and opens it again by name. Any thread.
  void reopen_log();

  /// @returns the workers in start order; none unless it runs. Blocks for at
  /// most 2 s.
  std::vector<worker_info> workers() const;

  /// Decides anew whether and how often to poll, and polls at once. Blocks for
  /// at most 5 s.
  /// @throws std::runtime_error if it does not run or the poller is restarting.
  polling_info refresh_polling_state();

  /// The same without a change.
  polling_info polling_state() const;

  /// @returns every setting in force, a line each, with its origin; secrets
  /// masked.
  std::string describe() const;

  /// @returns what a person should know about the settings, a line each.
  const std::vector<std::string>& warnings() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace tunerd
