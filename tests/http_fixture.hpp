#pragma once

#include "actors/http_gateway/http_gateway.hpp"

#include "tests/deterministic.hpp"
#include "tests/log_capture.hpp"

#include <nlohmann/json.hpp>

#include <deque>
#include <random>

namespace tunerd::test {

using nlohmann::json;

/// The server: keeps every answer.
struct recorder : http_exchange {
  std::map<uint64_t, std::vector<http_reply>> replies;
  std::vector<uint64_t> handed_over;
  bool can_stream = true;

  void reply(uint64_t id, http_reply answer) override {
    replies[id].push_back(std::move(answer));
  }
  void begin(uint64_t id, http_reply head, stream_listener listener) override {
    if (!can_stream)
      return http_exchange::begin(id, std::move(head), std::move(listener));
    replies[id].push_back(std::move(head));
  }
  void hand_over(uint64_t id, std::function<void(int)> taker) override {
    handed_over.push_back(id);
    taker(77);
  }
};

/// What all fake workers share: how they answer next.
struct mood {
  /// Answered instead of a result.
  caf::error failure = {};
  /// Does not answer; a tick makes it answer late.
  bool silent = false;
  std::vector<std::function<void()>> late = {};
  /// Every message with a context.
  std::vector<context> seen = {};
};

/// Answers what it did not answer.
inline void wake(mood& m) {
  for (auto& answer : std::exchange(m.late, {}))
    answer();
}

/// @returns `result` as `m` wants it.
template <class T>
caf::result<T> respond(caf::event_based_actor* self, mood& m,
                       const context& ctx, T result) {
  m.seen.push_back(ctx);
  if (m.failure)
    return m.failure;
  if (!m.silent)
    return result;
  auto promise = self->make_response_promise<T>();
  m.late.push_back([promise, result]() mutable { promise.deliver(result); });
  return promise;
}

/// The HTTP GATEWAY between fake workers. What these know by themselves is
/// below; a test adds or overrides what it needs in `more_of_...` and calls
/// `start` again.
struct gateway_fixture : deterministic {
  std::shared_ptr<recorder> server = std::make_shared<recorder>();
  outside world{[this] { return now(); }, [this] { return ++drawn; }};
  uint64_t drawn = 0;
  std::shared_ptr<call_gate> gate
    = std::make_shared<call_gate>(world, call_gate::limits{});
  uint64_t last_id = 0;

  mood of_store, of_scheduler, of_providers, of_supervisor;
  /// What the store holds and was told.
  job stored{.id = "j1", .provider = "replicate", .user_id = "local"};
  bool idempotent_hit = false;
  std::vector<submit_job> submitted;
  std::vector<list_jobs> listed;
  std::vector<list_queue> queue_listed;
  std::vector<set_limits> changed;
  std::vector<prepare_job> prepared;
  std::vector<get_queue_positions> asked;
  std::map<std::string, int64_t> places;
  /// The place of jobs that `places` does not know.
  caf::optional<int64_t> place_of_others = caf::none;
  std::vector<worker_state> workers{{"store", worker_phase::running},
                                    {"http_gateway", worker_phase::running}};
  std::vector<open_stream> streams;
  std::vector<provider_summary> provider_summaries{
    {.name = "replicate", .is_configured = true}};
  std::vector<breaker_status> breakers{
    {.name = "replicate-api", .provider = "replicate"}};

  /// Tried before the fakes' own behaviours.
  caf::message_handler more_of_store, more_of_scheduler, more_of_providers,
    more_of_poller, more_of_expirer, more_of_supervisor;
  mood of_poller, of_expirer, of_sink, of_reader;
  /// What the log sink was told, and the levels that it says.
  std::vector<change_log_level> level_changes;
  log_levels levels;
  /// What the log reader was asked, and what it finds.
  std::vector<find_log_lines> searched;
  log_lines_found log_found{.ctx = {}, .has_file = true};

  /// Of the next `start`.
  http_gateway_settings settings;

  caf::actor store, scheduler, providers, poller, expirer, broadcaster, sink,
    reader, supervisor;
  http_gateway_actor aut;

  gateway_fixture();

  /// Starts everybody (anew), with `settings` and `more_of_...`.
  void start();

  void crash();

  /// @returns `more`, then `own`.
  template <class... Fs>
  static caf::behavior with(const caf::message_handler& more, Fs... own) {
    return caf::behavior{more.or_else(std::move(own)...)};
  }

  caf::actor spawn_fake(const caf::message_handler& more, mood& of_it);

  caf::actor spawn_store();

  caf::actor spawn_scheduler();

  caf::actor spawn_providers();

  caf::actor spawn_sink();

  caf::actor spawn_reader();

  /// Lets a request in. @returns its id.
  uint64_t begin(http_call call, std::string correlation_id = "corr-1");

  /// @returns the only answer to `id`.
  http_reply answer_to(uint64_t id);

  http_reply call(std::string method, std::string target,
                  std::string body = {});

  /// @returns the body of a 200.
  json get(std::string target);

  json post(std::string target, const json& body);

  /// Fails unless `reply` is that error.
  void check_error(const http_reply& reply, int status, const char* error);

  /// @returns the names of the contexts that `m` has seen.
  static bool all_corr_1(const mood& m);
};

} // namespace tunerd::test
