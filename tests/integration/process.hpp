#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

// Real programs, real sockets on loopback, real signals. Only tests in this
// folder may sleep.

namespace tunerd::test {

/// A child process with its output in a file. Killed when it goes out of scope.
class process {
public:
  /// @param arguments Program first.
  /// @param env Added to the environment of the test.
  process(std::vector<std::string> arguments,
          std::map<std::string, std::string> env, std::string output_file);
  ~process();

  process(const process&) = delete;
  process& operator=(const process&) = delete;

  void signal(int number) const;

  /// Waits at most `limit`. @returns the exit code, 128 + N after signal N, or
  /// -1 if it still runs.
  int wait(std::chrono::milliseconds limit = std::chrono::seconds{15});

  bool running();

  pid_t pid() const {
    return pid_;
  }

  /// @returns everything it has written so far.
  std::string output() const;

  /// @returns the lines of the output that are JSON objects.
  std::vector<nlohmann::json> log_lines() const;

private:
  pid_t pid_ = -1;
  int status_ = -1;
  std::string output_file_;
};

/// A directory that is removed with everything in it.
class scratch {
public:
  scratch();
  ~scratch();
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;

  std::string path;
};

/// Asks again and again, every 20 ms. @returns whether it came true in time.
bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds limit = std::chrono::seconds{30});

/// An answer to an HTTP call; status 0 if there was none.
struct answer {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;

  nlohmann::json json() const {
    return nlohmann::json::parse(body, nullptr, false);
  }
};

/// Makes one call and blocks for at most 10 s.
answer call(const std::string& method, const std::string& url,
            const std::string& body = {},
            const std::vector<std::string>& headers = {});

/// tunerd as a process on a free port.
class tunerd_process {
public:
  /// @param settings YAML below `tunerd:`... as text, may be empty.
  tunerd_process(const scratch& dir, std::vector<std::string> arguments,
                 std::map<std::string, std::string> env = {},
                 const std::string& yaml = {});

  /// Waits until it is ready. @returns whether it became so.
  bool ready(std::chrono::milliseconds limit = std::chrono::seconds{20});

  /// @returns the answer to a call of the path.
  answer get(const std::string& path) const;
  answer post(const std::string& path, const nlohmann::json& body,
              const std::vector<std::string>& headers = {}) const;

  /// Submits a job with this input. @returns its id, or "" if not acknowledged.
  std::string submit(const nlohmann::json& input,
                     const std::string& user = "local",
                     const std::string& correlation_id = {}) const;

  /// @returns how many jobs are in `status`.
  int64_t count(const std::string& status) const;

  /// "http://127.0.0.1:PORT", known once ready.
  std::string url;
  process child;

private:
  static int next_run();
};

/// tunerd-simulator as a process on a free port.
class simulator_process {
public:
  simulator_process(const scratch& dir, int queue_ms, int run_ms);

  /// @returns what it was asked so far.
  nlohmann::json stats() const;

  std::string url;

private:
  process child_;
};

/// @returns a port that was free a moment ago.
int free_port();

} // namespace tunerd::test
