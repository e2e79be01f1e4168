#include "actors/provider_gateway/curl_thread.hpp"

#include "actors/provider_gateway/curl_transfer.hpp"
#include "actors/provider_gateway/url.hpp"
#include "actors/provider_gateway/warm_up.hpp"
#include "actors/support/log.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <csignal>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace tunerd {

namespace {

using namespace std::chrono_literals;

/// A little less than libcurl remembers names (CURLOPT_DNS_CACHE_TIMEOUT).
constexpr caf::timespan names_known = 295s;

/// Each look at the calls under way costs as much as there are. So if they are
/// many, what happens within `gather_for` is looked at together: at the worst a
/// call takes twice as much longer.
constexpr size_t crowd_min = 16;
constexpr timespec gather_for{.tv_sec = 0, .tv_nsec = 1'000'000};

bool is_write(const http_request& request) {
  return request.method != "GET" && request.method != "HEAD";
}

/// libcurl's own set-up, here only: once per process, before its first thread,
/// never undone.
CURLM* make_multi() {
  static const auto ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  auto* result = ready == CURLE_OK ? curl_multi_init() : nullptr;
  if (result == nullptr)
    throw std::runtime_error("libcurl cannot start");
  return result;
}

void answer_unsent(const http_request& request, const char* failure,
                   const curl_thread::answer_callback& on_answer) {
  log_context scope{request.ctx};
  on_answer({.ctx = request.ctx,
             .transfer = http_transfer::not_sent,
             .failure = failure});
}

} // namespace

struct curl_thread::impl {
  struct queued_call {
    http_request request;
    answer_callback on_answer;
    /// On the clock of the settings.
    caf::timespan deadline;
    std::string origin;
  };

  explicit impl(curl_settings x)
    : settings(std::move(x)), multi(make_multi(), curl_multi_cleanup) {
    curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS,
                      static_cast<long>(room_for(true)));
    thread = std::thread{[this] { run(); }};
  }

  // -- any thread -------------------------------------------------------------

  bool submit(http_request request, answer_callback on_answer) {
    const auto deadline = settings.monotonic() + request.timeout;
    auto origin = origin_of(request.url);
    bool is_awake = false;
    {
      std::lock_guard guard{mutex};
      if (stopping || queue.size() >= settings.queued_max)
        return false;
      queue.push_back({std::move(request), std::move(on_answer), deadline,
                       std::move(origin)});
      is_awake = std::exchange(woken, true);
    }
    if (!is_awake)
      curl_multi_wakeup(multi.get());
    return true;
  }

  void stop() {
    {
      std::lock_guard guard{mutex};
      stopping = true;
    }
    curl_multi_wakeup(multi.get());
    if (thread.joinable())
      thread.join();
  }

  // -- the curl thread --------------------------------------------------------

  void run() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    while (!is_stopping()) {
      drop_expired();
      start_queued();
      int running = 0;
      curl_multi_perform(multi.get(), &running);
      // Whoever waited for one of them can start now.
      if (finish_done() + note_connected() == 0)
        curl_multi_poll(multi.get(), nullptr, 0, 1000, nullptr);
      if (in_flight.size() >= crowd_min)
        ::ppoll(nullptr, 0, &gather_for, nullptr);
    }
    give_up();
  }

  /// From here on a submission wakes the thread again.
  bool is_stopping() {
    std::lock_guard guard{mutex};
    woken = false;
    return stopping;
  }

  /// Takes the first call out of the queue that `wanted` accepts.
  template <class Predicate>
  std::optional<queued_call> take(Predicate wanted) {
    std::lock_guard guard{mutex};
    auto i = std::find_if(queue.begin(), queue.end(), wanted);
    if (i == queue.end())
      return std::nullopt;
    auto result = std::move(*i);
    queue.erase(i);
    return result;
  }

  /// Whoever asked may have given up: from its deadline on a call is not sent.
  void drop_expired() {
    const auto now = settings.monotonic();
    const auto is_late = [now](const auto& x) { return x.deadline <= now; };
    while (auto call = take(is_late))
      answer_unsent(call->request, "waited too long for a free connection",
                    call->on_answer);
  }

  void start_queued() {
    const auto now = settings.monotonic();
    for (const bool writes : {true, false}) {
      const auto room = room_for(writes);
      const auto fits = [&](const auto& x) {
        return is_write(x.request) == writes && hosts.may_start(x.origin, now);
      };
      while (in_flight.size() < room) {
        auto call = take(fits);
        if (!call)
          break;
        start(*call);
      }
    }
  }

  /// Calls that change something find a quarter more: no number of questions
  /// under way keeps a submission or a cancellation waiting.
  size_t room_for(bool writes) const {
    const auto room = settings.in_flight_max;
    return writes ? room + room / 4 : room;
  }

  /// @returns how many of those that went first have their connection now.
  size_t note_connected() {
    return std::erase_if(first, [this](const auto& entry) {
      const auto& transfer = *in_flight.at(entry.first);
      if (transfer.is_connected())
        hosts.reached(entry.second, true, settings.monotonic());
      return transfer.is_connected();
    });
  }

  void start(queued_call& call) {
    const auto left = call.deadline - settings.monotonic();
    if (left <= caf::timespan{0})
      return answer_unsent(call.request, "timed out", call.on_answer);
    if (!is_sendable(call.request))
      return answer_unsent(call.request, "the request has control characters",
                           call.on_answer);
    auto transfer = from_pool();
    transfer->prepare(std::move(call.request), left, std::move(call.on_answer));
    auto* easy = transfer->handle();
    in_flight.emplace(easy, std::move(transfer));
    if (hosts.start(call.origin, settings.monotonic()))
      first.emplace(easy, call.origin);
    if (curl_multi_add_handle(multi.get(), easy) != CURLM_OK)
      finish(easy, CURLE_ABORTED_BY_CALLBACK);
  }

  std::unique_ptr<curl_transfer> from_pool() {
    if (idle.empty())
      return std::make_unique<curl_transfer>(settings);
    auto result = std::move(idle.back());
    idle.pop_back();
    return result;
  }

  /// @returns how many calls it finished.
  size_t finish_done() {
    size_t finished = 0;
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi.get(), &left)) {
      if (message->msg != CURLMSG_DONE)
        continue;
      finish(message->easy_handle, message->data.result);
      ++finished;
    }
    return finished;
  }

  void finish(CURL* easy, CURLcode code) {
    auto entry = in_flight.extract(easy);
    if (const auto one = first.extract(easy))
      hosts.reached(one.mapped(), entry.mapped()->is_connected(),
                    settings.monotonic());
    curl_multi_remove_handle(multi.get(), easy);
    entry.mapped()->finish(code);
    idle.push_back(std::move(entry.mapped()));
  }

  void give_up() {
    while (!in_flight.empty())
      finish(in_flight.begin()->first, CURLE_ABORTED_BY_CALLBACK);
    const auto any = [](const auto&) { return true; };
    while (auto call = take(any))
      answer_unsent(call->request, "stopped", call->on_answer);
  }

  const curl_settings settings;
  std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi;
  std::mutex mutex;
  /// Guarded by `mutex`. At most `queued_max`; a call leaves when it starts, at
  /// its deadline or at the stop.
  std::deque<queued_call> queue;
  /// Guarded by `mutex`.
  bool stopping = false;
  /// Guarded by `mutex`. The thread will look at the queue anyway.
  bool woken = false;
  /// At most `room_for(true)`; a call leaves when curl is
  /// done with it. Declared after `multi`, so that handles go first.
  std::map<CURL*, std::unique_ptr<curl_transfer>> in_flight;
  warm_up hosts{names_known};
  /// Those of `in_flight` that went first, with their origins.
  std::map<CURL*, std::string> first;
  /// Together with `in_flight` at most what that had at once.
  std::vector<std::unique_ptr<curl_transfer>> idle;
  std::thread thread;
};

curl_thread::curl_thread(curl_settings settings)
  : impl_(std::make_unique<impl>(std::move(settings))) {
}

curl_thread::~curl_thread() {
  stop();
}

bool curl_thread::submit(http_request request, answer_callback on_answer) {
  return impl_->submit(std::move(request), std::move(on_answer));
}

void curl_thread::stop() {
  impl_->stop();
}

} // namespace tunerd
