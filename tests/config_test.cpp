#include "config/settings.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>

using namespace tunerd;
using namespace std::chrono_literals;

namespace {

config::environment env_of(std::map<std::string, std::string> values) {
  return [values = std::move(values)](
           const std::string& name) -> std::optional<std::string> {
    auto i = values.find(name);
    return i == values.end() ? std::nullopt : std::optional{i->second};
  };
}

config::loaded load(const std::string& yaml,
                    std::map<std::string, std::string> env = {},
                    std::map<std::string, std::string> flags = {}) {
  env.emplace("HOME", "/home/me");
  return config::load({.yaml = yaml,
                       .file_name = "f.yaml",
                       .env = env_of(std::move(env)),
                       .flags = std::move(flags)});
}

/// @returns what the start says about `yaml`, or "" if it accepts it.
std::string refusal(const std::string& yaml,
                    std::map<std::string, std::string> env = {}) {
  try {
    load(yaml, std::move(env));
    return "";
  } catch (const config::error& e) {
    return e.what();
  }
}

const config::setting& find(const config::loaded& x, const std::string& key) {
  for (const auto& entry : x.effective)
    if (entry.key == key)
      return entry;
  FAIL("no setting " << key);
  throw std::logic_error{"unreachable"};
}

std::string read_file(const std::string& path) {
  std::ifstream in{path};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

} // namespace

TEST_CASE("flags beat the environment beats the file beats defaults",
          "[config]") {
  const std::string key = "background.job_status_polling.interval_seconds";
  const auto yaml
    = "background:\n  job_status_polling:\n    interval_seconds: 7\n";
  CHECK(load("").values.polling_section.interval == 30s);
  CHECK(find(load(""), key).origin == "default");
  CHECK(load(yaml).values.polling_section.interval == 7s);
  CHECK(find(load(yaml), key).origin == "f.yaml:3");
  const std::map<std::string, std::string> env{
    {"SIMPLETUNER_JOB_POLL_INTERVAL", "8"}};
  CHECK(load(yaml, env).values.polling_section.interval == 8s);
  CHECK(find(load(yaml, env), key).origin
        == "environment SIMPLETUNER_JOB_POLL_INTERVAL");
  CHECK(load(yaml, env, {{key, "9"}}).values.polling_section.interval == 9s);
}

TEST_CASE("a flag sets a list", "[config]") {
  CHECK(load("", {}, {{"tunerd.http.allowed_hosts", "a,b"}})
          .values.http_section.allowed_hosts
        == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a wrong value is named with file, line, key and range",
          "[config][P11]") {
  CHECK(refusal("background:\n  job_status_polling:\n"
                "    interval_seconds: 0\n")
        == "f.yaml:3: background.job_status_polling.interval_seconds: found "
           "'0', want a whole number from 1 to 3600");
  CHECK(refusal("", {{"SIMPLETUNER_JOB_POLL_INTERVAL", "soon"}})
        == "environment SIMPLETUNER_JOB_POLL_INTERVAL: "
           "background.job_status_polling.interval_seconds: found 'soon', "
           "want a whole number from 1 to 3600");
  CHECK(refusal("tunerd:\n  queue:\n    max_concurrent: [1]\n")
        == "f.yaml:3: tunerd.queue.max_concurrent: found 'a map or a list', "
           "want a single value");
  CHECK(refusal("tunerd:\n  queue:\n    enable_fair_share: maybe\n")
        == "f.yaml:3: tunerd.queue.enable_fair_share: found 'maybe', want "
           "true or false");
  CHECK(refusal("tunerd:\n  http:\n    listen: 0.0.0.0:80\n")
          .find("want a loopback address")
        != std::string::npos);
  CHECK(refusal("a: [1").rfind("f.yaml:1: ", 0) == 0);
  CHECK(refusal("- 1") == "f.yaml:1: want a map of settings");
}

TEST_CASE("unknown keys stop the start below tunerd and warn elsewhere",
          "[config]") {
  CHECK(refusal("tunerd:\n  queue:\n    max_concurent: 1\n")
        == "f.yaml:3: tunerd.queue.max_concurent: unknown key");
  CHECK(refusal("tunerd.queue.max_concurrent: 1\n")
        == "f.yaml:1: tunerd.queue.max_concurrent (a key with a dot): unknown "
           "key");
  CHECK(refusal("tunerd: 7\n") == "f.yaml:1: tunerd: unknown key");
  CHECK(refusal("tunerd:\n").empty());
  const auto shared = load("webui:\n  port: 80\noidc:\n  issuer: x\n");
  CHECK(shared.warnings
        == std::vector<std::string>{"f.yaml:2: webui.port: unknown key"});
}

TEST_CASE("variables are replaced and an unset one warns", "[config]") {
  const auto x = load("tunerd:\n  storage:\n    state_dir: ${BASE}/a$$b${NO}\n",
                      {{"BASE", "/srv"}});
  CHECK(x.values.storage_section.state_dir == "/srv/a$b");
  REQUIRE(x.warnings.size() == 1);
  CHECK(x.warnings[0].find("variable NO is not set") != std::string::npos);
}

TEST_CASE("the place of the database is a file or a server", "[config]") {
  const auto place = [](const std::string& url) {
    return config::database_place(
      load("tunerd:\n  storage:\n    state_dir: /s\n    url: " + url + "\n")
        .values.storage_section);
  };
  CHECK(place("sqlite:a.db") == "/s/tunerd/a.db");
  CHECK(place("sqlite:/b/a.db") == "/b/a.db");
  CHECK(place("postgresql://u:s3cret@h/n") == "postgresql://u:s3cret@h/n");
  const auto bad
    = refusal("tunerd:\n  storage:\n    url: mysql://u:s3cret@h\n");
  CHECK(bad.find("want sqlite:FILE or postgresql://") != std::string::npos);
  CHECK(bad.find("s3cret") == std::string::npos);
}

TEST_CASE("the password of the database is printed nowhere", "[config][W4]") {
  const auto shown = [](const std::string& url) {
    return find(load("tunerd:\n  storage:\n    url: '" + url + "'\n"),
                "tunerd.storage.url")
      .value;
  };
  CHECK(shown("sqlite:/b/a@b?c.db") == "sqlite:/b/a@b?c.db");
  CHECK(shown("postgresql://h:5433/n") == "postgresql://h:5433/n");
  for (const auto* rest :
       {"u:pa#ss@h/n", "u:pa?ss@h/n", "u:pa/ss@h/n", "u:p@ss@h/n", "u@h/n",
        "h/n?password=p&application_name=a@b"})
    CHECK(shown(std::string{"postgresql://"} + rest) == "postgresql://***");
}

TEST_CASE("secrets are masked in the effective configuration", "[config][W4]") {
  const auto x
    = load("tunerd:\n  providers:\n    replicate:\n      token: r8_abc\n");
  CHECK(x.values.replicate_section.token == "r8_abc");
  for (const auto& entry : x.effective)
    CHECK(entry.value.find("r8_abc") == std::string::npos);
  const auto env = load("", {{"REPLICATE_API_TOKEN", "r8_env"}});
  const auto& token = find(env, "tunerd.providers.replicate.token");
  CHECK(token.value == "***");
  CHECK(token.origin == "environment REPLICATE_API_TOKEN");
}

TEST_CASE("logging settings are lenient", "[config][L4]") {
  const auto x = load("", {{"SIMPLETUNER_LOG_LEVEL", "loud"},
                           {"SIMPLETUNER_LOG_FORMAT", "pretty"},
                           {"SIMPLETUNER_LOG_FILE", "/tmp/x.log"}});
  CHECK(x.values.logging_section.level == log_level::info);
  CHECK(!x.values.logging_section.json_output);
  CHECK(x.values.logging_section.file == "/tmp/x.log");
  REQUIRE(x.warnings.size() == 1);
  CHECK(
    load("", {{"SIMPLETUNER_LOG_LEVEL", "debug"}}).values.logging_section.level
    == log_level::debug);
}

TEST_CASE("loggers have levels of their own, files rotate", "[config][L4]") {
  const auto x
    = load("tunerd:\n  logging:\n    levels:\n"
           "      - {logger: simpletuner.cloud.queue, level: debug}\n"
           "      - {logger: simpletuner.cloud, level: ERROR}\n"
           "    rotate_megabytes: 0\n    rotate_daily: true\n"
           "    rotated_files: 3\n")
        .values.logging_section;
  CHECK(x.levels.size() == 2);
  CHECK(x.levels.at("simpletuner.cloud.queue") == log_level::debug);
  CHECK(x.levels.at("simpletuner.cloud") == log_level::error);
  CHECK(x.rotate_megabytes == 0);
  CHECK(x.rotate_daily);
  CHECK(x.rotated_files == 3);
  const auto refused = [](const std::string& line) {
    return refusal("tunerd:\n  logging:\n    " + line + "\n");
  };
  for (const auto* line :
       {"levels: [{logger: a, level: LOUD}]", "levels: [{logger: a}]",
        "levels: [{level: INFO}]", "levels: [{logger: a, colour: red}]",
        "levels: INFO", "rotate_megabytes: -1", "rotate_megabytes: 1000001",
        "rotate_daily: often", "rotated_files: 0", "rotated_files: 1001"}) {
    INFO(line);
    const std::string key{line, std::string{line}.find(':')};
    CHECK(refused(line).find("tunerd.logging." + key) != std::string::npos);
  }
}

TEST_CASE("the queue cannot be switched off", "[config]") {
  const auto x = load("background:\n  queue_processing:\n    enabled: false\n");
  REQUIRE(x.warnings.size() == 1);
}

TEST_CASE("the example lists every key with its default", "[config]") {
  const auto text = read_file("config/simpletuner-enterprise.example.yaml");
  REQUIRE(!text.empty());
  const auto example
    = load(text, {{"REPLICATE_API_TOKEN", ""}, {"CLOUD_WEBHOOK_SECRET", ""}});
  const auto defaults = load("");
  CHECK(example.warnings.empty());
  REQUIRE(example.effective.size() == defaults.effective.size());
  for (size_t i = 0; i < defaults.effective.size(); ++i) {
    const auto& entry = example.effective[i];
    INFO(entry.key);
    CHECK(entry.value == defaults.effective[i].value);
    const auto last = entry.key.substr(entry.key.rfind('.') + 1);
    // A null counts as absent, so it is looked up in the text.
    CHECK(text.find(last + ":") != std::string::npos);
  }
}

TEST_CASE("the file is looked for in the documented order", "[config]") {
  std::set<std::string> files{"/etc/simpletuner/enterprise.json"};
  const auto exists
    = [&files](const std::string& path) { return files.count(path) > 0; };
  const auto env = env_of({{"HOME", "/home/me"}});
  CHECK(config::find_file(env, exists) == "/etc/simpletuner/enterprise.json");
  files.insert("/home/me/.config/simpletuner/enterprise.yaml");
  CHECK(config::find_file(env, exists)
        == "/home/me/.config/simpletuner/enterprise.yaml");
  files.insert("./simpletuner-enterprise.yaml");
  CHECK(config::find_file(env, exists) == "./simpletuner-enterprise.yaml");
  const auto named = env_of({{"SIMPLETUNER_ENTERPRISE_CONFIG", "/x"}});
  CHECK_THROWS_AS(config::find_file(named, exists), config::error);
  files.insert("/x");
  CHECK(config::find_file(named, exists) == "/x");
}

TEST_CASE("secrets come from the environment, else from a private file",
          "[config]") {
  namespace fs = std::filesystem;
  const auto dir = fs::temp_directory_path()
                   / ("tunerd-secrets-" + std::to_string(::getpid()));
  fs::create_directories(dir);
  const auto path = dir / "secrets.json";
  std::ofstream{path} << R"({"HF_TOKEN": "hf_file", "OTHER": "o"})";
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  const config::secrets closed{env_of({{"HF_TOKEN", "hf_env"}}), dir};
  CHECK(closed.find("HF_TOKEN") == "hf_env");
  CHECK(closed.find("OTHER") == "o");
  CHECK(!closed.find("NONE"));
  fs::permissions(path, fs::perms::others_read, fs::perm_options::add);
  const config::secrets open{env_of({}), dir};
  CHECK(!open.find("OTHER"));
  CHECK(open.warnings.size() == 1);
  fs::remove_all(dir);
}
