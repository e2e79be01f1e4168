#include "tests/bench/bench.hpp"
#include "tests/bench/fsync.hpp"
#include "tests/bench/scratch.hpp"

#include "actors/support/http_server.hpp"
#include "runtime/daemon.hpp"

#include <CLI/CLI.hpp>
#include <curl/curl.h>

#include <atomic>
#include <cstring>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// How soon after a submission was acknowledged its request is at the provider,
// on an idle daemon: HTTP in, commit, claim, commit, HTTP out.

namespace tunerd::bench {

namespace {

using namespace std::chrono_literals;
using clock_value = steady::rep;

clock_value ticks() {
  return steady::now().time_since_epoch().count();
}

double milliseconds(clock_value from, clock_value to) {
  return std::chrono::duration<double, std::milli>(steady::duration{to - from})
    .count();
}

/// A provider that accepts at once and keeps when each job came.
class fast_provider {
public:
  explicit fast_provider(size_t jobs)
    : arrivals_(jobs), server_(std::make_shared<http_server>(
                         http_server::options{},
                         [this](http_call call) { answer(std::move(call)); })) {
    server_->start();
  }

  ~fast_provider() {
    server_->stop(0ms);
  }

  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(server_->port());
  }

  /// @returns when job `n` came, waiting for it.
  /// @throws std::runtime_error if it does not come within ten seconds.
  clock_value arrival(size_t n) const {
    const auto until = steady::now() + 10s;
    while (arrivals_[n] == 0) {
      if (steady::now() > until)
        throw std::runtime_error("a job did not reach the provider");
      std::this_thread::yield();
    }
    return arrivals_[n];
  }

private:
  void answer(http_call call) {
    const auto now = ticks();
    if (call.method != "POST")
      return server_->reply(call.id,
                            {.status = 200, .body = R"({"results": []})"});
    const auto input = json::parse(call.body).at("input");
    const auto n = input.at("n").get<size_t>();
    arrivals_.at(n) = now;
    const json body{{"id", "p" + std::to_string(n)},
                    {"status", "processing"},
                    {"input", input}};
    server_->reply(call.id, {.status = 201, .body = body.dump()});
  }

  std::vector<std::atomic<clock_value>> arrivals_;
  std::shared_ptr<http_server> server_;
};

/// One connection that stays open.
class submitter {
public:
  explicit submitter(const std::string& url)
    : url_(url + "/api/cloud/jobs/submit?provider=replicate"),
      easy_(curl_easy_init(), &curl_easy_cleanup),
      headers_(curl_slist_append(nullptr, "Content-Type: application/json"),
               &curl_slist_free_all) {
    auto* raw = easy_.get();
    curl_easy_setopt(raw, CURLOPT_URL, url_.c_str());
    curl_easy_setopt(raw, CURLOPT_HTTPHEADER, headers_.get());
    curl_easy_setopt(raw, CURLOPT_TIMEOUT_MS, 10'000L);
    curl_easy_setopt(raw, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(
      raw, CURLOPT_WRITEFUNCTION,
      +[](char*, size_t size, size_t count, void*) { return size * count; });
  }

  /// Submits job `n`; blocks until it is acknowledged.
  void operator()(size_t n) {
    const auto body = json{{"input", {{"n", n}}}}.dump();
    auto* raw = easy_.get();
    curl_easy_setopt(raw, CURLOPT_POSTFIELDSIZE,
                     static_cast<long>(body.size()));
    curl_easy_setopt(raw, CURLOPT_POSTFIELDS, body.c_str());
    long status = 0;
    if (auto code = curl_easy_perform(raw); code != CURLE_OK)
      throw std::runtime_error(curl_easy_strerror(code));
    curl_easy_getinfo(raw, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
      throw std::runtime_error("a submission was answered "
                               + std::to_string(status));
  }

private:
  std::string url_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy_;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_;
};

daemon_options options_for(const fast_provider& provider,
                           const std::string& directory) {
  daemon_options result;
  result.read_environment = false;
  result.settings
    = {{"tunerd.http.listen", "127.0.0.1:0"},
       {"tunerd.http.rate_limit_calls", "0"},
       {"tunerd.storage.state_dir", directory},
       {"tunerd.logging.level", "WARNING"},
       {"tunerd.providers.replicate.base_url", provider.url()},
       {"tunerd.providers.replicate.token", "bench"},
       {"tunerd.providers.replicate.version", "me/m:v1"},
       {"tunerd.providers.replicate.creates_per_minute", "1000000"},
       {"background.job_status_polling.enabled", "false"},
       {"tunerd.queue.max_concurrent", "1000000"},
       {"tunerd.queue.user_max_concurrent", "1000000"}};
  return result;
}

json measure_pickup(const std::string& directory, size_t jobs) {
  const scratch place{directory};
  fast_provider provider{jobs};
  const auto fsync = measure_fsync(place.file("fsync"));
  daemon aut{options_for(provider, place.path())};
  aut.start();
  submitter submit{aut.url()};
  std::vector<double> acknowledged, picked_up;
  for (size_t n = 0; n < jobs; ++n) {
    const auto begin = ticks();
    submit(n);
    const auto end = ticks();
    acknowledged.push_back(milliseconds(begin, end));
    picked_up.push_back(milliseconds(end, provider.arrival(n)));
    std::this_thread::sleep_for(20ms); // idle again
  }
  aut.stop();
  return {{"jobs", jobs},
          {"fsync_microseconds", fsync},
          {"submit_acknowledged_ms", percentiles(acknowledged)},
          {"acknowledged_to_provider_ms", percentiles(picked_up)}};
}

} // namespace

void add_pickup(CLI::App& app) {
  struct options {
    std::string directory = std::filesystem::temp_directory_path();
    size_t jobs = 500;
  };
  auto chosen = std::make_shared<options>();
  auto* command
    = app.add_subcommand("pickup", "From a submission to its provider");
  command->add_option("--directory", chosen->directory,
                      "Where the database is made; its disk is measured");
  command->add_option("--jobs", chosen->jobs, "Submitted one after another");
  command->callback([chosen] {
    json result{{"machine", machine()}};
    result["pickup"] = measure_pickup(chosen->directory, chosen->jobs);
    std::cout << result.dump(2) << '\n';
  });
}

} // namespace tunerd::bench
