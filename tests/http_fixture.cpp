#include "tests/http_fixture.hpp"

#include <caf/actor_cast.hpp>

namespace tunerd::test {

gateway_fixture::gateway_fixture() {
  gate->serve(server);
  start();
}

void gateway_fixture::start() {
  store = spawn_store();
  scheduler = spawn_scheduler();
  providers = spawn_providers();
  poller = spawn_fake(more_of_poller, of_poller);
  expirer = spawn_fake(more_of_expirer, of_expirer);
  broadcaster = sys.spawn([this](caf::event_based_actor*) -> caf::behavior {
    return {[](const events_appended&) {},
            [this](const open_stream& x) { streams.push_back(x); }};
  });
  sink = spawn_sink();
  reader = spawn_reader();
  supervisor = sys.spawn([this](caf::event_based_actor* me) -> caf::behavior {
    return with(more_of_supervisor, [this, me](const get_workers& x) {
      return respond(me, of_supervisor, x.ctx, worker_list{x.ctx, workers});
    });
  });
  for (auto& hdl : {store, scheduler, providers, poller, expirer, broadcaster,
                    sink, reader, supervisor})
    spawned.push_back(hdl);
  settings.world = world;
  settings.version = "1.2.3";
  settings.started_at = now();
  aut = spawn(http_gateway, settings, gate, caf::actor_cast<store_actor>(store),
              caf::actor_cast<queue_scheduler_actor>(scheduler),
              caf::actor_cast<provider_desk_actor>(providers),
              caf::actor_cast<job_poller_actor>(poller),
              caf::actor_cast<approval_expirer_actor>(expirer),
              caf::actor_cast<sse_broadcaster_actor>(broadcaster),
              caf::actor_cast<log_sink_actor>(sink),
              caf::actor_cast<log_reader_actor>(reader),
              caf::actor_cast<caf::weak_actor_ptr>(supervisor));
  settle();
}

void gateway_fixture::crash() {
  caf::anon_send_exit(aut, caf::exit_reason::kill);
  settle();
}

caf::actor gateway_fixture::spawn_fake(const caf::message_handler& more,
                                       mood& of_it) {
  return sys.spawn([&, more](caf::event_based_actor*) -> caf::behavior {
    return with(more, [&of_it](const tick&) { wake(of_it); });
  });
}

caf::actor gateway_fixture::spawn_store() {
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
        return respond(me, of_store, x.ctx, queue_page{x.ctx, {stored}, 1, 2});
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

caf::actor gateway_fixture::spawn_scheduler() {
  return sys.spawn([this](caf::event_based_actor* me) -> caf::behavior {
    return with(
      more_of_scheduler, [this](const tick&) { wake(of_scheduler); },
      [this, me](const get_queue_positions& x) {
        asked.push_back(x);
        auto known = places;
        for (const auto& id : x.job_ids)
          if (place_of_others)
            known.emplace(id, *place_of_others);
        return respond(me, of_scheduler, x.ctx, queue_positions{x.ctx, known});
      },
      [this, me](const cancel_job& x) {
        auto job = stored;
        job.status = job_status::cancelled;
        return respond(me, of_scheduler, x.ctx, job_found{x.ctx, job});
      });
  });
}

caf::actor gateway_fixture::spawn_providers() {
  return sys.spawn([this](caf::event_based_actor* me) -> caf::behavior {
    return with(
      more_of_providers, [this](const tick&) { wake(of_providers); },
      [this, me](const prepare_job& x) {
        prepared.push_back(x);
        return respond(me, of_providers, x.ctx,
                       job_prepared{x.ctx, {"v1", "{}", "f"}, "h100", "H100"});
      },
      [this, me](const get_providers& x) {
        return respond(me, of_providers, x.ctx,
                       provider_list{x.ctx, provider_summaries});
      },
      [this, me](const get_breakers& x) {
        return respond(me, of_providers, x.ctx, breaker_list{x.ctx, breakers});
      });
  });
}

caf::actor gateway_fixture::spawn_sink() {
  return sys.spawn([this](caf::event_based_actor* me) -> caf::behavior {
    return {[this, me](const get_log_levels& x) {
              levels.ctx = x.ctx;
              return respond(me, of_sink, x.ctx, levels);
            },
            [this, me](const change_log_level& x) {
              level_changes.push_back(x);
              levels.ctx = x.ctx;
              return respond(me, of_sink, x.ctx, levels);
            }};
  });
}

caf::actor gateway_fixture::spawn_reader() {
  return sys.spawn([this](caf::event_based_actor* me) -> caf::behavior {
    return {[this, me](const find_log_lines& x) {
      searched.push_back(x);
      log_found.ctx = x.ctx;
      return respond(me, of_reader, x.ctx, log_found);
    }};
  });
}

uint64_t gateway_fixture::begin(http_call call, std::string correlation_id) {
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

http_reply gateway_fixture::answer_to(uint64_t id) {
  REQUIRE(server->replies[id].size() == 1);
  const auto& reply = server->replies[id][0];
  CHECK(header(reply.headers, "X-Correlation-ID") == "corr-1");
  return reply;
}

http_reply gateway_fixture::call(std::string method, std::string target,
                                 std::string body) {
  return answer_to(begin({.method = std::move(method),
                          .target = std::move(target),
                          .body = std::move(body)}));
}

json gateway_fixture::get(std::string target) {
  auto reply = call("GET", std::move(target));
  INFO(reply.body);
  CHECK(reply.status == 200);
  return json::parse(reply.body);
}

json gateway_fixture::post(std::string target, const json& body) {
  auto reply = call("POST", std::move(target), body.dump());
  INFO(reply.body);
  CHECK(reply.status == 200);
  return json::parse(reply.body);
}

void gateway_fixture::check_error(const http_reply& reply, int status,
                                  const char* error) {
  INFO(reply.body);
  CHECK(reply.status == status);
  CHECK(reply.content_type == "application/json");
  auto body = json::parse(reply.body); // may lack what is looked for
  CHECK(body["error"] == error);
  CHECK(body["message"].is_string());
  CHECK(body["detail"] == body["message"]);
  CHECK(header(reply.headers, "Retry-After").empty() == (status != 503));
}

bool gateway_fixture::all_corr_1(const mood& m) {
  return !m.seen.empty()
         && std::all_of(m.seen.begin(), m.seen.end(), [](const auto& x) {
              return x.correlation_id == "corr-1";
            });
}

} // namespace tunerd::test
