#include "runtime/tunerctl/commands.hpp"

#include <CLI/CLI.hpp>
#include <curl/curl.h>

#include <functional>
#include <iostream>

using namespace tunerd::tunerctl;

namespace {

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

/// What the arguments ask for; filled while they are parsed.
struct request {
  target to = {};
  std::string output = "table";
  std::function<void(const session&)> run = {};

  // Of single commands.
  std::string id = {}, file = {}, provider = "replicate", status = {},
              since = {}, text = {}, decision = {}, external_id = {};
  std::vector<std::string> changes = {};
  std::string logger = {}, level = {};
  int limit = 50;
  int hours = 24;
  bool follow = false;
  bool as_json = false;
};

/// Adds a command that is run as `action`.
CLI::App* add(CLI::App& app, request& x, const std::string& name,
              const std::string& help,
              std::function<void(const session&)> action) {
  auto* command = app.add_subcommand(name, help);
  command->callback([&x, action = std::move(action)] { x.run = action; });
  return command;
}

void add_job_commands(CLI::App& app, request& x) {
  auto* command = add(app, x, "submit", "Submit a job", [&x](const session& s) {
    submit(s, x.file, x.provider);
  });
  command->add_option("FILE", x.file, "JSON of the submission, - for stdin")
    ->required();
  command->add_option("--provider", x.provider)->capture_default_str();

  command = add(app, x, "jobs", "List jobs, newest first",
                [&x](const session& s) { jobs(s, x.status, x.limit); });
  command->add_option("--status", x.status, "Only jobs in this status");
  command->add_option("--limit", x.limit)
    ->check(CLI::Range(1, 500))
    ->capture_default_str();

  add(app, x, "job", "Show one job", [&x](const session& s) { job(s, x.id); })
    ->add_option("JOB", x.id)
    ->required();
  add(app, x, "cancel", "Cancel a job",
      [&x](const session& s) { cancel(s, x.id); })
    ->add_option("JOB", x.id)
    ->required();

  command = add(app, x, "logs", "Print the output of a job",
                [&x](const session& s) { logs(s, x.id, x.follow); });
  command->add_option("JOB", x.id)->required();
  command->add_flag("--follow", x.follow, "Go on until the job is over");

  command = add(
    app, x, "resolve", "Settle an attempt that nobody else can settle",
    [&x](const session& s) { resolve(s, x.id, x.decision, x.external_id); });
  command->add_option("JOB", x.id)->required();
  command->add_option("DECISION", x.decision, "adopt, resubmit or fail")
    ->required()
    ->check(CLI::IsMember({"adopt", "resubmit", "fail"}));
  command->add_option("ID", x.external_id, "The provider's id, to adopt");
}

void add_queue_commands(CLI::App& app, request& x) {
  add(app, x, "queue", "Show what waits and what runs", queue);
  add(app, x, "why", "Say why a job does not run",
      [&x](const session& s) { why(s, x.id); })
    ->add_option("JOB", x.id)
    ->required();
  add(app, x, "limits", "Show or change the limits", [&x](const session& s) {
    limits(s, x.changes);
  })->add_option("CHANGE", x.changes, "e.g. max_concurrent=10");
}

void add_approval_commands(CLI::App& app, request& x) {
  auto* command
    = add(app, x, "approvals", "List requests for approval",
          [&x](const session& s) { approvals(s, x.status, x.limit); });
  command->add_option("--status", x.status, "Only these; all: every status")
    ->default_str("pending");
  command->add_option("--limit", x.limit)
    ->check(CLI::Range(1, 200))
    ->capture_default_str();

  command = add(app, x, "approve", "Let a job run",
                [&x](const session& s) { approve(s, x.id, x.text); });
  command->add_option("ID", x.id, "Of the request or of the job")->required();
  command->add_option("--notes", x.text);

  command = add(app, x, "reject", "Refuse a job",
                [&x](const session& s) { reject(s, x.id, x.text); });
  command->add_option("ID", x.id, "Of the request or of the job")->required();
  command->add_option("--reason", x.text)->required();

  command = add(app, x, "extend", "Move the deadline of a request",
                [&x](const session& s) { extend(s, x.id, x.hours); });
  command->add_option("ID", x.id, "Of the request")->required();
  command->add_option("--hours", x.hours, "From now")
    ->check(CLI::Range(1, 168))
    ->capture_default_str();
}

void add_operator_commands(CLI::App& app, request& x) {
  auto* command = add(app, x, "events", "Print events", [&x](const session& s) {
    events(s, x.since.empty() && !x.follow ? "0" : x.since, x.follow);
  });
  command->add_option("--since", x.since, "Resume behind this event id");
  command->add_flag("--follow", x.follow, "Go on until interrupted");

  command
    = add(app, x, "trace", "Show every line, event and change under one id",
          [&x](const session& s) {
            trace({s.to, s.json || x.as_json, s.out}, x.id);
          });
  command->add_option("CORRELATION_ID", x.id)->required();
  command->add_flag("--json", x.as_json, "The same as -o json");

  command = add(app, x, "log-level", "Show or change what is logged",
                [&x](const session& s) {
                  if (x.level.empty()) // alone it is a level
                    std::swap(x.logger, x.level);
                  log_level(s, x.logger, x.level);
                });
  command->add_option("LOGGER", x.logger,
                      "e.g. simpletuner.cloud.queue; left out: all others");
  command->add_option("LEVEL", x.level,
                      "DEBUG, INFO, WARNING, ERROR, CRITICAL, or default: the "
                      "logger has none of its own");
  add(app, x, "workers", "Show the workers", workers);
}

} // namespace

int main(int argc, char** argv) {
  request x;
  CLI::App app{"Talks to a running tunerd.", "tunerctl"};
  app.set_version_flag("--version", TUNERD_VERSION);
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 1 refused or not reached, 2 wrong usage.");
  app.add_option("--url", x.to.url, "Where tunerd listens")
    ->envname("TUNERD_URL")
    ->capture_default_str();
  app.add_option("--token", x.to.token, "Who asks")
    ->envname("SIMPLETUNER_API_KEY");
  app.add_option("-o,--output", x.output, "table or json")
    ->check(CLI::IsMember({"table", "json"}));
  add_job_commands(app, x);
  add_queue_commands(app, x);
  add_approval_commands(app, x);
  add_operator_commands(app, x);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : exit_usage;
  }
  while (!x.to.url.empty() && x.to.url.back() == '/')
    x.to.url.pop_back();
  curl_global_init(CURL_GLOBAL_DEFAULT);
  try {
    x.run(session{x.to, x.output == "json", std::cout});
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "tunerctl: " << e.what() << '\n';
    return exit_failure;
  }
}
