#pragma once

#include "actors/http_gateway/http_gateway.hpp"

#include "tests/deterministic.hpp"
#include "tests/log_capture.hpp"

#include <nlohmann/json.hpp>

#include <caf/actor_cast.hpp>

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
  mood of_poller, of_expirer;

  /// Of the next `start`.
  http_gateway_settings settings;

  caf::actor store, scheduler, providers, poller, expirer, broadcaster,
    supervisor;
  http_gateway_actor aut;

  gateway_fixture() {
    gate->serve(server);
    start();
  }

  /// Starts everybody (anew), with `settings` and `more_of_...`.
  void start() {
    store = spawn_store();
    scheduler = spawn_scheduler();
    providers = spawn_providers();
    poller = spawn_fake(more_of_poller, of_poller);
    expirer = spawn_fake(more_of_expirer, of_expirer);
    broadcaster = sys.spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[](const events_appended&) {},
              [this](const open_stream& x) { streams.push_back(x); }};
    });
    supervisor = sys.spawn([this](caf::event_based_actor* me) -> caf::behavior {
      return with(more_of_supervisor, [this, me](const get_workers& x) {
        return respond(me, of_supervisor, x.ctx, worker_list{x.ctx, workers});
      });
    });
    for (auto& hdl : {store, scheduler, providers, poller, expirer, broadcaster,
                      supervisor})
      spawned.push_back(hdl);
    settings.world = world;
    settings.version = "1.2.3";
    settings.started_at = now();
    aut
      = spawn(http_gateway, settings, gate, caf::actor_cast<store_actor>(store),
              caf::actor_cast<queue_scheduler_actor>(scheduler),
              caf::actor_cast<provider_desk_actor>(providers),
              caf::actor_cast<job_poller_actor>(poller),
              caf::actor_cast<approval_expirer_actor>(expirer),
              caf::actor_cast<sse_broadcaster_actor>(broadcaster),
              caf::actor_cast<caf::weak_actor_ptr>(supervisor));
    settle();
  }

  void crash() {
    caf::anon_send_exit(aut, caf::exit_reason::kill);
    settle();
  }

  /// @returns `more`, then `own`.
  template <class... Fs>
  static caf::behavior with(const caf::message_handler& more, Fs... own) {
    return caf::behavior{more.or_else(std::move(own)...)};
  }

  caf::actor spawn_fake(const caf::message_handler& more, mood& of_it) {
    return sys.spawn([&, more](caf::event_based_actor*) -> caf::behavior {
      return with(more, [&of_it](const tick&) { wake(of_it); });
    });
  }

  caf::actor spawn_store() {
    return sys.spawn([this](caf::event_based_actor* me) -> caf::behavior {
      const auto found = [this, me](const auto& x) {
        return respond(me, of_store, x.ctx, job_found{x.ctx, stored});
      };
      return with(
        more_of_store,
        [this, me](const submit_job& x) {
          submitted.push_back(x);
          auto subject = idempotent_hit ? stored : x.subject;
          return respond(me, of_store, x.ctx,
                         job_submitted{x.ctx, subject, idempotent_hit, 42});
        },
        [this](const tick&) { wake(of_store); },
        [found](const get_job& x) { return found(x); },
        [found](const delete_job& x) { return found(x); },
        [this, me](const list_jobs& x) {
          listed.push_back(x);
          return respond(me, of_store, x.ctx, job_list{x.ctx, {stored}, 3});
        },
        [this, me](const list_queue& x) {
          queue_listed.push_back(x);
          return respond(me, of_store, x.ctx,
                         queue_page{x.ctx, {stored}, 1, 2});
        },
        [this, me](const get_queue_stats& x) {
          return respond(me, of_store, x.ctx,
                         queue_stats{x.ctx, {{"pending", 1}}, {{"local", 1}}});
        },
        [this, me](const get_limits& x) {
          return respond(me, of_store, x.ctx, limits_in_force{x.ctx, {}});
        },
        [this, me](const set_limits& x) {
          changed.push_back(x);
          queue_limits limits;
          limits.max_concurrent = x.max_concurrent ? *x.max_concurrent : 5;
          return respond(me, of_store, x.ctx, limits_in_force{x.ctx, limits});
        });
    });
  }

  caf::actor spawn_scheduler() {
    return sys.spawn([this](caf::event_based_actor* me) -> caf::behavior {
      return with(
        more_of_scheduler, [this](const tick&) { wake(of_scheduler); },
        [this, me](const get_queue_positions& x) {
          asked.push_back(x);
          auto known = places;
          for (const auto& id : x.job_ids)
            if (place_of_others)
              known.emplace(id, *place_of_others);
          return respond(me, of_scheduler, x.ctx,
                         queue_positions{x.ctx, known});
        },
        [this, me](const cancel_job& x) {
          auto job = stored;
          job.status = job_status::cancelled;
          return respond(me, of_scheduler, x.ctx, job_found{x.ctx, job});
        });
    });
  }

  caf::actor spawn_providers() {
    return sys.spawn([this](caf::event_based_actor* me) -> caf::behavior {
      return with(
        more_of_providers, [this](const tick&) { wake(of_providers); },
        [this, me](const prepare_job& x) {
          prepared.push_back(x);
          return respond(
            me, of_providers, x.ctx,
            job_prepared{x.ctx, {"v1", "{}", "f"}, "h100", "H100"});
        },
        [this, me](const get_providers& x) {
          return respond(me, of_providers, x.ctx,
                         provider_list{x.ctx, provider_summaries});
        },
        [this, me](const get_breakers& x) {
          return respond(me, of_providers, x.ctx,
                         breaker_list{x.ctx, breakers});
        });
    });
  }

  /// Lets a request in. @returns its id.
  uint64_t begin(http_call call, std::string correlation_id = "corr-1") {
    call.id = ++last_id;
    if (call.peer.empty())
      call.peer = "127.0.0.1";
    if (header(call.headers, "host").empty())
      call.headers.emplace_back("host", "localhost:8770");
    call.headers.emplace_back("x-correlation-id", std::move(correlation_id));
    if (!call.body.empty() && header(call.headers, "content-type").empty())
      call.headers.emplace_back("content-type", "application/json");
    gate->on_call(std::move(call));
    settle();
    return last_id;
  }

  /// @returns the only answer to `id`.
  http_reply answer_to(uint64_t id) {
    REQUIRE(server->replies[id].size() == 1);
    const auto& reply = server->replies[id][0];
    CHECK(header(reply.headers, "X-Correlation-ID") == "corr-1");
    return reply;
  }

  http_reply call(std::string method, std::string target,
                  std::string body = {}) {
    return answer_to(begin({.method = std::move(method),
                            .target = std::move(target),
                            .body = std::move(body)}));
  }

  /// @returns the body of a 200.
  json get(std::string target) {
    auto reply = call("GET", std::move(target));
    INFO(reply.body);
    CHECK(reply.status == 200);
    return json::parse(reply.body);
  }

  json post(std::string target, const json& body) {
    auto reply = call("POST", std::move(target), body.dump());
    INFO(reply.body);
    CHECK(reply.status == 200);
    return json::parse(reply.body);
  }

  /// Fails unless `reply` is that error.
  void check_error(const http_reply& reply, int status, const char* error) {
    INFO(reply.body);
    CHECK(reply.status == status);
    CHECK(reply.content_type == "application/json");
    auto body = json::parse(reply.body); // may lack what is looked for
    CHECK(body["error"] == error);
    CHECK(body["message"].is_string());
    CHECK(body["detail"] == body["message"]);
    CHECK(header(reply.headers, "Retry-After").empty() == (status != 503));
  }

  /// @returns the names of the contexts that `m` has seen.
  static bool all_corr_1(const mood& m) {
    return !m.seen.empty()
           && std::all_of(m.seen.begin(), m.seen.end(), [](const auto& x) {
                return x.correlation_id == "corr-1";
              });
  }
};

} // namespace tunerd::test
