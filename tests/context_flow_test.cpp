#include "actors/support/actor.hpp"
#include "messages/interfaces.hpp"
#include "runtime/logging.hpp"

#include "tests/deterministic.hpp"
#include "tests/log_capture.hpp"

#include <caf/send.hpp>
#include <caf/typed_response_promise.hpp>

#include <map>
#include <stdexcept>

// Context follows the work: from message to message, over delegation,
// continuations, promises and errors, on the scheduler with threads that the
// daemon has.

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

constexpr logger jobs{"simpletuner.cloud.jobs"};

/// Says whose work this should be; the line says whose it is.
void say(const char* what, const context& expected, const char* step = "-") {
  jobs.info("{} {} {}", what, expected.correlation_id, step);
}

// -- two actors ---------------------------------------------------------------

/// BACK answers at once, later, or with an error.
struct back_state {
  static inline constexpr const char* name = "back";
  pointer<job_poller_actor, back_state> self;
  std::vector<std::pair<context, caf::typed_response_promise<polling_status>>>
    kept = {};

  caf::result<polling_status> on_refresh(const refresh_polling& x) {
    say("refresh", x.ctx);
    if (x.ctx.correlation_id.back() == '5')
      return make_error(ec::overloaded, "busy");
    kept.emplace_back(x.ctx, self->make_response_promise<polling_status>());
    const auto promise = kept.back().second;
    if (kept.size() > 3) {
      // In the scope of another work than those that are answered.
      for (auto& [ctx, open] : std::exchange(kept, {}))
        open.deliver(polling_status{ctx});
      say("delivered", x.ctx);
    }
    self->send(self, tick{});
    return promise;
  }

  void on_tick() {
    jobs.info("tick no-work -");
    for (auto& [ctx, open] : std::exchange(kept, {}))
      open.deliver(polling_status{ctx});
  }
};

job_poller_actor::behavior_type
back(pointer<job_poller_actor, back_state> self) {
  self->state = {.self = self};
  return {
    [self](const refresh_polling& x) { return self->state.on_refresh(x); },
    [](const get_polling_status& x) { return polling_status{x.ctx}; },
    [](const poll_jobs& x) {
      say("poll", x.ctx);
      return jobs_polled{x.ctx};
    },
    [self](const tick&) { self->state.on_tick(); },
  };
}

/// FRONT asks BACK twice for each question, from inside scopes of its own, and
/// delegates the rest.
struct front_state {
  static inline constexpr const char* name = "front";
  pointer<job_poller_actor, front_state> self;
  job_poller_actor peer;

  caf::result<polling_status> on_question(const get_polling_status& x) {
    say("asked", x.ctx);
    auto promise = self->make_response_promise<polling_status>();
    {
      log_context scope{{"step", "upload"}};
      self->ask(
        peer, 20s, refresh_polling{x.ctx},
        [this, promise, ctx = x.ctx](const polling_status&) {
          say("then", ctx, "upload");
          ask_again(ctx, promise);
        },
        [this, promise, ctx = x.ctx](const caf::error&) {
          say("refused", ctx, "upload");
          ask_again(ctx, promise);
        });
    }
    say("went on", x.ctx);
    return promise;
  }

  void ask_again(const context& ctx,
                 caf::typed_response_promise<polling_status> promise) {
    self->ask(
      caf::actor_cast<job_poller_actor>(self), 20s, poll_jobs{ctx},
      [promise, ctx](const jobs_polled&) {
        say("done", ctx, "upload");
        auto kept = promise;
        kept.deliver(polling_status{ctx});
      },
      [](const caf::error&) { jobs.error("never"); });
    self->send(self, tick{});
  }
};

job_poller_actor::behavior_type
front(pointer<job_poller_actor, front_state> self, job_poller_actor peer) {
  self->state = {.self = self, .peer = std::move(peer)};
  return {
    [](const refresh_polling& x) { return polling_status{x.ctx}; },
    [self](const get_polling_status& x) { return self->state.on_question(x); },
    [self](const poll_jobs& x) -> caf::result<jobs_polled> {
      say("delegated", x.ctx);
      return self->delegate(self->state.peer, x);
    },
    [](const tick&) { jobs.info("tick no-work -"); },
  };
}

// -- every line, without a parser ---------------------------------------------

std::string_view between(std::string_view text, std::string_view before,
                         std::string_view after) {
  const auto begin = text.find(before);
  if (begin == text.npos)
    return {};
  text.remove_prefix(begin + before.size());
  return text.substr(0, text.find(after));
}

/// What a line with this message must have as correlation id and fields.
bool is_right(std::string_view line) {
  const auto message = between(line, "\"message\": \"", "\"");
  const auto what_end = message.rfind(' ');
  const std::string step{message.substr(what_end + 1)};
  const auto id_at = message.rfind(' ', what_end - 1) + 1;
  const std::string id{message.substr(id_at, what_end - id_at)};
  std::string fields;
  if (id != "no-work")
    fields = "\"job_id\": \"job-" + id + '"';
  if (step != "-")
    fields += ", \"step\": \"" + step + '"';
  return between(line, "\"correlation_id\": \"", "\"") == id
         && between(line, "\"extra\": {", "}}") == fields;
}

struct tally {
  std::map<std::string, size_t> lines = {};
  std::string wrong = {};

  void count(std::string_view text) {
    while (!text.empty()) {
      const auto line = text.substr(0, text.find('\n'));
      text.remove_prefix(line.size() + 1);
      const auto message = between(line, "\"message\": \"", "\"");
      ++lines[std::string{
        message.substr(0, message.rfind(' ', message.rfind(' ') - 1))}];
      if (!is_right(line))
        wrong += std::string{line} + '\n';
    }
  }
};

struct threads_config : caf::actor_system_config {
  threads_config() {
    add_message_types<caf::id_block::tunerd>();
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", size_t{2});
  }
};

/// Asks FRONT `questions` times, a multiple of 250, and looks at every line.
/// Of one question: asked, refresh, its answer, poll, delegated, its answer,
/// the answer, and two ticks less those that an error saves.
void check_interleaved(size_t questions) {
  constexpr size_t at_once = 250;
  test::log_capture log;
  const auto dropped = count_log_lines().dropped;
  threads_config cfg;
  caf::actor_system sys{cfg};
  auto behind = sys.spawn(back);
  auto before = sys.spawn(front, behind);
  tally seen;
  size_t answers = 0, mixed = 0;
  {
    caf::scoped_actor self{sys};
    for (size_t i = 0; i < questions;) {
      std::vector<std::string> ids;
      for (size_t n = 0; n < at_once; ++n, ++i) {
        ids.push_back("c" + std::to_string(i));
        const context ctx{ids.back(), {{"job_id", "job-" + ids.back()}}};
        self->send(before, get_polling_status{ctx});
      }
      for (const auto& id : ids) {
        self->receive(
          [&](const polling_status& x) {
            ++answers;
            mixed += x.ctx.fields.at("job_id") != "job-" + x.ctx.correlation_id;
          },
          caf::after(20s) >> [&] { FAIL("no answer for " << id); });
      }
      seen.count(take_log_lines());
    }
    self->send_exit(before, caf::exit_reason::kill);
    self->send_exit(behind, caf::exit_reason::kill);
    self->wait_for(before, behind);
  }
  seen.count(take_log_lines());
  CHECK(answers == questions);
  CHECK(mixed == 0);
  CHECK(seen.wrong.substr(0, 2000).empty());
  CHECK(count_log_lines().dropped == dropped);
  for (const auto* once :
       {"asked", "went on", "refresh", "delegated", "poll", "done"})
    CHECK(seen.lines[once] == questions);
  CHECK(seen.lines["then"] + seen.lines["refused"] == questions);
  CHECK(seen.lines["refused"] == questions / 10);
  CHECK(seen.lines["delivered"] > 0);
  CHECK(seen.lines["tick"] > questions);
}

} // namespace

TEST_CASE("a hundred thousand lines keep to their own work", "[logging][L1]") {
  check_interleaved(11'250);
}

TEST_CASE("a million lines keep to their own work", "[logging][L1][.long]") {
  check_interleaved(125'000);
}

// -- one place ----------------------------------------------------------------

TEST_CASE("a continuation goes on in the scope it was made in",
          "[logging][L1]") {
  const context request{"corr-1", {{"job_id", "j1"}}};
  const auto in
    = [&](const context& around) { return continued(around, request); };
  using fields = std::map<std::string, std::string>;
  // Of the same work: what was added to the scope stays.
  CHECK(in({"corr-1", {{"step", "upload"}}}).fields
        == fields{{"job_id", "j1"}, {"step", "upload"}});
  // The request knows better which job it is about.
  CHECK(in({"corr-1", {{"job_id", "other"}}}).fields == request.fields);
  // Made from a round, a tick or for another work: that of the request.
  for (const auto& around :
       {context{}, context{"round-1", {{"step", "sweep"}}}}) {
    CHECK(in(around).correlation_id == "corr-1");
    CHECK(in(around).fields == request.fields);
  }
}

TEST_CASE("the end of a call is handled in the context of the call",
          "[logging][L1]") {
  const auto element = caf::make_mailbox_element(
    nullptr, caf::make_message_id(), {},
    http_done{1, {.ctx = {"corr-1", {{"job_id", "j1"}}}}});
  const auto ctx = context_of(element->content());
  CHECK(ctx.correlation_id == "corr-1");
  CHECK(ctx.fields.at("job_id") == "j1");
}

// -- what CAF would print -----------------------------------------------------

namespace {

struct fragile_state {
  static inline constexpr const char* name = "fragile";
  pointer<job_poller_actor, fragile_state> self;
};

job_poller_actor::behavior_type
fragile(pointer<job_poller_actor, fragile_state> self) {
  self->state = {.self = self};
  return {
    [](const refresh_polling&) -> polling_status {
      log_context scope{{"step", "lost with its scope"}};
      throw std::runtime_error{"disk full"};
    },
    [](const get_polling_status& x) {
      say("status", x.ctx);
      return polling_status{x.ctx};
    },
    [](const poll_jobs& x) -> jobs_polled {
      if (x.job_ids.empty())
        throw 1;
      return jobs_polled{x.ctx};
    },
    [self](const tick&) {
      self->delayed_send(caf::actor_cast<event_listener_actor>(self), 1s,
                         events_appended{});
    },
  };
}

struct watcher_state {
  static inline constexpr const char* name = "watcher";
  pointer<event_listener_actor, watcher_state> self;
};

event_listener_actor::behavior_type
watcher(pointer<event_listener_actor, watcher_state> self,
        const job_poller_actor& watched) {
  self->state = {.self = self};
  self->monitor(watched);
  return {[](const events_appended&) {}};
}

struct output_fixture : test::deterministic {
  test::log_capture log;
  job_poller_actor aut = spawn(fragile);
  const context corr{"corr-1", {{"job_id", "j1"}}};
};

} // namespace

TEST_CASE_METHOD(output_fixture, "an exception is a line of its own work",
                 "[logging][L1][L6]") {
  const auto err = ask_error<polling_status>(aut, refresh_polling{corr});
  CHECK(render(err).find("disk full") != std::string::npos);
  const auto lines = log.lines_with("Unhandled exception in an actor");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].level == "ERROR");
  CHECK(lines[0].correlation_id == "corr-1");
  CHECK(lines[0].extra.at("job_id") == "j1");
  CHECK(lines[0].extra.at("actor") == "fragile");
  CHECK(lines[0].extra.at("message_type") == "tunerd::refresh_polling");
  CHECK(lines[0].exception == "std::runtime_error: disk full");
  CHECK(current_context().correlation_id.empty());
}

TEST_CASE_METHOD(output_fixture, "so is one that is no std::exception",
                 "[logging][L6]") {
  ask_error<jobs_polled>(aut, poll_jobs{corr});
  const auto lines = log.lines_with("Unhandled exception in an actor");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].correlation_id == "corr-1");
  CHECK(!lines[0].exception.empty());
}

TEST_CASE_METHOD(output_fixture, "a message out of place is a line",
                 "[logging][L1][W4]") {
  const auto any = caf::actor_cast<caf::actor>(aut);
  const put_settings stray{corr, {}, {{"token", std::string{"s3cret"}}}};
  caf::error err;
  auto pending = self->request(any, 1min, stray);
  settle();
  pending.receive([] { FAIL("it was taken"); },
                  [&](caf::error& x) { err = std::move(x); });
  CHECK(err == caf::sec::unexpected_message);
  const auto lines = log.lines_with("Unexpected message refused");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].level == "WARNING");
  CHECK(lines[0].correlation_id == "corr-1");
  CHECK(lines[0].extra.at("actor") == "fragile");
  CHECK(lines[0].extra.at("message_type") == "tunerd::put_settings");
  CHECK(lines[0].text.find("s3cret") == std::string::npos);
  // It goes on with the next one, which is no one else's.
  ask<polling_status>(aut, get_polling_status{{"corr-2"}});
  CHECK(log.lines_with("status corr-2")[0].correlation_id == "corr-2");
  CHECK(log.lines_with("status corr-2")[0].extra.empty());
}

TEST_CASE_METHOD(output_fixture, "a delayed message has no one's context",
                 "[logging][L1]") {
  ask<polling_status>(aut, get_polling_status{corr});
  caf::anon_send(aut, tick{});
  advance(2s);
  const auto lines = log.lines_with("Unexpected message refused");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].correlation_id == "no-work");
  CHECK(lines[0].extra.at("message_type") == "tunerd::events_appended");
  CHECK(lines[0].extra.count("job_id") == 0);
}

TEST_CASE_METHOD(output_fixture, "the end of a watched actor is a line",
                 "[logging][L6]") {
  spawn(watcher, aut);
  settle();
  caf::anon_send_exit(aut, caf::exit_reason::kill);
  settle();
  const auto lines = log.lines_with("Unexpected end of another actor");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].level == "WARNING");
  CHECK(lines[0].extra.at("actor") == "watcher");
}
