#include "tests/bench/sse_daemon.hpp"

#include "tests/bench/scratch.hpp"
#include "tests/bench/sse_clients.hpp"
#include "tests/bench/sse_subjects.hpp"

#include "runtime/daemon.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

// The whole daemon with its database, its HTTP server and all its workers: the
// events come from jobs that wait for an approval, and carry the time as the
// name of their user.

namespace tunerd::bench {

namespace {

using namespace std::chrono_literals;

/// Who does not read is cut within 30 s.
constexpr int seconds_until_cut = 32;

/// As many as are decided about at once.
constexpr int lot = 100;

/// Events of a job that is rejected.
constexpr int events_each = 2;

/// One connection that stays open.
class http_caller {
public:
  explicit http_caller(std::string url)
    : url_(std::move(url)), easy_(curl_easy_init(), &curl_easy_cleanup),
      headers_(curl_slist_append(nullptr, "Content-Type: application/json"),
               &curl_slist_free_all) {
    set(CURLOPT_HTTPHEADER, headers_.get());
    set(CURLOPT_TIMEOUT_MS, 30'000L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_WRITEDATA, &answer_);
    set(
      CURLOPT_WRITEFUNCTION,
      +[](char* text, size_t, size_t count, void* answer) {
        static_cast<std::string*>(answer)->append(text, count);
        return count;
      });
  }

  const std::string& get(const std::string& path) {
    set(CURLOPT_HTTPGET, 1L);
    return perform(path);
  }

  json post(const std::string& path, const json& body) {
    const auto text = body.dump();
    set(CURLOPT_POSTFIELDSIZE, static_cast<long>(text.size()));
    set(CURLOPT_COPYPOSTFIELDS, text.c_str());
    return json::parse(perform(path));
  }

private:
  template <class T>
  void set(CURLoption option, T value) {
    curl_easy_setopt(easy_.get(), option, value);
  }

  const std::string& perform(const std::string& path) {
    answer_.clear();
    set(CURLOPT_URL, (url_ + path).c_str());
    if (const auto code = curl_easy_perform(easy_.get()); code != CURLE_OK)
      throw std::runtime_error(curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
      throw std::runtime_error(path + ": " + std::to_string(status) + " "
                               + answer_.substr(0, 200));
    return answer_;
  }

  std::string url_;
  std::string answer_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy_;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_;
};

/// Calls what people look at, fifty times a second; a thread.
class rest_probe {
public:
  explicit rest_probe(const std::string& url)
    : thread_([this, url] { run(url); }) {
  }

  ~rest_probe() {
    stop_ = true;
    thread_.join();
  }

  /// @returns the percentiles since the last call, in milliseconds.
  json latency_ms() {
    std::vector<double> taken;
    {
      std::lock_guard guard{mutex_};
      if (!failure_.empty())
        throw std::runtime_error("a call failed: " + failure_);
      taken.swap(samples_);
    }
    auto result = percentiles(taken);
    for (auto& x : result)
      x = std::round(x.get<double>() * 100) / 100;
    if (result.is_object())
      result["calls"] = taken.size();
    return result;
  }

private:
  void run(const std::string& url) {
    const char* const paths[]
      = {"/api/cloud/jobs?limit=50", "/api/queue/stats", "/api/queue?limit=50",
         "/api/approvals/requests?status=pending&limit=50"};
    try {
      http_caller http{url};
      auto next = steady::now();
      for (size_t i = 0; !stop_; ++i) {
        const auto took = seconds_of([&] { http.get(paths[i % 4]); });
        {
          std::lock_guard guard{mutex_};
          samples_.push_back(took * 1'000);
        }
        next = std::max(next + 20ms, steady::now());
        std::this_thread::sleep_until(next);
      }
    } catch (const std::exception& e) {
      std::lock_guard guard{mutex_};
      failure_ = e.what();
    }
  }

  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::vector<double> samples_;
  std::string failure_;
  std::thread thread_;
};

daemon_options options_for(const std::string& directory) {
  daemon_options result;
  result.read_environment = false;
  result.simulate = true;
  result.settings = {{"tunerd.http.listen", "127.0.0.1:0"},
                     {"tunerd.http.rate_limit_calls", "0"},
                     {"tunerd.storage.state_dir", directory},
                     {"tunerd.logging.level", "ERROR"},
                     {"tunerd.sse.max_connections", "100000"},
                     {"tunerd.sse.max_per_client", "100000"}};
  return result;
}

class daemon_load {
public:
  explicit daemon_load(const std::string& directory)
    : place_(directory), daemon_(options_for(place_.path())) {
    daemon_.start();
    const auto url = daemon_.url();
    port_
      = static_cast<uint16_t>(std::stoi(url.substr(url.find_last_of(':') + 1)));
    http_ = std::make_unique<http_caller>(url);
  }

  ~daemon_load() {
    daemon_.stop();
  }

  std::string url() const {
    return daemon_.url();
  }

  uint16_t port() const {
    return port_;
  }

  /// A job that waits for an approval, with its events.
  void submit() {
    const json body{{"input", {{"steps", 1}}},
                    {"user_id", marked_now()},
                    {"requires_approval", true}};
    const auto answer = http_->post("/api/cloud/jobs/submit", body);
    waiting_.push_back(answer.at("approval_id"));
  }

  /// Ends up to `lot` jobs that wait, in one transaction.
  /// @returns how many events that makes at least.
  uint64_t reject() {
    const auto count = std::min<size_t>(waiting_.size(), lot);
    const json ids(std::vector<json>(
      waiting_.end() - static_cast<ptrdiff_t>(count), waiting_.end()));
    waiting_.resize(waiting_.size() - count);
    http_->post("/api/approvals/requests/bulk-reject",
                {{"request_ids", ids}, {"reason", "enough"}});
    return count * events_each;
  }

  size_t waiting() const {
    return waiting_.size();
  }

private:
  scratch place_;
  daemon daemon_;
  uint16_t port_ = 0;
  std::unique_ptr<http_caller> http_;
  std::vector<json> waiting_;
};

/// What is streamed while `probe` looks.
class phases {
public:
  phases(daemon_load& load, rest_probe& probe, sse_clients& readers,
         const sse_daemon_load& chosen)
    : load_(load), probe_(probe), readers_(readers), chosen_(chosen) {
  }

  json live() {
    probe_.latency_ms();
    readers_.reset();
    auto next = steady::now();
    for (int i = 0; i < chosen_.live_seconds * 5; ++i) {
      load_.submit(); // two events
      next += 200ms;
      std::this_thread::sleep_until(next);
    }
    std::this_thread::sleep_for(500ms);
    return {{"rest_ms", probe_.latency_ms()},
            {"submission_to_subscriber_ms", readers_.latency_ms()}};
  }

  json burst() {
    while (load_.waiting() < 3 * lot)
      load_.submit();
    std::this_thread::sleep_for(1s);
    probe_.latency_ms();
    uint64_t delivered = 0;
    const auto took = seconds_of([&] {
      for (int i = 0; i < 3; ++i) {
        readers_.reset();
        const auto wanted
          = load_.reject() * static_cast<uint64_t>(chosen_.subscribers);
        readers_.await(wanted);
        delivered += wanted;
      }
    });
    return {{"rest_ms", probe_.latency_ms()},
            {"deliveries_per_second",
             std::round(static_cast<double>(delivered) / took)}};
  }

  /// @param others Connect and do not read.
  json stalled(sse_clients& others) {
    others.connect(load_.port(), "/api/events?last_event_id=0", chosen_.stalled,
                   false);
    auto result = burst();
    probe_.latency_ms();
    std::this_thread::sleep_for(std::chrono::seconds{seconds_until_cut});
    result["rest_ms_until_cut"] = probe_.latency_ms();
    return result;
  }

  json replay(sse_clients& one) {
    probe_.latency_ms();
    one.connect(load_.port(), "/api/events?last_event_id=0", 1, true);
    std::this_thread::sleep_for(2s);
    return {{"rest_ms", probe_.latency_ms()}, {"events", one.events()}};
  }

private:
  daemon_load& load_;
  rest_probe& probe_;
  sse_clients& readers_;
  const sse_daemon_load& chosen_;
};

} // namespace

json measure_sse_daemon(const sse_daemon_load& chosen) {
  sse_clients readers, others, one; // processes: before there are threads
  curl_global_init(CURL_GLOBAL_DEFAULT);
  daemon_load load{chosen.directory};
  rest_probe probe{load.url()};
  for (int i = 0; i < 50; ++i)
    load.submit();
  std::this_thread::sleep_for(1s);
  probe.latency_ms();
  std::this_thread::sleep_for(4s);
  json result{{"subscribers", chosen.subscribers},
              {"idle", {{"rest_ms", probe.latency_ms()}}}};
  readers.connect(load.port(), "/api/events", chosen.subscribers, true);
  result["connecting"] = {{"rest_ms", probe.latency_ms()}};
  phases then{load, probe, readers, chosen};
  result["live"] = then.live();
  result["burst"] = then.burst();
  if (chosen.stalled > 0)
    result["stalled"] = then.stalled(others);
  result["replay"] = then.replay(one);
  result["resident_megabytes"] = resident_bytes_of() / 1'000'000;
  return result;
}

} // namespace tunerd::bench
