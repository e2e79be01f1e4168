#include "tests/bench/bench.hpp"

#include <CLI/CLI.hpp>

namespace tunerd::bench {

void add_log(CLI::App& app) {
  app.add_subcommand("log", "The log");
}

} // namespace tunerd::bench
