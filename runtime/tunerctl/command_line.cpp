#include "runtime/tunerctl/command_line.hpp"

#include "runtime/tunerctl/completion.hpp"
#include "runtime/tunerctl/top.hpp"

#include <CLI/CLI.hpp>

#include <ostream>
#include <utility>

namespace tunerd::tunerctl {

namespace {

using line = command_line;

/// Adds a command that is run as `action`.
CLI::App* add(CLI::App& app, line& x, const std::string& name,
              const std::string& help,
              std::function<void(const session&)> action) {
  auto* command = app.add_subcommand(name, help);
  command->callback([&x, action = std::move(action)] { x.run = action; });
  return command;
}

/// Adds a command about one object, whose id it wants.
CLI::App* add_about(CLI::App& app, line& x, const std::string& name,
                    const std::string& what, const std::string& help,
                    void (*action)(const session&, const std::string&)) {
  auto* command = add(app, x, name, help,
                      [&x, action](const session& s) { action(s, x.id); });
  command->add_option(what, x.id)->required();
  return command;
}

/// Lets a list be shown again and again.
void add_watch(CLI::App* command, line& x) {
  command->add_flag("--watch{2}", x.watch_seconds,
                    "Show it again every 2 s, or --watch=SECONDS");
}

void add_limit(CLI::App* command, line& x, int max) {
  command->add_option("--limit", x.limit, "At most so many")
    ->check(CLI::Range(1, max))
    ->capture_default_str();
}

// -- jobs ---------------------------------------------------------------------

void add_job_commands(CLI::App& app, line& x) {
  auto* command = add(app, x, "submit", "Submit a job", [&x](const session& s) {
    submit(s, x.file, x.provider);
  });
  command->add_option("FILE", x.file, "JSON of the submission, - for stdin")
    ->required();
  command->add_option("--provider", x.provider)->capture_default_str();

  command = add(app, x, "jobs", "List jobs, newest first",
                [&x](const session& s) { jobs(s, x.status, x.limit); });
  command->add_option("--status", x.status, "Only jobs in this status");
  add_limit(command, x, 500);
  add_watch(command, x);

  add_about(app, x, "job", "JOB", "Show one job", job);
  add_about(app, x, "progress", "JOB", "Say how far a job is", progress);
  add_about(app, x, "cancel", "JOB", "Cancel a job", cancel);
  add_about(app, x, "delete", "JOB", "Delete a job that is over", erase);
  command = add(app, x, "sync", "Import jobs that the provider knows of",
                [&x](const session& s) { sync(s, x.provider); });
  command->add_option("--provider", x.provider)->capture_default_str();

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

// -- queue --------------------------------------------------------------------

void add_queue_commands(CLI::App& app, line& x) {
  auto* command = add(
    app, x, "queue", "Show what waits and what runs", [&x](const session& s) {
      x.own || !x.user.empty() ? queue_of(s, x.user) : queue(s, x.status);
    });
  auto* own = command->add_flag("--me", x.own, "Only what is mine");
  command->add_option("--user", x.user, "Only what is this user's")
    ->excludes(own);
  command->add_option("--status", x.status, "Only entries in this status");
  add_watch(command, x);

  add_about(app, x, "why", "JOB", "Say why a job does not run", why);
  add_about(app, x, "position", "JOB", "Say when it is the turn of a job",
            position);
  add_watch(add(app, x, "stats", "Count the queue and its costs", stats), x);

  command = add(app, x, "priority", "Change the priority of a waiting job",
                [&x](const session& s) { priority(s, x.id, x.priority); });
  command->add_option("JOB", x.id)->required();
  command->add_option("PRIORITY", x.priority, "0 to 50, or none")->required();

  add(app, x, "limits", "Show or change the limits", [&x](const session& s) {
    limits(s, x.changes);
  })->add_option("CHANGE", x.changes, "e.g. max_concurrent=10");
  add(app, x, "process", "Dispatch at once what can run", process);
  add(app, x, "cleanup", "Take old entries out of the queue's lists",
      [&x](const session& s) { cleanup(s, x.days); })
    ->add_option("--days", x.days, "Those that ended before")
    ->check(CLI::Range(1, 365))
    ->capture_default_str();
}

// -- approvals ----------------------------------------------------------------

void add_decisions(CLI::App& app, line& x) {
  auto* command = add(app, x, "approve", "Let jobs run",
                      [&x](const session& s) { approve(s, x.ids, x.text); });
  command->add_option("ID", x.ids, "Of the requests or of the jobs")
    ->required();
  command->add_option("--notes", x.text);

  command = add(app, x, "reject", "Refuse jobs",
                [&x](const session& s) { reject(s, x.ids, x.text); });
  command->add_option("ID", x.ids, "Of the requests or of the jobs")
    ->required();
  command->add_option("--reason", x.text)->required();

  add_about(app, x, "cancel-request", "ID",
            "Take a request for approval back, and its job", cancel_request);

  add(app, x, "expire", "Let expire now what is past its deadline", expire);

  command = add(app, x, "extend", "Move the deadline of a request",
                [&x](const session& s) { extend(s, x.id, x.hours); });
  command->add_option("ID", x.id, "Of the request")->required();
  command->add_option("--hours", x.hours, "From now")
    ->check(CLI::Range(1, 168))
    ->capture_default_str();
}

/// Adds an option whose text may be empty, which is not the same as none.
void add_text(CLI::App* command, const std::string& name,
              std::optional<std::string>& y, const std::string& help = {}) {
  command->add_option_function<std::string>(
    name, [&y](const std::string& text) { y = text; }, help);
}

void add_rule_options(CLI::App* command, rule_wanted& y) {
  add_text(command, "--description", y.description);
  command->add_option("--priority", y.priority, "The highest is judged first");
  add_text(command, "--provider", y.provider, "Only jobs for it");
  add_text(command, "--level", y.level, "Only callers of this level");
  command
    ->add_option_function<std::vector<std::string>>(
      "--exempt",
      [&y](auto names) {
        std::erase(names, "");
        y.exempt = std::move(names);
      },
      "Levels that it does not concern")
    ->delimiter(',');
  add_text(command, "--approver", y.approver, "The least level to approve");
  command->add_option("--deadline-seconds", y.deadline_seconds,
                      "How long a request may wait");
}

void add_rule_commands(CLI::App& app, line& x) {
  add_watch(add(app, x, "rules", "List the approval rules", rules), x);
  add(app, x, "conditions", "List what a rule can look at", conditions);
  add_about(app, x, "delete-rule", "ID", "Delete an approval rule",
            delete_rule);

  auto* command = add(app, x, "create-rule", "Create an approval rule",
                      [&x](const session& s) { create_rule(s, x.rule); });
  auto& y = x.rule;
  command->add_option("NAME", y.name)->required();
  command->add_option("CONDITION", y.condition, "See the command conditions")
    ->required();
  add_text(command, "THRESHOLD", y.threshold);
  add_rule_options(command, y);

  command = add(app, x, "change-rule",
                "Change or switch an approval rule; \"\" or 0 takes back",
                [&x](const session& s) { change_rule(s, x.id, x.rule); });
  command->add_option("ID", x.id)->required();
  command->add_option("--name", y.name);
  command->add_option("--condition", y.condition, "See the command conditions");
  add_text(command, "--threshold", y.threshold);
  command->add_option("--active", y.active, "on or off")
    ->check(CLI::IsMember({"on", "off"}));
  add_rule_options(command, y);
}

void add_approval_commands(CLI::App& app, line& x) {
  auto* command
    = add(app, x, "approvals", "List requests for approval",
          [&x](const session& s) { approvals(s, x.status, x.limit, x.own); });
  command->add_option("--status", x.status, "Only these; all: every status")
    ->default_str("pending");
  command->add_flag("--me", x.own, "Only what is mine");
  add_limit(command, x, 200);
  add_watch(command, x);
  add_about(app, x, "request", "ID",
            "Show a request for approval, by its id or that of its job",
            request);
  add_decisions(app, x);
  add_rule_commands(app, x);
}

// -- providers ----------------------------------------------------------------

void add_money_commands(CLI::App& app, line& x) {
  add(app, x, "costs", "Show what jobs cost",
      [&x](const session& s) { costs(s, x.days); })
    ->add_option("--days", x.days, "Up to now")
    ->check(CLI::Range(1, 365))
    ->capture_default_str();
  add(app, x, "cost-limit", "Show the cost limit of a provider",
      [&x](const session& s) { cost_limit(s, x.provider); })
    ->add_option("--provider", x.provider)
    ->capture_default_str();
}

void add_provider_commands(CLI::App& app, line& x) {
  add_watch(add(app, x, "providers", "Show the providers", providers), x);
  auto* command
    = add(app, x, "provider", "Show or change the settings of a provider",
          [&x](const session& s) { provider(s, x.id, x.changes); });
  command->add_option("NAME", x.id, "e.g. replicate")->required();
  command->add_option("CHANGE", x.changes, "e.g. cost_limit_amount=50");
  add_about(app, x, "validate", "PROVIDER", "Try the credential of a provider",
            validate);
  add(app, x, "polling", "Show or set whether jobs are polled",
      [&x](const session& s) { polling(s, x.decision); })
    ->add_option("SETTING", x.decision, "on, off, or auto: if no webhook is")
    ->check(CLI::IsMember({"on", "off", "auto"}));
  command = add(app, x, "test-webhook", "Call a webhook to see if it is taken",
                [&x](const session& s) { test_webhook(s, x.webhook); });
  auto& y = x.webhook;
  command->add_option("URL", y.url, "https only")->required();
  command->add_option("--provider", y.provider, "In whose name");
  command->add_option("--method", y.method);
  command->add_option("--timeout", y.timeout_seconds, "Seconds")
    ->check(CLI::Range(1, 30))
    ->capture_default_str();
  add_money_commands(app, x);
}

// -- operators ----------------------------------------------------------------

void add_log_commands(CLI::App& app, line& x) {
  auto* command
    = add(app, x, "trace", "Show every line, event and change under one id",
          [&x](const session& s) {
            trace({.to = s.to,
                   .json = s.json || x.as_json,
                   .out = s.out,
                   .to_terminal = s.to_terminal},
                  x.id);
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
}

void add_operator_commands(CLI::App& app, line& x) {
  auto* command = add(app, x, "events", "Print events", [&x](const session& s) {
    events(s, x.since.empty() && !x.follow ? "0" : x.since, x.follow);
  });
  command->add_option("--since", x.since, "Resume behind this event id");
  command->add_flag("--follow", x.follow, "Go on until interrupted");

  add_log_commands(app, x);
  add_watch(add(app, x, "workers", "Show the workers", workers), x);
  command = add(app, x, "worker", "Start, stop or refresh a worker",
                [&x](const session& s) { worker(s, x.id, x.decision); });
  command->add_option("NAME", x.id)->required();
  command->add_option("ACTION", x.decision, "start, stop or refresh")
    ->required()
    ->check(CLI::IsMember({"start", "stop", "refresh"}));
  add_watch(add(app, x, "health", "Show how the parts are", health), x);
  add(app, x, "metrics", "Print the metrics", [&x](const session& s) {
    metrics(s, x.text);
  })->add_option("PREFIX", x.text, "Only those whose names begin so");

  command = add(app, x, "top", "Watch workers, queue, providers and events",
                [&x](const session& s) { top(s, x.once); });
  command->add_flag("--once", x.once, "Print it once");

  command
    = add(app, x, "completion", "Print the completion of a shell",
          [&x, &app](const session& s) { s.out << completion(app, x.shell); });
  command->add_option("SHELL", x.shell, "bash, zsh or fish")
    ->required()
    ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

} // namespace

void describe(CLI::App& app, command_line& x) {
  app.require_subcommand(1);
  app.fallthrough(); // options of all commands may stand behind the command
  app.footer("Exit codes: 0 done, 1 refused, not reached or some of several "
             "failed, 2 wrong usage.");
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
  add_provider_commands(app, x);
  add_operator_commands(app, x);
}

} // namespace tunerd::tunerctl
