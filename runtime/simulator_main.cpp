#include "actors/provider_gateway/curl_thread.hpp"
#include "actors/replicate_simulator/replicate_simulator.hpp"

#include <CLI/CLI.hpp>

#include <csignal>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>

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

/// @returns what sends webhooks through `thread`.
auto deliver_through(curl_thread& thread) {
  return [&thread](http_request request, std::function<void(bool)> done) {
    const auto answered = [done](const http_response& x) {
      done(x.status >= 200 && x.status < 300);
    };
    if (!thread.submit(std::move(request), answered))
      done(false);
  };
}

curl_settings client_settings() {
  curl_settings result;
  result.monotonic = [] {
    return caf::timespan{std::chrono::steady_clock::now().time_since_epoch()};
  };
  return result;
}

std::string read_file(const std::string& path) {
  std::ifstream in{path};
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void serve_until_signalled(replicate_simulator::options opts) {
  const auto ending = block_signals();
  curl_thread client{client_settings()};
  opts.deliver = deliver_through(client);
  replicate_simulator simulator{std::move(opts)};
  simulator.start();
  std::cout << "Replicate simulator listening on " << simulator.base_url()
            << std::endl;
  int signal = 0;
  sigwait(&ending, &signal);
  // What it still sends comes back to it.
  client.stop();
  simulator.stop();
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Speaks Replicate's API for practice.", "tunerd-simulator"};
  app.set_version_flag("--version", TUNERD_VERSION);
  std::random_device device;
  std::mt19937_64 engine{device()};
  replicate_simulator::options opts;
  opts.port = 8771;
  opts.clock = [] {
    return std::chrono::time_point_cast<timestamp::duration>(
      std::chrono::system_clock::now());
  };
  opts.random = [&engine] { return engine(); };
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
  std::string script;
  app.add_option("--script", script, "Faults, see docs/SIMULATOR.md")
    ->check(CLI::ExistingFile);
  uint64_t seed = 0;
  const auto* seeded
    = app.add_option("--seed", seed, "Of ids and faults; default random");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (seeded->count() > 0)
    engine.seed(seed);
  if (!script.empty())
    opts.script = read_file(script);
  opts.timings.queue = std::chrono::milliseconds{queue_ms};
  opts.timings.run = std::chrono::milliseconds{run_ms};
  try {
    serve_until_signalled(std::move(opts));
  } catch (const std::exception& e) {
    std::cerr << "tunerd-simulator: " << e.what() << '\n';
    return 1;
  }
}
