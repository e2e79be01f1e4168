#pragma once

#include "actors/queue_scheduler/queue_scheduler.hpp"
#include "actors/store/queries.hpp"
#include "messages/fingerprint.hpp"

#include "tests/log_capture.hpp"
#include "tests/store_fixture.hpp"

#include <caf/event_based_actor.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace tunerd::test {

using namespace std::chrono_literals;

/// What happens to a request on its way.
enum class fate : uint8_t { pass, fail, lose_request, lose_answer };

/// What a fake provider does with a submission.
enum class mood : uint8_t {
  accept,
  /// It has the job, but the answer never comes.
  hang_created,
  /// It never hears of the job, and no answer comes.
  hang,
  /// The connection breaks after it has the job.
  lose_created,
  /// The connection breaks before.
  lose,
  /// It gets the job, but only `fake_provider::late_by` later.
  hang_late,
  unreachable,
  throttle,
  refuse,
  no_credit,
};

/// A provider's side of things: survives every crash on ours.
struct fake_provider {
  struct prediction {
    std::string id;
    /// Of the submission that made it.
    std::string job_id;
    std::string version;
    std::string input;
    timestamp created_at;
    job_status status = job_status::queued;
  };

  std::function<timestamp()> now;
  std::function<mood(const submit_to_provider&)> on_submit
    = [](auto&) { return mood::accept; };
  /// What happens to a preparation, a listing, a cancellation.
  std::function<fate(const std::string& call)> on_call
    = [](auto&) { return fate::pass; };
  /// What a cancellation answers; none: it is cancelled.
  std::function<caf::error(const cancel_provider_job&)> on_cancel
    = [](auto&) { return caf::error{}; };
  /// What a look at one job answers; none: how it is.
  std::function<caf::error(const get_provider_job&)> on_get
    = [](auto&) { return caf::error{}; };
  bool shows_inputs = true;
  /// Listings are answered after the next submission.
  bool is_list_slow = false;
  bool is_list_broken = false;
  /// What a broken list answers.
  ec list_failure = ec::provider_error;
  /// How long a prediction is missing in the list.
  caf::timespan visible_after{0};
  caf::timespan late_by = 20s;
  size_t page_size = 3;

  std::vector<prediction> made = {};
  /// Due times of what `hang_late` will make.
  std::vector<std::pair<timestamp, submit_to_provider>> late = {};
  std::vector<submit_to_provider> submits = {};
  std::vector<list_provider_jobs> lists = {};
  std::vector<std::pair<caf::typed_response_promise<provider_job_page>,
                        list_provider_jobs>>
    slow_lists = {};
  std::vector<get_provider_job> gets = {};
  std::vector<cancel_provider_job> cancels = {};

  provider_job make(const submit_to_provider& x) {
    made.push_back({"x" + std::to_string(made.size() + 1), x.job_id,
                    x.input.version, x.input.body, now()});
    return seen(made.back());
  }

  void make_late() {
    for (const auto& [due, x] : late)
      if (due <= now())
        make(x);
    std::erase_if(late, [&](const auto& x) { return x.first <= now(); });
  }

  void answer_lists() {
    for (auto& [promise, query] : std::exchange(slow_lists, {}))
      promise.deliver(list(query));
  }

  provider_job seen(const prediction& x) const {
    provider_job result;
    result.external_id = x.id;
    result.raw_status = to_string(x.status);
    result.status = x.status;
    result.created_at = x.created_at;
    result.version = x.version.substr(x.version.rfind(':') + 1);
    result.input = shows_inputs ? x.input : "";
    return result;
  }

  prediction* find(const std::string& id) {
    auto i = std::find_if(made.begin(), made.end(),
                          [&](const auto& x) { return x.id == id; });
    return i == made.end() ? nullptr : &*i;
  }

  auto made_for(const std::string& job_id) const {
    return std::count_if(made.begin(), made.end(),
                         [&](const auto& x) { return x.job_id == job_id; });
  }

  submission_outcome submit(const submit_to_provider& x, mood how) {
    submission_outcome result;
    result.ctx = x.ctx;
    result.reason = "because";
    switch (how) {
      case mood::accept: return {x.ctx, submission_result::accepted, make(x)};
      case mood::lose_created: make(x); break;
      case mood::unreachable:
        result.result = submission_result::not_accepted;
        break;
      case mood::throttle:
        result.result = submission_result::not_accepted;
        result.retry_after = 20s;
        break;
      case mood::refuse: result.result = submission_result::refused; break;
      case mood::no_credit:
        result.result = submission_result::unavailable;
        break;
      default: break;
    }
    return result;
  }

  provider_job_page list(const list_provider_jobs& x) const {
    std::vector<provider_job> all;
    for (auto i = made.rbegin(); i != made.rend(); ++i)
      if (i->created_at >= x.created_after
          && i->created_at + visible_after <= now())
        all.push_back(seen(*i));
    const auto begin = x.cursor.empty() ? 0 : std::stoul(x.cursor);
    const auto end = std::min(begin + page_size, all.size());
    provider_job_page result;
    result.ctx = x.ctx;
    for (auto i = begin; i < end; ++i)
      result.jobs.push_back(all[i]);
    if (end < all.size())
      result.next = std::to_string(end);
    return result;
  }
};

/// @returns the input of a job with this canonical body.
inline provider_input input_of(const std::string& provider,
                               const std::string& body) {
  provider_input input{"me/model:v1", body};
  input.fingerprint = fingerprint(provider, input.version, body, body);
  return input;
}

/// Lets `run` answer, as far as the way there and back is open.
template <class Answer, class F>
caf::result<Answer>
answer_through(provider_gateway_actor::stateful_pointer<int> self,
               fake_provider* there, const std::string& call, F run) {
  switch (there->on_call(call)) {
    case fate::pass: return run();
    case fate::fail: return make_error(ec::provider_error, "on purpose");
    case fate::lose_answer: run(); break;
    case fate::lose_request: break;
  }
  return self->template make_response_promise<Answer>();
}

inline provider_gateway_actor::behavior_type
fake_gateway(provider_gateway_actor::stateful_pointer<int> self,
             fake_provider* there) {
  return {
    [self, there](const prepare_job& x) {
      return answer_through<job_prepared>(
        self, there, "prepare", [&]() -> caf::result<job_prepared> {
          return job_prepared{x.ctx, input_of(x.provider, x.input), {}};
        });
    },
    [self,
     there](const submit_to_provider& x) -> caf::result<submission_outcome> {
      there->submits.push_back(x);
      const auto how = there->on_submit(x);
      if (how == mood::hang_created)
        there->make(x);
      if (how == mood::hang_late)
        there->late.emplace_back(there->now() + there->late_by, x);
      there->answer_lists();
      if (how == mood::hang || how == mood::hang_created
          || how == mood::hang_late)
        return self->make_response_promise<submission_outcome>();
      return there->submit(x, how);
    },
    [there](const get_provider_job& x) -> caf::result<provider_job_found> {
      there->gets.push_back(x);
      if (auto err = there->on_get(x))
        return err;
      if (auto* found = there->find(x.external_id))
        return provider_job_found{x.ctx, there->seen(*found)};
      return make_error(ec::no_such_provider_job, x.external_id);
    },
    [self, there](const list_provider_jobs& x) {
      return answer_through<provider_job_page>(
        self, there, "list", [&]() -> caf::result<provider_job_page> {
          if (x.provider != "replicate")
            return make_error(ec::unknown_provider, x.provider);
          there->lists.push_back(x);
          if (there->is_list_slow) {
            there->slow_lists.emplace_back(
              self->make_response_promise<provider_job_page>(), x);
            return there->slow_lists.back().first;
          }
          if (there->is_list_broken)
            return make_error(there->list_failure, "no list today");
          return there->list(x);
        });
    },
    [self, there](const cancel_provider_job& x) {
      return answer_through<provider_job_cancelled>(
        self, there, "cancel", [&]() -> caf::result<provider_job_cancelled> {
          there->cancels.push_back(x);
          if (auto err = there->on_cancel(x))
            return err;
          auto* found = there->find(x.external_id);
          if (found == nullptr)
            return make_error(ec::no_such_provider_job, x.external_id);
          if (!is_terminal(found->status))
            found->status = job_status::cancelled;
          return provider_job_cancelled{x.ctx, there->seen(*found)};
        });
    },
  };
}

/// Stands between scheduler and store: sees every request, spoils some.
struct store_gate {
  std::function<fate(const caf::message&)> on_request
    = [](auto&) { return fate::pass; };
  /// What it answers itself if nothing is spoilt; an empty message: the store
  /// does.
  std::function<caf::message(const caf::message&)> on_answer
    = [](auto&) { return caf::message{}; };
  std::vector<caf::message> seen = {};

  template <class Message>
  std::vector<Message> all() const {
    std::vector<Message> result;
    for (const auto& x : seen)
      if (x.template match_elements<Message>())
        result.push_back(x.template get_as<Message>(0));
    return result;
  }

  /// Spoils the next `count` requests of one type.
  template <class Message>
  void spoil(fate how, int count = 1) {
    on_request = [how, left = count](const caf::message& x) mutable {
      return x.template match_elements<Message>() && left-- > 0 ? how
                                                                : fate::pass;
    };
  }
};

inline caf::behavior gate(caf::event_based_actor* self, store_gate* knobs,
                          store_actor store) {
  const auto target = caf::actor_cast<caf::actor>(store);
  self->set_default_handler(
    [self, knobs, target](caf::scheduled_actor*,
                          caf::message_view& x) -> caf::result<caf::message> {
      const auto content = x.move_content_to_message();
      knobs->seen.push_back(content);
      const auto how = knobs->on_request(content);
      if (how == fate::pass)
        if (auto answer = knobs->on_answer(content); !answer.empty())
          return answer;
      switch (how) {
        case fate::pass: return self->delegate(target, content);
        case fate::fail:
          return make_error(ec::database_error, "disk full on purpose");
        case fate::lose_answer: caf::anon_send(target, content); break;
        case fate::lose_request: break;
      }
      return self->make_response_promise();
    });
  return {[](const incarnation&) {}};
}

/// A scheduler between a real store and a fake provider.
class dispatch_fixture : public deterministic {
public:
  dispatch_fixture() {
    there.now = [this] { return now(); };
    db = std::make_shared<sql::database>(directory.file("tunerd.db"));
    const store_settings settings{db, limits, world()};
    store_itself
      = spawn(store, settings, spawn(store_reader, settings),
              std::vector{spawn([this](event_listener_actor::pointer)
                                  -> event_listener_actor::behavior_type {
                return {[this](const events_appended& x) { relay(x); }};
              })});
    gated = caf::actor_cast<store_actor>(spawn(gate, &knobs, store_itself));
    gateway = spawn(fake_gateway, &there);
    scheduler_settings.world = world();
    scheduler_settings.process_started = now();
  }

  ~dispatch_fixture() {
    for (auto& hdl : spawned)
      caf::anon_send_exit(hdl, caf::exit_reason::kill);
    settle();
    spawned.clear();
    aut = nullptr;
  }

protected:
  void start() {
    aut = spawn(queue_scheduler, scheduler_settings, gated, gateway);
    settle();
  }

  void kill() {
    caf::anon_send_exit(aut, caf::exit_reason::kill);
    settle();
    aut = nullptr;
  }

  outside world() {
    return {[this] { return now(); }, [this] { return random(); }};
  }

  void relay(const events_appended& hint) {
    if (aut && !loses_hints)
      caf::anon_send(aut, hint);
  }

  static submit_job submission(const std::string& id,
                               const std::string& user = "ann",
                               const std::string& body = R"({"steps":1})") {
    job x{.id = id};
    x.provider = "replicate";
    x.user_id = user;
    return {{"corr-" + id}, x, input_of(x.provider, body)};
  }

  job_submitted submit(const std::string& id, const std::string& user = "ann",
                       const std::string& body = R"({"steps":1})") {
    return ask<job_submitted>(store_itself, submission(id, user, body));
  }

  /// The queue is loaded in pages of `count` waiting jobs. @returns how many
  /// pages were given.
  std::shared_ptr<int> load_in_pages(int64_t count) {
    auto given = std::make_shared<int>(0);
    auto reading = db->connect(sql::connection::mode::read_only);
    knobs.on_answer = [=, this](const caf::message& x) {
      if (!x.match_elements<load_queue>())
        return caf::message{};
      ++*given;
      sql::snapshot scope{*reading};
      return caf::make_message(*load_page(sql::view{*reading, now(), limits},
                                          x.get_as<load_queue>(0), count));
    };
    return given;
  }

  /// Submits one job whose submission `how` goes wrong, all later ones well.
  void submit_once(mood how, const std::string& id = "a") {
    there.on_submit = [how, first = true](auto&) mutable {
      return std::exchange(first, false) ? how : mood::accept;
    };
    submit(id);
    settle();
  }

  /// Submits a job that nobody but a person can find at the provider.
  void leave_unresolved(const std::string& id = "a") {
    there.shows_inputs = false;
    submit_once(mood::lose_created, id);
    advance(2min);
    there.shows_inputs = true;
  }

  /// Asks the scheduler something whose answer takes a while.
  template <class Answer, class Message>
  auto ask_slowly(const Message& message) {
    auto answer = std::make_shared<std::optional<caf::expected<Answer>>>();
    spawn([to = aut, message, answer](caf::event_based_actor* client) {
      client->request(to, 60min, message)
        .then([answer](const Answer& x) { *answer = x; },
              [answer](const caf::error& err) { *answer = err; });
    });
    settle();
    return answer;
  }

  job get(const std::string& id) {
    return ask<job_found>(store_itself, get_job{{"test"}, {}, id}).subject;
  }

  /// The provider says `status`, as a poll would tell us.
  void poll(const std::string& id, job_status status) {
    const auto external_id = get(id).external_id;
    there.find(external_id)->status = status;
    apply_status x{{"poll"}, id, {external_id}};
    x.seen.status = status;
    ask<status_applied>(store_itself, x);
  }

  void set(int32_t global, int32_t user) {
    set_limits x{{"corr-limits"}, {}};
    x.max_concurrent = global;
    x.user_max_concurrent = user;
    ask<limits_in_force>(store_itself, x);
  }

  log_capture log;
  temporary_directory directory;
  std::mt19937_64 random{1};
  queue_limits limits = {};
  fake_provider there;
  store_gate knobs;
  bool loses_hints = false;
  queue_scheduler_settings scheduler_settings;

  std::shared_ptr<sql::database> db;
  store_actor store_itself;
  store_actor gated;
  provider_gateway_actor gateway;
  queue_scheduler_actor aut;
};

} // namespace tunerd::test
