#include "runtime/tunerctl/client.hpp"

#include <curl/curl.h>

#include <memory>

namespace tunerd::tunerctl {

namespace {

constexpr long timeout_seconds = 60;
constexpr size_t answer_bytes_max = 64 * 1024 * 1024;

/// One curl handle with its headers.
class transfer {
public:
  transfer(const target& to, const std::string& path)
    : handle_(curl_easy_init(), curl_easy_cleanup) {
    if (!handle_)
      throw failure{"curl cannot start"};
    set(CURLOPT_URL, (to.url + path).c_str());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_CONNECTTIMEOUT, 5L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    // The daemon is on this machine or behind a name of ours: no proxy.
    set(CURLOPT_NOPROXY, "*");
    if (!to.token.empty())
      add_header("Authorization: Bearer " + to.token);
  }

  ~transfer() {
    curl_slist_free_all(headers_);
  }

  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;

  template <class T>
  void set(CURLoption option, T value) {
    curl_easy_setopt(handle_.get(), option, value);
  }

  void add_header(const std::string& line) {
    headers_ = curl_slist_append(headers_, line.c_str());
  }

  CURLcode perform() {
    set(CURLOPT_HTTPHEADER, headers_);
    return curl_easy_perform(handle_.get());
  }

  long status() {
    long result = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &result);
    return result;
  }

private:
  std::unique_ptr<CURL, void (*)(CURL*)> handle_;
  curl_slist* headers_ = nullptr;
};

size_t append(char* bytes, size_t, size_t count, void* target_string) {
  auto& text = *static_cast<std::string*>(target_string);
  if (text.size() + count > answer_bytes_max)
    return 0;
  text.append(bytes, count);
  return count;
}

/// @returns why there is no answer.
std::string why_not(const target& to, CURLcode code) {
  if (code == CURLE_COULDNT_CONNECT)
    return "no daemon at " + to.url + ": is it running?";
  return to.url + ": " + curl_easy_strerror(code);
}

/// @returns what the daemon says went wrong.
std::string message_of(long status, const std::string& body) {
  const auto answer = nlohmann::json::parse(body, nullptr, false);
  auto text = "HTTP " + std::to_string(status);
  if (answer.is_object() && answer.contains("message"))
    text += ": " + answer.value("message", "");
  return text;
}

struct listener {
  const std::function<bool(std::string_view)>& on_bytes;
  transfer& way;
  std::string refusal = {};
  bool stopped = false;
};

size_t hear(char* bytes, size_t, size_t count, void* context) {
  auto& self = *static_cast<listener*>(context);
  if (self.way.status() != 200) {
    self.refusal.append(bytes, std::min<size_t>(count, 4096));
    return count;
  }
  self.stopped = !self.on_bytes({bytes, count});
  return self.stopped ? 0 : count;
}

int idle(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& self = *static_cast<listener*>(context);
  self.stopped = self.stopped || !self.on_bytes({});
  return self.stopped ? 1 : 0;
}

} // namespace

nlohmann::json call(const target& to, const std::string& method,
                    const std::string& path, const std::string& body) {
  transfer way{to, path};
  std::string answer;
  way.set(CURLOPT_CUSTOMREQUEST, method.c_str());
  way.set(CURLOPT_TIMEOUT, timeout_seconds);
  way.set(CURLOPT_WRITEFUNCTION, append);
  way.set(CURLOPT_WRITEDATA, &answer);
  if (!body.empty()) {
    way.add_header("Content-Type: application/json");
    way.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    way.set(CURLOPT_POSTFIELDS, body.c_str());
  }
  if (const auto code = way.perform(); code != CURLE_OK)
    throw failure{why_not(to, code)};
  if (way.status() < 200 || way.status() > 299)
    throw failure{message_of(way.status(), answer)};
  auto result = nlohmann::json::parse(answer, nullptr, false);
  if (result.is_discarded())
    throw failure{to.url + ": the answer is not JSON; is this tunerd?"};
  return result;
}

void stream(const target& to, const std::string& path,
            const std::string& last_event_id,
            const std::function<bool(std::string_view)>& on_bytes) {
  transfer way{to, path};
  if (!last_event_id.empty())
    way.add_header("Last-Event-ID: " + last_event_id);
  listener self{on_bytes, way};
  way.set(CURLOPT_WRITEFUNCTION, hear);
  way.set(CURLOPT_WRITEDATA, &self);
  way.set(CURLOPT_NOPROGRESS, 0L);
  way.set(CURLOPT_XFERINFOFUNCTION, idle);
  way.set(CURLOPT_XFERINFODATA, &self);
  const auto code = way.perform();
  if (way.status() != 0 && way.status() != 200)
    throw failure{message_of(way.status(), self.refusal)};
  if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
    throw failure{why_not(to, code)};
}

} // namespace tunerd::tunerctl
