#include "actors/store/delivery_table.hpp"
#include "actors/store/log_table.hpp"
#include "tests/store_fixture.hpp"

#include <nlohmann/json.hpp>

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

struct store_webhooks_fixture : test::store_fixture {
  apply_webhook delivery(const std::string& id, const std::string& external_id,
                         caf::optional<job_status> status) const {
    apply_webhook x{{"corr-hook"}, "replicate", {}};
    x.delivery.delivery_id = id;
    x.delivery.is_signed = true;
    x.delivery.event_type = "completed";
    x.delivery.seen.external_id = external_id;
    x.delivery.seen.status = status;
    x.delivery.payload = R"({"id": "e1", "metrics": {}})";
    return x;
  }

  webhook_applied deliver(const apply_webhook& x) {
    return ask<webhook_applied>(aut, x);
  }

  std::string logs(const std::string& id) {
    return ask<job_logs_found>(aut, get_job_logs{{"c"}, {}, id}).logs;
  }
};

} // namespace

// -- deliveries ---------------------------------------------------------------

TEST_CASE_METHOD(store_webhooks_fixture, "a delivery acts as a poll would",
                 "[store][W1][W2]") {
  auto x = submission("j1", "7");
  x.subject.org_id = "acme";
  ask<job_submitted>(aut, x);
  const auto attempt = claim({"j1"}).claimed.at(0).attempt_id;
  record(outcome("j1", attempt, submission_result::accepted, "e1"));
  CHECK(load().entries.size() == 1);
  const auto head = events().head;
  auto hook = delivery("d1", "e1", job_status::completed);
  hook.delivery.seen.cost_micros = 15'250;
  hook.delivery.seen.output_url = "https://out";
  hook.delivery.seen.started_at = now() - 2s;
  hook.delivery.seen.completed_at = now() - 1s;
  const auto answer = deliver(hook);
  CHECK(answer.ctx.correlation_id == "corr-hook");
  CHECK(answer.ignored.empty());
  CHECK(answer.subject.status == job_status::completed);
  CHECK(load().entries.empty()); // the slot is free
  CHECK(get("j1").queue == queue_status::completed);
  CHECK(get("j1").completed_at == now() - 1s);
  CHECK(answer.updates.size() == 5);
  CHECK(answer.updates.at("status") == "completed");
  CHECK(answer.updates.at("cost_usd") == "0.01525");
  CHECK(answer.updates.at("output_url") == "https://out");
  CHECK(answer.updates.at("completed_at").size() == 24);
  const auto page = events(head);
  REQUIRE(page.events.size() == 2); // in one transaction
  CHECK(page.events[0].type == "job_status_changed");
  CHECK(nlohmann::json::parse(page.events[0].data)["source"] == "webhook");
  const auto& update = page.events[1];
  CHECK(update.type == "cloud_job_update");
  CHECK(is_streamed(update.type));
  CHECK(update.job_id == "j1");
  CHECK(update.user_id == "7");
  CHECK(update.org_id == "acme");
  CHECK(update.correlation_id == "corr-j1"); // of the job
  const auto data = nlohmann::json::parse(update.data);
  CHECK(data["type"] == "cloud_job_update");
  CHECK(data["job_id"] == "j1");
  CHECK(data["event_type"] == "completed");
  CHECK(data["status"] == "completed");
  CHECK(data["external_job_id"] == "e1");
  CHECK(data["updates"]["cost_usd"] == 0.01525);
  CHECK(data["payload"]["id"] == "e1");
  CHECK(data["correlation_id"] == "corr-j1");
  CHECK(data["user_id"] == 7);
  CHECK(data["org_id"] == "acme");
  CHECK(data["timestamp"].get<std::string>().size() == 24);
}

TEST_CASE_METHOD(store_webhooks_fixture, "a delivery has its effect once",
                 "[store][W1]") {
  at_provider("j1", "e1");
  CHECK(deliver(delivery("d1", "e1", job_status::running)).ignored.empty());
  const auto head = events().head;
  // Says something else: a repetition is known by its id alone.
  const auto again = deliver(delivery("d1", "e1", job_status::completed));
  CHECK(again.ignored == "duplicate");
  CHECK(again.ctx.correlation_id == "corr-hook");
  CHECK(get("j1").status == job_status::running);
  CHECK(events().head == head);
  stop();
  start();
  CHECK(deliver(delivery("d1", "e1", job_status::completed)).ignored
        == "duplicate");
  // The same id from somebody else is another delivery.
  auto other = delivery("d1", "e1", job_status::completed);
  other.provider = "simpletuner_io";
  CHECK(deliver(other).ignored == "unknown job");
  advance(24h, 24h);
  CHECK(deliver(delivery("d1", "e1", job_status::completed)).ignored.empty());
}

TEST_CASE_METHOD(store_webhooks_fixture, "a delivery never revives a job",
                 "[store][P7][W2]") {
  at_provider("j1", "e1");
  apply(seen("j1", job_status::cancelled));
  const auto answer = deliver(delivery("d1", "e1", job_status::running));
  CHECK(answer.ignored.empty());
  CHECK(answer.updates.empty());
  CHECK(answer.subject.status == job_status::cancelled);
  CHECK(events().events.back().type == "cloud_job_update");
}

TEST_CASE_METHOD(store_webhooks_fixture,
                 "a delivery frees a cancelled job's slot", "[store][W2]") {
  const auto attempt = claimed("j1");
  end("j1");
  CHECK(record(outcome("j1", attempt, submission_result::accepted, "e1"))
          .cancel_at_provider);
  CHECK(get("j1").queue == queue_status::ready);
  deliver(delivery("d1", "e1", job_status::cancelled));
  CHECK(get("j1").queue == queue_status::cancelled);
  CHECK(load().attempts.empty());
}

TEST_CASE_METHOD(store_webhooks_fixture, "an early delivery asks for a poll",
                 "[store][W1]") {
  const auto attempt = claimed("j1");
  const auto head = events().head;
  auto early = delivery("d1", "e1", job_status::running);
  CHECK(deliver(early).ignored == "unknown job");
  CHECK(deliver(early).ignored == "unknown job");
  CHECK(events().head == head);
  const auto accepted
    = outcome("j1", attempt, submission_result::accepted, "e1");
  CHECK(record(accepted).poll_at_once);
  // A repetition finds its job now.
  CHECK(deliver(early).updates.at("status") == "running");
  CHECK(deliver(early).ignored == "duplicate");
  CHECK(!record(outcome("j2", claimed("j2"), submission_result::accepted, "e2"))
           .poll_at_once);
}

TEST_CASE_METHOD(store_webhooks_fixture, "a job that is over needs no poll",
                 "[store]") {
  const auto attempt = claimed("j1");
  deliver(delivery("d1", "e1", job_status::completed));
  auto x = outcome("j1", attempt, submission_result::accepted, "e1");
  x.outcome.seen.status = job_status::completed;
  CHECK(!record(x).poll_at_once);
}

TEST_CASE_METHOD(store_webhooks_fixture,
                 "a delivery that proves nothing is refused", "[store][W1]") {
  at_provider("j1", "e1");
  auto x = delivery("d1", "e1", job_status::completed);
  x.delivery.is_signed = false;
  CHECK(refused<webhook_applied>(x) == ec::invalid_signature);
  x = delivery("", "e1", job_status::completed);
  CHECK(refused<webhook_applied>(x) == ec::validation_error);
  x = delivery("d1", "", job_status::completed);
  CHECK(refused<webhook_applied>(x) == ec::validation_error);
  x = delivery(std::string(257, 'd'), "e1", job_status::completed);
  CHECK(refused<webhook_applied>(x) == ec::validation_error);
  CHECK(get("j1").status == job_status::queued);
}

TEST_CASE_METHOD(store_webhooks_fixture,
                 "a payload that cannot be kept is left out", "[store]") {
  at_provider("j1", "e1");
  auto x = delivery("d1", "e1", job_status::running);
  x.delivery.payload = "no json";
  deliver(x);
  x = delivery("d2", "e1", job_status::completed);
  x.delivery.payload = R"({"x": ")" + std::string(200'000, 'x') + R"("})";
  deliver(x);
  CHECK(get("j1").status == job_status::completed);
  for (const auto& e : events().events) {
    CHECK(e.data.size() < 10'000);
    if (e.type == "cloud_job_update")
      CHECK(nlohmann::json::parse(e.data)["payload"]
            == nlohmann::json::object());
  }
}

TEST_CASE("the oldest deliveries leave when there are too many", "[store]") {
  test::temporary_directory directory;
  sql::database file{test::new_place(directory.file("d.db"))};
  auto db = file.connect(sql::connection::mode::read_write);
  sql::delivery_table known{*db};
  const timestamp start{std::chrono::hours{1'000'000}};
  for (int i = 0; i < 30; ++i)
    known.remember("p", "d" + std::to_string(i), "e", false, "c",
                   start + i * 1s);
  known.prune(start, 100, 20);
  CHECK(!known.had_effect("p", "d9", start));
  CHECK(known.had_effect("p", "d10", start));
  known.prune(start + 24h + 12s, 2, 20);
  CHECK(!known.had_effect("p", "d11", start)); // gone
  CHECK(known.had_effect("p", "d12", start));  // next time
  CHECK(!known.had_effect("p", "d12", start + 24h + 12s));
}

// -- logs ---------------------------------------------------------------------

TEST_CASE_METHOD(store_webhooks_fixture,
                 "the logs of a job that ended are kept", "[store][P4]") {
  at_provider("j1", "e1");
  auto x = seen("j1", job_status::running);
  x.seen.logs = "step 1/10";
  apply(x);
  const get_job_logs query{{"corr-logs"}, {}, "j1"};
  auto found = ask<job_logs_found>(aut, query);
  CHECK(found.ctx.correlation_id == "corr-logs");
  CHECK(found.subject.id == "j1");
  CHECK(found.logs.empty()); // the provider knows more
  CHECK(!found.is_final);
  x = seen("j1", job_status::completed);
  x.seen.logs = "step 10/10";
  apply(x);
  found = ask<job_logs_found>(aut, query);
  CHECK(found.logs == "step 10/10");
  CHECK(found.is_final);
  // What the provider has removed, or lists shorter, overwrites nothing.
  x.seen.logs.clear();
  apply(x);
  x.seen.logs = "10/10";
  apply(x);
  CHECK(logs("j1") == "step 10/10");
  x.seen.logs = "step 9/10\nstep 10/10";
  apply(x);
  CHECK(logs("j1") == "step 9/10\nstep 10/10");
}

TEST_CASE_METHOD(store_webhooks_fixture,
                 "a submission that ended at once has logs", "[store]") {
  auto x = outcome("j1", claimed("j1"), submission_result::accepted, "e1");
  x.outcome.seen.status = job_status::failed;
  x.outcome.seen.logs = "no such image";
  record(x);
  CHECK(logs("j1") == "no such image");
}

TEST_CASE_METHOD(store_webhooks_fixture,
                 "the store shows logs to those who see the job",
                 "[store][E2]") {
  submit("j1");
  const caller other{"8", "1", "", caller_level::lead};
  CHECK(refused<job_logs_found>(get_job_logs{{"c"}, other, "j1"})
        == ec::permission_denied);
  CHECK(refused<job_logs_found>(get_job_logs{{"c"}, {}, "none"})
        == ec::job_not_found);
}

TEST_CASE_METHOD(store_webhooks_fixture, "of long logs the end is kept",
                 "[store]") {
  at_provider("j1", "e1");
  auto x = seen("j1", job_status::completed);
  for (int i = 0; i < 600'000; ++i)
    x.seen.logs += "é";
  apply(x);
  const auto stored = logs("j1");
  CHECK(stored.size() == 1024 * 1024);
  CHECK(stored.substr(stored.size() - 2) == "é");
}

TEST_CASE("a cut never falls into a character", "[store]") {
  CHECK(sql::tail("short", 5) == "short");
  CHECK(sql::tail("a€b", 4) == "€b");
  CHECK(sql::tail("a€b", 3) == "b");
  CHECK(sql::tail("a€b", 2) == "b");
  CHECK(sql::tail("\x80\x80\x80", 2).empty());
  CHECK(sql::tail("ab", 0).empty());
}
