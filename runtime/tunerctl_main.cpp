#include "runtime/tunerctl/command_line.hpp"
#include "runtime/tunerctl/screen.hpp"

#include <CLI/CLI.hpp>
#include <curl/curl.h>

#include <iostream>

using namespace tunerd::tunerctl;

namespace {

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

} // namespace

int main(int argc, char** argv) {
  command_line x;
  CLI::App app{"Talks to a running tunerd.", "tunerctl"};
  app.set_version_flag("--version", TUNERD_VERSION);
  describe(app, x);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : exit_usage;
  }
  while (!x.to.url.empty() && x.to.url.back() == '/')
    x.to.url.pop_back();
  curl_global_init(CURL_GLOBAL_DEFAULT);
  try {
    const auto is_json = x.output == "json";
    const session s{x.to, is_json, std::cout, !is_json && has_colours(),
                    is_terminal()};
    if (x.watch_seconds > 0)
      watch(s, x.run, x.watch_seconds);
    else
      x.run(s);
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "tunerctl: " << harmless(e.what()) << '\n';
    return exit_failure;
  }
}
