#include "actors/replicate_simulator/replicate_simulator.hpp"

#include <CLI/CLI.hpp>

#include <csignal>
#include <iostream>
#include <random>

using namespace tunerd;

namespace {

/// Blocks SIGTERM and SIGINT in this thread and those it will start.
sigset_t block_signals() {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  return ending;
}

void serve_until_signalled(replicate_simulator::options opts) {
  const auto ending = block_signals();
  replicate_simulator simulator{std::move(opts)};
  simulator.start();
  std::cout << "Replicate simulator listening on " << simulator.base_url()
            << std::endl;
  int signal = 0;
  sigwait(&ending, &signal);
  simulator.stop();
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Speaks Replicate's API for practice.", "tunerd-simulator"};
  app.set_version_flag("--version", TUNERD_VERSION);
  std::random_device device;
  replicate_simulator::options opts;
  opts.port = 8771;
  opts.clock = [] {
    return std::chrono::time_point_cast<timestamp::duration>(
      std::chrono::system_clock::now());
  };
  opts.random = [&] { return uint64_t{device()} << 32 | device(); };
  auto queue_ms = opts.timings.queue.count();
  auto run_ms = opts.timings.run.count();
  const CLI::Range a_week{0, 7 * 24 * 3'600'000};
  app.add_option("--port", opts.port, "0 takes a free one")
    ->capture_default_str();
  app.add_option("--host", opts.host)->capture_default_str();
  app.add_option("--queue-ms", queue_ms, "From creation to start")
    ->check(a_week)
    ->capture_default_str();
  app.add_option("--run-ms", run_ms, "From start to end")
    ->check(a_week)
    ->capture_default_str();
  app.add_option("--token", opts.token, "The only one accepted; default any");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  opts.timings.queue = std::chrono::milliseconds{queue_ms};
  opts.timings.run = std::chrono::milliseconds{run_ms};
  try {
    serve_until_signalled(std::move(opts));
  } catch (const std::exception& e) {
    std::cerr << "tunerd-simulator: " << e.what() << '\n';
    return 1;
  }
}
