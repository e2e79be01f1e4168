#include "runtime/tunerctl/client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <memory>

namespace tunerd::tunerctl {

namespace {

constexpr long timeout_seconds = 60;
constexpr size_t answer_bytes_max = 64 * 1024 * 1024;
/// Of what a head says of a rate: no more than can be reckoned with.
constexpr int64_t rate_max = 1'000'000'000;
constexpr int64_t renewal_seconds_max = 60;

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

/// Where the head of an answer goes; the end of a redirect is none of ours.
size_t hear_head(char* bytes, size_t, size_t count, void* context) {
  note_rate(*static_cast<rate_seen*>(context), {bytes, count},
            std::chrono::duration_cast<std::chrono::seconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count());
  return count;
}

/// @returns the text of an answer 2xx.
std::string answer_of(const target& to, transfer& way) {
  std::string answer;
  way.set(CURLOPT_TIMEOUT, timeout_seconds);
  way.set(CURLOPT_WRITEFUNCTION, append);
  way.set(CURLOPT_WRITEDATA, &answer);
  if (const auto code = way.perform(); code != CURLE_OK)
    throw failure{why_not(to, code)};
  if (way.status() < 200 || way.status() > 299)
    throw failure{message_of(way.status(), answer)};
  return answer;
}

} // namespace

void note_rate(rate_seen& rate, std::string_view line, int64_t now) {
  const auto colon = line.find(':');
  if (colon == line.npos)
    return;
  std::string name{line.substr(0, colon)};
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  line.remove_prefix(
    std::min(line.find_first_not_of(" \t", colon + 1), line.size()));
  int64_t value = 0;
  if (std::from_chars(line.data(), line.data() + line.size(), value).ec
      != std::errc{})
    return;
  if (name == "x-ratelimit-limit")
    rate.limit = std::clamp<int64_t>(value, 0, rate_max);
  else if (name == "x-ratelimit-remaining")
    rate.left = std::clamp<int64_t>(value, 0, rate_max);
  else if (name == "x-ratelimit-reset")
    rate.renewed_in = std::chrono::seconds{
      std::clamp(value, now, now + renewal_seconds_max) - now};
}

std::string call_text(const target& to, const std::string& path) {
  transfer way{to, path};
  return answer_of(to, way);
}

nlohmann::json call(const target& to, const std::string& method,
                    const std::string& path, const std::string& body,
                    rate_seen* rate) {
  transfer way{to, path};
  way.set(CURLOPT_CUSTOMREQUEST, method.c_str());
  if (!body.empty()) {
    way.add_header("Content-Type: application/json");
    way.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    way.set(CURLOPT_POSTFIELDS, body.c_str());
  }
  if (rate != nullptr) {
    *rate = {};
    way.set(CURLOPT_HEADERFUNCTION, hear_head);
    way.set(CURLOPT_HEADERDATA, rate);
  }
  auto result = nlohmann::json::parse(answer_of(to, way), nullptr, false);
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
