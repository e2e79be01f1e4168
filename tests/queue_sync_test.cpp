#include "tests/dispatch_fixture.hpp"

// Looking for unknown jobs at a provider, and dispatching by hand.

using namespace tunerd;
using namespace tunerd::test;

namespace {

struct sync_fixture : dispatch_fixture {
  sync_fixture() {
    knobs.on_answer = [this](const caf::message& x) {
      if (!x.match_elements<import_jobs>())
        return caf::message{};
      const auto& command = x.get_as<import_jobs>(0);
      if (import_fails)
        return caf::make_message(make_error(ec::database_error, "disk full"));
      jobs_imported answer{command.ctx};
      for (const auto& found : command.found)
        answer.imported.push_back({.id = "i-" + found.external_id});
      return caf::make_message(std::move(answer));
    };
  }

  sync_provider_jobs sync(const std::string& provider = "replicate") const {
    return {{"corr-sync"}, {.user_id = "eve", .token = "ops"}, provider};
  }

  caf::error refused(const sync_provider_jobs& command) {
    return ask_error<provider_jobs_synced>(aut, command);
  }

  auto imports() const {
    return knobs.all<import_jobs>();
  }

  /// Jobs that somebody made in a browser.
  void make_foreign(size_t count) {
    for (size_t i = 0; i < count; ++i)
      there.make({{}, "replicate", "foreign", {"v0", "{}"}});
  }

  bool import_fails = false;
};

const process_queue process{{"corr-process"}};

} // namespace

// -- sync ---------------------------------------------------------------------

TEST_CASE_METHOD(sync_fixture, "the newest jobs of a provider are imported",
                 "[queue_scheduler][sync]") {
  start();
  make_foreign(250);
  there.page_size = 120;
  const auto answer = ask<provider_jobs_synced>(aut, sync());
  CHECK(answer.discovered == 100);
  CHECK(answer.ctx.correlation_id == "corr-sync");
  REQUIRE(there.lists.size() == 1); // its first page only
  CHECK(there.lists[0].created_after == timestamp{});
  CHECK(there.lists[0].ctx.correlation_id == "corr-sync");
  REQUIRE(imports().size() == 1);
  CHECK(imports()[0].provider == "replicate");
  CHECK(imports()[0].who.user_id == "eve");
  CHECK(imports()[0].found.front().external_id == "x250");
  CHECK(log.contains("INFO", "Discovered 100 new jobs at replicate"));
}

TEST_CASE_METHOD(sync_fixture, "an unknown provider has no jobs",
                 "[queue_scheduler][sync]") {
  start();
  CHECK(code_of(refused(sync("nowhere"))) == ec::unknown_provider);
  CHECK(code_of(refused(sync("nowhere"))) == ec::unknown_provider);
}

TEST_CASE_METHOD(sync_fixture, "attempts in doubt are settled before a sync",
                 "[queue_scheduler][sync][Q2]") {
  start();
  there.visible_after = 1s;
  submit_once(mood::lose_created);
  const auto before = there.lists.size();
  CHECK(render(refused(sync()))
        == "conflict: attempts in doubt are being settled; try again");
  CHECK(there.lists.size() == before + 1); // looked at once
  CHECK(imports().empty());
  advance(1s);
  refused(sync());
  CHECK(get("a").external_id == "x1");
  CHECK(ask<provider_jobs_synced>(aut, sync()).discovered == 1);
}

TEST_CASE_METHOD(sync_fixture, "a sync waits for no person",
                 "[queue_scheduler][sync]") {
  start();
  leave_unresolved();
  ask<provider_jobs_synced>(aut, sync()); // the store skips what may be it
  CHECK(imports().size() == 1);
}

TEST_CASE_METHOD(sync_fixture, "what is submitted meanwhile is not imported",
                 "[queue_scheduler][sync][Q2]") {
  start();
  there.is_list_slow = true;
  const auto answer = ask_slowly<provider_jobs_synced>(sync());
  submit_once(mood::hang_created); // it is in the list that comes
  REQUIRE(*answer);
  CHECK(code_of((**answer).error()) == ec::conflict);
  CHECK(imports().empty());
}

TEST_CASE_METHOD(sync_fixture, "a provider is searched once at a time",
                 "[queue_scheduler][sync]") {
  start();
  there.is_list_slow = true;
  const auto first = ask_slowly<provider_jobs_synced>(sync());
  CHECK(render(refused(sync()))
        == "conflict: a sync of replicate is under way");
  advance(181s, 1s); // the gateway never answers
  REQUIRE(*first);
  CHECK(!**first);
  there.is_list_slow = false;
  ask<provider_jobs_synced>(aut, sync());
}

TEST_CASE_METHOD(sync_fixture, "a sync that fails can be repeated",
                 "[queue_scheduler][sync]") {
  start();
  there.is_list_broken = true;
  CHECK(code_of(refused(sync())) == ec::provider_error);
  there.is_list_broken = false;
  import_fails = true;
  CHECK(code_of(refused(sync())) == ec::database_error);
  import_fails = false;
  CHECK(ask<provider_jobs_synced>(aut, sync()).discovered == 0);
}

// -- process ------------------------------------------------------------------

TEST_CASE_METHOD(sync_fixture, "processing finds what no hint told of",
                 "[queue_scheduler][process]") {
  start();
  loses_hints = true;
  for (const auto* id : {"a", "b", "c"})
    submit(id);
  const auto answer = ask<queue_processed>(aut, process);
  CHECK(answer.job_ids == std::vector<std::string>{"a", "b"}); // ann's two
  CHECK(answer.ctx.correlation_id == "corr-process");
  CHECK(ask<queue_processed>(aut, process).job_ids.empty());
}

TEST_CASE_METHOD(sync_fixture, "processing waits for the claim under way",
                 "[queue_scheduler][process]") {
  submit("a");
  const auto early = [this] {
    aut = spawn(queue_scheduler, scheduler_settings, gated, gateway);
    return ask_slowly<queue_processed>(process);
  }();
  REQUIRE(*early);
  CHECK((**early)->job_ids == std::vector<std::string>{"a"});
}

TEST_CASE_METHOD(sync_fixture, "processing does not wait for ever",
                 "[queue_scheduler][process]") {
  start();
  loses_hints = true;
  submit("a");
  knobs.spoil<claim_jobs>(fate::lose_request);
  const auto answer = ask_slowly<queue_processed>(process);
  CHECK(!*answer);
  advance(10s);
  REQUIRE(*answer);
}

TEST_CASE_METHOD(sync_fixture, "a claim that fails is said to who processes",
                 "[queue_scheduler][process]") {
  start();
  loses_hints = true;
  submit("a");
  knobs.spoil<claim_jobs>(fate::fail);
  CHECK(code_of(ask_error<queue_processed>(aut, process))
        == ec::database_error);
  knobs.spoil<load_queue>(fate::fail, 1000);
  kill();
  start();
  const auto answer = ask_slowly<queue_processed>(process);
  advance(11s);
  REQUIRE(*answer);
  CHECK(code_of((**answer).error()) == ec::worker_restarting);
}
