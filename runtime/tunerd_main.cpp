#include "runtime/configuration_file.hpp"
#include "runtime/daemon.hpp"
#include "runtime/signals.hpp"

#include "actors/support/log_crash.hpp"
#include "config/settings.hpp"

#include <CLI/CLI.hpp>

#include <atomic>
#include <csignal>
#include <iostream>
#include <sys/resource.h>
#include <unistd.h>

namespace {

constexpr int exit_failure = 1;
constexpr int exit_bad_configuration = 2;

/// Lets the process have as many descriptors as the system allows it: each
/// event stream is one.
void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Opens the log file again and reads the configuration again.
/// @param path Empty if there is no file.
void reload(tunerd::daemon& daemon, const std::string& path) {
  daemon.reopen_log();
  std::string problem;
  try {
    problem = daemon.reload(
      path.empty() ? std::string{} : tunerd::read_configuration_file(path));
  } catch (const tunerd::config::error& e) {
    problem = e.what();
  }
  if (!problem.empty())
    std::cerr << "tunerd: settings not reloaded: " << problem << '\n';
}

int run(tunerd::daemon& daemon, tunerd::signals& signals,
        const std::atomic<bool>& failed, const std::string& path) {
  daemon.start();
  std::cerr << "tunerd " TUNERD_VERSION " listens on " << daemon.url() << '\n';
  while (!failed) {
    const auto number = signals.wait();
    if (number == SIGHUP)
      reload(daemon, path);
    else if (number != 0)
      break;
  }
  if (!daemon.stop())
    ::_exit(exit_failure); // A thread hangs: destructors would wait for it.
  return failed ? exit_failure : 0;
}

} // namespace

int main(int argc, char** argv) {
  tunerd::signals signals;
  tunerd::install_crash_handlers();
  raise_descriptor_limit();
  tunerd::daemon_options options;
  std::atomic<bool> failed{false};
  CLI::App app{"Runs the background work of cloud training.", "tunerd"};
  app.set_version_flag("--version", "tunerd " TUNERD_VERSION);
  std::string file, listen, state_dir;
  bool check = false;
  app.add_option("--config", file, "Configuration file");
  app.add_option("--listen", listen, "HOST:PORT, port 0 for a free one");
  app.add_option("--state-dir", state_dir, "Where the database lies");
  app.add_flag("--simulate", options.simulate,
               "Run the Replicate simulator inside and use it");
  app.add_flag("--check-config", check,
               "Print the settings in force and where they come from");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : exit_bad_configuration;
  }
  if (!listen.empty())
    options.settings["tunerd.http.listen"] = listen;
  if (!state_dir.empty())
    options.settings["tunerd.storage.state_dir"] = state_dir;
  options.on_failure = [&](const std::string& why) {
    std::cerr << "tunerd: " << why << '\n';
    failed = true;
    signals.wake();
  };
  try {
    if (file.empty())
      file = tunerd::find_configuration_file();
    if (!file.empty()) {
      options.yaml = tunerd::read_configuration_file(file);
      options.file_name = file;
    }
    tunerd::daemon daemon{std::move(options)};
    for (const auto& warning : daemon.warnings())
      std::cerr << "tunerd: warning: " << warning << '\n';
    if (check) {
      std::cout << daemon.describe();
      return 0;
    }
    return run(daemon, signals, failed, file);
  } catch (const tunerd::config::error& e) {
    std::cerr << "tunerd: " << e.what() << '\n';
    return exit_bad_configuration;
  } catch (const std::exception& e) {
    std::cerr << "tunerd: " << e.what() << '\n';
    return exit_failure;
  }
}
