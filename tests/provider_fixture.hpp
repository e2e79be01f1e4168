#pragma once

#include "actors/provider_gateway/provider_gateway.hpp"

#include "tests/deterministic.hpp"

#include <deque>

namespace tunerd::test {

using namespace std::chrono_literals;

inline const context corr{"corr-1", {{"job_id", "j1"}}};

/// A response of the fake HTTP client, or the error it answers.
struct step {
  http_transfer transfer = http_transfer::answered;
  int status = 200;
  std::string body = {};
  http_headers headers = {};
  caf::error failure = {};
};

inline step answered(int status, std::string body = "{}",
                     http_headers headers = {}) {
  return {http_transfer::answered, status, std::move(body), std::move(headers)};
}

inline const std::string running
  = R"({"id":"p1","status":"processing","input":{"a":1},)"
    R"("metrics":{"predict_time":2}})";

/// The PROVIDER GATEWAY with a scripted HTTP client and store.
struct provider_fixture : deterministic {
  provider_fixture() : provider_fixture([](auto&) {}) {
  }

  /// @param change Of the settings; without one no budget is in the way.
  explicit provider_fixture(
    const std::function<void(provider_gateway_settings&)>& change) {
    settings.replicate.token = "r8_x";
    settings.replicate.version = "5f2";
    settings.replicate.creates_per_minute = 1'000'000;
    settings.replicate.requests_per_minute = 1'000'000;
    change(settings);
    settings.secrets = [this](const std::string& name) {
      const auto i = secrets.find(name);
      return i == secrets.end() ? std::nullopt : std::optional{i->second};
    };
    settings.world
      = {.now = [this] { return now(); }, .random = [this] { return random; }};
    client = spawn_client();
    store = spawn_store();
    aut = spawn(provider_gateway, settings, client, store);
    settle();
  }

  settings_store_actor spawn_store() {
    return spawn([this](settings_store_actor::pointer store_self)
                   -> settings_store_actor::behavior_type {
      return {[this, store_self](const get_settings& x) {
                return read_store(store_self, x);
              },
              [this](const put_settings& x) {
                answer_late();
                return settings_found{x.ctx};
              }};
    });
  }

  caf::result<settings_found> read_store(settings_store_actor::pointer me,
                                         const get_settings& x) {
    reads.push_back(x);
    read_at.push_back(now());
    if (store_failures > 0) {
      --store_failures;
      return make_error(ec::database_error, "disk full");
    }
    if (!store_is_slow)
      return settings_found{x.ctx, stored};
    late_reads.emplace_back(me->make_response_promise<settings_found>(),
                            settings_found{x.ctx, stored});
    return late_reads.back().first;
  }

  /// Answers what the slow store was asked, the last question first.
  void answer_late() {
    for (; !late_reads.empty(); late_reads.pop_back())
      late_reads.back().first.deliver(late_reads.back().second);
  }

  /// Stores a setting of the provider and tells.
  void set(const std::string& key, const std::string& value) {
    stored["provider.replicate." + key] = value;
    self->send(aut, settings_changed{{"corr-set"}, "provider.replicate."});
    settle();
  }

  http_client_actor spawn_client() {
    return spawn([this](http_client_actor::pointer client_self)
                   -> http_client_actor::behavior_type {
      return {[this, client_self](const http_request& x) {
        return play(client_self, x);
      }};
    });
  }

  /// Answers with the next step of the script; without one, not before
  /// `answer_hanging`.
  caf::result<http_response> play(http_client_actor::pointer client_self,
                                  const http_request& x) {
    if (late) {
      for (auto& promise : hanging)
        promise.deliver(*late);
      hanging.clear();
      // What that leads to is played by the script again.
      return *std::exchange(late, std::nullopt);
    }
    requests.push_back(x);
    asked_at.push_back(now());
    if (script.empty() && always)
      script.push_back(*always);
    if (script.empty()) {
      hanging.push_back(client_self->make_response_promise<http_response>());
      return hanging.back();
    }
    auto next = script.front();
    script.pop_front();
    if (next.failure)
      return next.failure;
    const bool good = next.transfer == http_transfer::answered;
    return http_response{
      x.ctx,        next.transfer, good ? next.status : 0,
      next.headers, next.body,     good ? std::string{} : "broken wire"};
  }

  /// Lets the client answer, in a handler of its own, what it left open.
  void answer_hanging(int status, const std::string& body) {
    late = http_response{corr, http_transfer::answered, status, {}, body, {}};
    ask<http_response>(client, http_request{corr});
    late.reset();
  }

  submit_to_provider submission(std::string body = "{}") {
    return {corr, "replicate", "j1", {"5f2", std::move(body)}};
  }

  /// Submits with `next` as the client's answer.
  submission_outcome submit(step next) {
    script = {std::move(next)};
    return ask<submission_outcome>(aut, submission());
  }

  /// Asks and lets `time` pass. @returns the answer or the error.
  template <class Answer, class Message>
  caf::expected<Answer> ask_for(const Message& message, caf::timespan time) {
    auto pending = self->request(aut, 60min, message);
    advance(time);
    caf::expected<Answer> result{make_error(ec::conflict, "no answer")};
    REQUIRE(self->has_next_message());
    pending.receive([&](Answer& x) { result = std::move(x); },
                    [&](caf::error& err) { result = std::move(err); });
    return result;
  }

  ec code_after(std::deque<step> steps, caf::timespan time = 10s) {
    script = std::move(steps);
    auto found = ask_for<provider_job_found>(query(), time);
    REQUIRE(!found);
    return code_of(found.error());
  }

  static get_provider_job query(std::string hardware_profile = "h100") {
    return {corr, "replicate", "p1", std::move(hardware_profile)};
  }

  provider_gateway_settings settings;
  std::map<std::string, std::string> secrets;
  std::map<std::string, std::string> stored;
  int store_failures = 0;
  bool store_is_slow = false;
  std::vector<
    std::pair<caf::typed_response_promise<settings_found>, settings_found>>
    late_reads;
  std::vector<get_settings> reads;
  std::vector<timestamp> read_at;
  uint64_t random = 0;
  std::deque<step> script;
  /// What the client answers when the script is over.
  std::optional<step> always;
  std::vector<http_request> requests;
  std::vector<timestamp> asked_at;
  std::vector<caf::typed_response_promise<http_response>> hanging;
  std::optional<http_response> late;
  http_client_actor client;
  settings_store_actor store;
  provider_desk_actor aut;
};

} // namespace tunerd::test
