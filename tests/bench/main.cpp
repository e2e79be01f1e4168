#include "tests/bench/bench.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

// tunerd-bench: what tunerd costs, beside what else one could use. Prints one
// JSON object. Machines differ and share their cores: compare within one run.

int main(int argc, char** argv) {
  CLI::App app{"Measures tunerd", "tunerd-bench"};
  app.require_subcommand(1);
  tunerd::bench::add_approvals(app);
  tunerd::bench::add_log(app);
  tunerd::bench::add_pickup(app);
  tunerd::bench::add_poll(app);
  tunerd::bench::add_queue(app);
  tunerd::bench::add_sse(app);
  CLI11_PARSE(app, argc, argv);
}
