#include "tests/store_fixture.hpp"

#include <nlohmann/json.hpp>

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

const caller lead{"8", "1", "", caller_level::lead};

struct store_settings_fixture : test::store_fixture {
  using values = std::map<std::string, caf::optional<std::string>>;

  settings_found put(const values& x) {
    return ask<settings_found>(aut, put_settings{{"corr-put"}, {}, x});
  }

  std::map<std::string, std::string> find(const std::string& prefix) {
    const auto found
      = ask<settings_found>(aut, get_settings{{"corr-get"}, prefix});
    CHECK(found.ctx.correlation_id == "corr-get");
    return found.values;
  }

  bool is_refused(const values& x) {
    return refused<settings_found>(put_settings{{"c"}, {}, x})
           == ec::validation_error;
  }

  std::vector<audit_entry> audit(const std::string& correlation_id) {
    return ask<trace_found>(aut, get_trace{{"c"}, {}, correlation_id}).audit;
  }
};

} // namespace

TEST_CASE_METHOD(store_settings_fixture, "settings are found by their prefix",
                 "[store][Q9]") {
  const auto answer = put({{"provider.replicate.webhook_url", R"("https://x")"},
                           {"provider.replicate.org_id", "3"},
                           {"cloud_job_polling_enabled", "true"}});
  CHECK(answer.ctx.correlation_id == "corr-put");
  CHECK(answer.values.size() == 3);
  CHECK(find("").size() == 3);
  CHECK(find("provider.").size() == 2);
  CHECK(find("provider.replicate.org").at("provider.replicate.org_id") == "3");
  CHECK(find("provider_").empty()); // no pattern
  CHECK(find("zzz").empty());
  stop();
  start();
  CHECK(find("cloud_").at("cloud_job_polling_enabled") == "true");
}

TEST_CASE_METHOD(store_settings_fixture, "a setting is replaced and unset",
                 "[store]") {
  put({{"a", "1"}, {"b", "2"}});
  CHECK(put({{"a", "3"}, {"b", caf::none}, {"c", caf::none}}).values
        == std::map<std::string, std::string>{{"a", "3"}});
  CHECK(find("") == std::map<std::string, std::string>{{"a", "3"}});
}

TEST_CASE_METHOD(store_settings_fixture,
                 "settings out of bounds change nothing", "[store]") {
  values many;
  for (int i = 0; i < 65; ++i)
    many["k" + std::to_string(i)] = "1";
  CHECK(is_refused(many));
  CHECK(is_refused({}));
  CHECK(is_refused({{"", "1"}}));
  CHECK(is_refused({{"Upper", "1"}}));
  CHECK(is_refused({{"a b", "1"}}));
  CHECK(is_refused({{std::string(129, 'k'), "1"}}));
  CHECK(is_refused({{"a", "1"}, {"b", "no json"}}));
  CHECK(is_refused({{"a", "1"}, {"b", ""}}));
  CHECK(is_refused({{"a", std::string(16 * 1024 + 1, '1')}}));
  CHECK(is_refused({{"a", "1"}, {"queue.max_concurrent", "9"}}));
  CHECK(refused<settings_found>(put_settings{{"c"}, lead, {{"a", "1"}}})
        == ec::permission_denied);
  CHECK(find("").empty());
  CHECK(events().head == 0);
  many.erase("k64");
  CHECK(put(many).values.size() == 64);
  CHECK(put({{std::string(128, 'k'), '"' + std::string(16'000, 'v') + '"'}})
          .values.size()
        == 1);
}

TEST_CASE_METHOD(store_settings_fixture, "the number of settings is bounded",
                 "[store]") {
  for (int i = 0; i < 1'000; i += 50) {
    values some;
    for (int k = i; k < i + 50; ++k)
      some["k" + std::to_string(k)] = "1";
    put(some);
  }
  CHECK(is_refused({{"one.more", "1"}}));
  CHECK(find("").size() == 1'000);
  CHECK(put({{"k0", "2"}}).values.size() == 1);
}

TEST_CASE_METHOD(store_settings_fixture,
                 "a change of settings is told and noted without its values",
                 "[store][W4]") {
  put({{"provider.replicate.proxy_url", R"("https://me:hush@proxy")"},
       {"provider.replicate.org_id", caf::none}});
  const auto stored = events().events;
  REQUIRE(stored.size() == 1);
  CHECK(stored[0].type == "settings_changed");
  CHECK(stored[0].correlation_id == "corr-put");
  CHECK(!is_streamed(stored[0].type));
  CHECK(stored[0].data.find("hush") == std::string::npos);
  CHECK(nlohmann::json::parse(stored[0].data)["keys"].size() == 2);
  REQUIRE(audit("corr-put").size() == 1);
  const auto note = audit("corr-put")[0];
  CHECK(note.action == "settings.set");
  CHECK(note.user_id == "local");
  CHECK(note.time == now());
  CHECK(note.details
        == "provider.replicate.org_id (unset), provider.replicate.proxy_url");
}

TEST_CASE_METHOD(store_settings_fixture, "who set limits is noted",
                 "[store][Q9]") {
  set_limits x{{"corr-l"}, {}};
  x.max_concurrent = 7;
  x.enable_fair_share = true;
  ask<limits_in_force>(aut, x);
  REQUIRE(audit("corr-l").size() == 1);
  CHECK(audit("corr-l")[0].action == "limits.set");
  CHECK(audit("corr-l")[0].details
        == "queue.max_concurrent=7, queue.enable_fair_share=1");
  x.who = lead;
  CHECK(refused<limits_in_force>(x) == ec::permission_denied);
  CHECK(audit("corr-l").size() == 1);
}

TEST_CASE_METHOD(store_settings_fixture, "what changed no row can be noted",
                 "[store]") {
  append_audit x{{"corr-a"}, {}};
  x.entry.user_id = "7";
  x.entry.token = "ci";
  x.entry.action = "worker.stop";
  x.entry.subject = "job-poller";
  const auto answer = ask<audit_appended>(aut, x);
  CHECK(answer.ctx.correlation_id == "corr-a");
  CHECK(answer.id == 1);
  REQUIRE(audit("corr-a").size() == 1);
  const auto stored = audit("corr-a")[0];
  CHECK(stored.id == 1);
  CHECK(stored.time == now());
  CHECK(stored.token == "ci");
  CHECK(stored.subject == "job-poller");
  x.entry.action.clear();
  CHECK(refused<audit_appended>(x) == ec::validation_error);
  x.entry.action = "worker.stop";
  x.entry.details = std::string(4 * 1024 + 1, 'x');
  CHECK(refused<audit_appended>(x) == ec::validation_error);
}
