#include "runtime/tunerctl/commands.hpp"

#include <CLI/CLI.hpp>
#include <curl/curl.h>

#include <iostream>

using namespace tunerd::tunerctl;

int main(int argc, char** argv) {
  CLI::App app{"Talks to a running tunerd.", "tunerctl"};
  app.set_version_flag("--version", TUNERD_VERSION);
  app.require_subcommand(1);
  target to;
  std::string output = "table";
  app.add_option("--url", to.url, "Where tunerd listens")
    ->envname("TUNERD_URL")
    ->capture_default_str();
  app.add_option("--token", to.token, "Who asks")
    ->envname("SIMPLETUNER_API_KEY");
  app.add_option("-o,--output", output, "table or json")
    ->check(CLI::IsMember({"table", "json"}));

  std::string id, file, provider = "replicate", status, since;
  int limit = 50;
  bool follow = false;

  auto* submit_ = app.add_subcommand("submit", "Submit a job");
  submit_->add_option("FILE", file, "JSON of the submission, - for stdin")
    ->required();
  submit_->add_option("--provider", provider)->capture_default_str();
  auto* jobs_ = app.add_subcommand("jobs", "List jobs, newest first");
  jobs_->add_option("--status", status, "Only jobs in this status");
  jobs_->add_option("--limit", limit)
    ->check(CLI::Range(1, 500))
    ->capture_default_str();
  auto* job_ = app.add_subcommand("job", "Show one job");
  job_->add_option("JOB", id)->required();
  auto* cancel_ = app.add_subcommand("cancel", "Cancel a job");
  cancel_->add_option("JOB", id)->required();
  auto* queue_ = app.add_subcommand("queue", "Show what waits and what runs");
  auto* events_ = app.add_subcommand("events", "Print events");
  events_->add_option("--since", since, "Resume behind this event id");
  events_->add_flag("--follow", follow, "Go on until interrupted");
  auto* workers_ = app.add_subcommand("workers", "Show the workers");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  while (!to.url.empty() && to.url.back() == '/')
    to.url.pop_back();

  curl_global_init(CURL_GLOBAL_DEFAULT);
  const session s{to, output == "json", std::cout};
  try {
    if (*submit_)
      submit(s, file, provider);
    else if (*jobs_)
      jobs(s, status, limit);
    else if (*job_)
      job(s, id);
    else if (*cancel_)
      cancel(s, id);
    else if (*queue_)
      queue(s);
    else if (*events_)
      events(s, since.empty() && !follow ? "0" : since, follow);
    else if (*workers_)
      workers(s);
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "tunerctl: " << e.what() << '\n';
    return 1;
  }
}
