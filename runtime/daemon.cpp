#include "runtime/daemon.hpp"

#include "actors/replicate_simulator/replicate_simulator.hpp"
#include "actors/store/postgres.hpp"
#include "actors/support/log_core.hpp"
#include "actors/support/redaction.hpp"
#include "messages/error.hpp"
#include "runtime/caf_output.hpp"
#include "runtime/configuration_file.hpp"
#include "runtime/log_changes.hpp"
#include "runtime/workers.hpp"

#include <caf/actor_ostream.hpp>
#include <caf/actor_registry.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <ctime>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

namespace tunerd {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr logger log{"simpletuner.cloud.tasks"};

/// Time for all workers to run, and for all of them to end.
constexpr auto start_limit = 30s;
constexpr auto grace = 10s;
/// Time for requests under way when the daemon stops.
constexpr auto request_grace = 2s;

uint64_t random_bits() {
  uint64_t bits = 0;
  while (::getrandom(&bits, sizeof bits, 0) != sizeof bits) {
  }
  return bits;
}

outside real_world() {
  return {.now = system_clock_now, .random = random_bits};
}

config::environment environment_of(const daemon_options& options) {
  if (options.read_environment)
    return process_environment;
  return [](const std::string&) { return std::nullopt; };
}

/// @returns time that only moves forward and counts what the machine was
/// suspended: a lease does not wait for a node that sleeps.
caf::timespan since_boot() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds{now.tv_sec}
         + std::chrono::nanoseconds{now.tv_nsec};
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data()
                                                          : "localhost";
}

/// @returns how this node leads, if others may share its database.
std::optional<cluster_settings> cluster_of(const config::settings& values) {
  if (!sql::is_postgres(config::database_place(values.storage_section)))
    return std::nullopt;
  const auto& http = values.http_section;
  const auto port = std::to_string(http.port);
  const auto& chosen = values.cluster_section.node;
  const auto node = chosen.empty() ? host_name() + ":" + port : chosen;
  const auto host = http.host.find(':') == std::string::npos
                      ? http.host
                      : "[" + http.host + "]";
  return cluster_settings{
    .me = {.name = node,
           .incarnation = node + "/" + random_hex(random_bits, 12),
           .url = "http://" + host + ":" + port},
    .rules = {.length = values.cluster_section.lease},
    .lead = std::make_shared<leadership>(since_boot),
    .random = random_bits};
}

struct system_config : caf::actor_system_config {
  system_config() {
    add_message_types<caf::id_block::tunerd>();
    add_message_types<caf::id_block::tunerd_cluster>();
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", size_t{2});
  }
};

/// Lets `supervisor` end its workers and itself, unless it has ended already.
/// @returns whether it did so in time.
bool await_end(caf::actor_system& sys, const supervisor_actor& supervisor,
               steady::time_point deadline) {
  bool ended = false;
  caf::scoped_actor self{sys};
  self->monitor(supervisor);
  self->send_exit(supervisor, caf::exit_reason::user_shutdown);
  bool waiting = true;
  self->receive_while(waiting)(
    [&](const caf::down_msg&) {
      waiting = false;
      ended = true;
    },
    caf::after(std::max<caf::timespan>(deadline - steady::now(), 0ms)) >>
      [&] { waiting = false; });
  return ended;
}

bool wait_until(steady::time_point deadline, const std::function<bool()>& test,
                std::chrono::milliseconds pause = 1ms) {
  while (!test()) {
    if (steady::now() > deadline)
      return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

/// @returns whether a setting takes effect without a restart.
bool is_live(const std::string& key) {
  constexpr std::array live{"auth.",
                            "background.job_status_polling.",
                            "network.",
                            "tunerd.approvals.",
                            "tunerd.auth.",
                            "tunerd.http.rate_limit_",
                            "tunerd.logging.",
                            "tunerd.queue.enable_fair_share",
                            "tunerd.queue.max_concurrent",
                            "tunerd.queue.org_max_concurrent",
                            "tunerd.queue.provider_max_concurrent",
                            "tunerd.queue.team_max_concurrent",
                            "tunerd.queue.user_max_concurrent"};
  return std::any_of(live.begin(), live.end(), [&key](const char* prefix) {
    return key.starts_with(prefix);
  });
}

/// Names what differs and cannot be changed while the daemon runs.
void warn_of_restarts(const std::vector<config::setting>& before,
                      const std::vector<config::setting>& after) {
  std::map<std::string, std::string> old;
  for (const auto& x : before)
    old[x.key] = x.value;
  for (const auto& x : after)
    if (old[x.key] != x.value && !is_live(x.key))
      log.warning("{} is now '{}': takes effect with a restart", x.key,
                  redacted(x.value));
}

/// Drains the log while its sink cannot be kept alive.
class log_fallback {
public:
  void start() {
    std::lock_guard guard{mutex_};
    if (!thread_.joinable())
      thread_ = std::jthread([](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          drain_log();
          std::this_thread::sleep_for(100ms);
        }
      });
  }

private:
  std::mutex mutex_;
  std::jthread thread_;
};

} // namespace

/// Everything that exists only while the daemon runs, in order of creation.
struct running_daemon {
  running_daemon(const daemon_options& options, config::settings settings,
                 std::function<void(const std::string&)> on_failure);

  void serve();
  void await_workers();
  bool stop() noexcept;

  /// Applies what `fresh` changes and can be changed.
  void reload(const config::settings& fresh);

  /// Sends a request and blocks for its answer.
  /// @throws std::runtime_error if there is none.
  template <class Answer, class Handle, class Message>
  Answer ask(const Handle& to, caf::timespan timeout, const Message& message);

  config::settings values;
  std::shared_ptr<log_fallback> fallback = std::make_shared<log_fallback>();
  std::unique_ptr<replicate_simulator> simulator;
  resources shared;
  std::shared_ptr<http_server> server;
  system_config cfg;
  caf_output words_of_caf;
  std::optional<caf::actor_system> system;
  std::optional<addresses> at;
  supervisor_actor supervisor_handle;
  std::shared_ptr<std::atomic<bool>> stopping
    = std::make_shared<std::atomic<bool>>(false);
};

running_daemon::running_daemon(
  const daemon_options& options, config::settings settings,
  std::function<void(const std::string&)> on_failure)
  : values(std::move(settings)) {
  const auto world = real_world();
  if (options.simulate) {
    simulator = std::make_unique<replicate_simulator>(
      replicate_simulator::options{.clock = world.now, .random = world.random});
    simulator->start();
    auto& provider = values.replicate_section;
    provider.base_url = simulator->base_url();
    provider.token = "simulator";
    if (provider.version.empty())
      provider.version = "simpletuner/simulator:demo";
    // Nobody bills its calls; another value than the usual one is obeyed.
    const config::replicate usual;
    if (provider.creates_per_minute == usual.creates_per_minute)
      provider.creates_per_minute *= 100;
    if (provider.requests_per_minute == usual.requests_per_minute)
      provider.requests_per_minute *= 100;
    // Nothing of what is practised costs money.
    values.simpletuner_io_section.refresh_token.clear();
  }
  const live<config::outbound> network{values.outbound_section};
  const auto own_lease = cluster_of(values);
  shared
    = {.database = std::make_shared<sql::database>(
         config::database_place(values.storage_section),
         sql::database_options{.now = world.now}),
       .outbound = std::make_shared<curl_thread>(curl_settings{
         .outbound = network,
         .in_flight_max
         = static_cast<size_t>(values.replicate_section.max_in_flight
                               + values.simpletuner_io_section.max_in_flight),
         .monotonic
         = [] { return caf::timespan{steady::now().time_since_epoch()}; },
         .may_change
         = [own_lease] { return !own_lease || own_lease->lead->holds(); }}),
       .streams = nullptr,
       .calls = std::make_shared<call_gate>(world, call_gate::limits{}),
       .secrets = std::make_shared<config::secrets>(
         environment_of(options), values.storage_section.state_dir),
       .settings = {},
       .counts = std::make_shared<metrics>(),
       .world = world,
       .started_at = world.now(),
       .on_log_sink_given_up = [f = fallback] { f->start(); }};
  shared.is_simulated = options.simulate;
  shared.cluster = own_lease;
  shared.settings.network = network;
  shared.settings.set(values);
  shared.streams = std::make_shared<sse_fanout>(
    values.sse_section, shared.counts, shared.settings.auth);
  for (const auto& text : shared.secrets->warnings)
    log.warning("{}", text);
  auto& token = values.replicate_section.token;
  if (token.empty())
    token = shared.secrets->find("REPLICATE_API_TOKEN").value_or("");
  if (token.empty())
    log.warning("No token for provider replicate: it will refuse every job");
  if (auto& other = values.simpletuner_io_section.refresh_token;
      other.empty() && !options.simulate)
    other = shared.secrets->find("SIMPLETUNER_IO_REFRESH_TOKEN").value_or("");
  server = std::make_shared<http_server>(
    http_server::options{.host = values.http_section.host,
                         .port = values.http_section.port,
                         .refuse =
                           [gate = shared.calls](int status,
                                                 const std::string& text,
                                                 const http_headers& headers) {
                             return gate->refuse(status, text, headers);
                           }},
    calls_into(shared.calls));
  shared.calls->serve(server);
  system.emplace(cfg);
  caf::actor_ostream::redirect_all(*system, words_of_caf.path());
  at.emplace(*system);
  supervisor_handle
    = system->spawn(supervisor, make_workers(*system, values, shared, *at),
                    supervisor_settings{.grace = grace,
                                        .out = world,
                                        .counts = shared.counts,
                                        .leads = !shared.cluster},
                    caf::actor_cast<event_log_actor>(at->store));
  caf::anon_send(caf::actor_cast<caf::actor>(at->supervisor),
                 incarnation{caf::actor_cast<caf::actor>(supervisor_handle)});
  caf::actor_cast<caf::abstract_actor*>(supervisor_handle)
    ->attach_functor([on_failure, flag = stopping](const caf::error& why) {
      if (!*flag && on_failure)
        on_failure("a worker cannot be kept alive: " + render(why));
    });
}

void running_daemon::serve() {
  server->start();
}

void running_daemon::await_workers() {
  caf::scoped_actor self{*system};
  std::string waiting_for = "supervisor";
  bool gave_up = false;
  const auto all_run_or_none = [&] {
    bool result = false;
    self->request(supervisor_handle, 5s, get_workers{{"start"}})
      .receive(
        [&](const worker_list& list) {
          result = true;
          for (const auto& w : list.workers)
            // Stopped: what only the leader has.
            if (w.phase != worker_phase::running
                && w.phase != worker_phase::stopped) {
              result = false;
              waiting_for = w.name + " " + w.last_error;
            }
        },
        [&](const caf::error& err) {
          gave_up = err == caf::sec::request_receiver_down;
        });
    return result || gave_up;
  };
  const auto deadline = steady::now() + start_limit;
  if (!wait_until(deadline, all_run_or_none) || gave_up)
    throw std::runtime_error{"no start: " + waiting_for};
  // A worker runs from its spawn on; this one is needed by the first caller.
  if (!wait_until(deadline, [this] { return shared.calls->is_open(); }))
    throw std::runtime_error{"no start: http-gateway does not serve"};
}

template <class Answer, class Handle, class Message>
Answer running_daemon::ask(const Handle& to, caf::timespan timeout,
                           const Message& message) {
  caf::scoped_actor self{*system};
  std::optional<Answer> result;
  std::string why;
  self->request(to, timeout, message)
    .receive([&](Answer& x) { result = std::move(x); },
             [&](const caf::error& err) { why = render(err); });
  if (!result)
    throw std::runtime_error{why};
  return *result;
}

void running_daemon::reload(const config::settings& fresh) {
  shared.settings.set(fresh);
  const context ctx{new_correlation_id(shared.world.random)};
  log_context scope{ctx};
  // Whoever follows the log reads the limits again.
  caf::scoped_actor self{*system};
  self->request(at->store, 5s, append_event{ctx, {.type = "limits_changed"}})
    .receive([](const event_appended&) {},
             [](const caf::error& err) {
               log.warning("Limits take effect with the next tick: {}",
                           render(err));
             });
  self->request(at->job_poller, 5s, refresh_polling{ctx})
    .receive([](const polling_status&) {},
             [](const caf::error& err) {
               log.warning("Polling takes effect with the next round: {}",
                           render(err));
             });
}

bool running_daemon::stop() noexcept {
  *stopping = true;
  const auto deadline = steady::now() + grace + 2s;
  server->stop(request_grace);
  shared.streams->stop();
  // It has named in the log what did not end.
  const bool supervised = await_end(*system, supervisor_handle, deadline);
  shared.outbound->stop();
  supervisor_handle = nullptr;
  at.reset();
  const bool ended = supervised && wait_until(deadline, [this] {
                       return system->registry().running() == 0;
                     });
  if (ended)
    system.reset();
  drain_log();
  return ended;
}

struct daemon::impl {
  daemon_options options;
  config::loaded config;
  std::unique_ptr<running_daemon> running;
};

daemon::daemon(daemon_options options) : impl_(std::make_unique<impl>()) {
  impl_->config = config::load({.yaml = options.yaml,
                                .file_name = options.file_name,
                                .env = environment_of(options),
                                .flags = options.settings});
  impl_->options = std::move(options);
}

daemon::~daemon() {
  stop();
}

void daemon::start() {
  if (impl_->running) {
    log.warning("Background task manager already running");
    return;
  }
  configure_logging(to_log_settings(impl_->config.values.logging_section));
  for (const auto& text : impl_->config.warnings)
    log.warning("{}", text);
  impl_->running = std::make_unique<running_daemon>(
    impl_->options, impl_->config.values, impl_->options.on_failure);
  try {
    impl_->running->serve();
    impl_->running->await_workers();
  } catch (...) {
    stop();
    throw;
  }
}

bool daemon::stop() noexcept {
  if (!impl_->running)
    return true;
  const bool ended = impl_->running->stop();
  if (ended)
    impl_->running.reset();
  else
    static_cast<void>(impl_->running.release()); // Its threads still use it.
  return ended;
}

std::string daemon::url() const {
  if (!impl_->running)
    return {};
  const auto& host = impl_->running->values.http_section.host;
  const auto port = std::to_string(impl_->running->server->port());
  return "http://"
         + (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":"
         + port;
}

std::string daemon::reload(const std::string& yaml) {
  config::loaded fresh;
  try {
    fresh = config::load({.yaml = yaml,
                          .file_name = impl_->options.file_name,
                          .env = environment_of(impl_->options),
                          .flags = impl_->options.settings});
  } catch (const config::error& e) {
    log.error("Settings not reloaded, the old ones stay: {}", e.what());
    return e.what();
  }
  // The socket stays where it is, whatever the file says now.
  if (impl_->running && fresh.values.auth_section.tokens.empty()
      && !config::is_loopback(impl_->running->values.http_section.host)) {
    const std::string why = "tunerd.auth.tokens: want at least one while other "
                            "machines can call";
    log.error("Settings not reloaded, the old ones stay: {}", why);
    return why;
  }
  const auto logged = current_log_settings();
  configure_logging(to_log_settings(fresh.values.logging_section));
  if (const auto changes = log_changes(logged, current_log_settings());
      !changes.empty())
    log.info("Logging changed: {}", changes);
  for (const auto& text : fresh.warnings)
    log.warning("{}", text);
  warn_of_restarts(impl_->config.effective, fresh.effective);
  if (impl_->running)
    impl_->running->reload(fresh.values);
  impl_->config = std::move(fresh);
  log.info("Settings reloaded");
  return {};
}

std::vector<worker_info> daemon::workers() const {
  if (!impl_->running)
    return {};
  auto& running = *impl_->running;
  const auto list = running.ask<worker_list>(
    running.supervisor_handle, 2s,
    get_workers{{new_correlation_id(running.shared.world.random)}});
  std::vector<worker_info> result;
  for (const auto& x : list.workers)
    result.push_back({x.name, to_string(x.phase), x.restarts, x.last_error});
  return result;
}

namespace {

polling_info to_info(const polling_status& x) {
  return {x.is_active,
          std::chrono::duration_cast<std::chrono::seconds>(x.interval),
          x.source};
}

} // namespace

polling_info daemon::refresh_polling_state() {
  if (!impl_->running)
    throw std::runtime_error{"the daemon does not run"};
  auto& running = *impl_->running;
  return to_info(running.ask<polling_status>(
    running.at->job_poller, 5s,
    refresh_polling{{new_correlation_id(running.shared.world.random)}}));
}

polling_info daemon::polling_state() const {
  if (!impl_->running)
    throw std::runtime_error{"the daemon does not run"};
  auto& running = *impl_->running;
  return to_info(running.ask<polling_status>(
    running.at->job_poller, 5s,
    get_polling_status{{new_correlation_id(running.shared.world.random)}}));
}

void daemon::reopen_log() {
  reopen_log_file();
}

std::string daemon::describe() const {
  size_t width = 0;
  for (const auto& x : impl_->config.effective)
    width = std::max(width, x.key.size() + x.value.size());
  std::string result;
  for (const auto& x : impl_->config.effective)
    result += x.key + ": " + x.value
              + std::string(width - x.key.size() - x.value.size() + 2, ' ')
              + "# " + x.origin + "\n";
  return result;
}

const std::vector<std::string>& daemon::warnings() const {
  return impl_->config.warnings;
}

} // namespace tunerd
