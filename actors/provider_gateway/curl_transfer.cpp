#include "actors/provider_gateway/curl_transfer.hpp"

#include "actors/provider_gateway/curl_words.hpp"
#include "actors/provider_gateway/public_address.hpp"
#include "actors/support/log.hpp"
#include "actors/support/redaction.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <stdexcept>

namespace tunerd {

namespace {

constexpr size_t header_bytes_max = 256 * 1024;

/// A question whose answer stands still for so long is given up.
constexpr long stall_seconds = 30;

/// Failures that curl reports before it has a connection to write to, and those
/// whose counters can show that nothing was written.
bool may_precede_request(CURLcode code) {
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_SEND_ERROR: return true;
    default: return false;
  }
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == 127;
  });
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos)
    return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

std::string lower(std::string_view text) {
  std::string result{text};
  for (auto& c : result)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

/// What the thread says on its own; a second one would contradict it.
bool is_own_header(std::string_view lower_name) {
  return lower_name == "x-correlation-id" || lower_name == "user-agent";
}

long millis(caf::timespan span) {
  using std::chrono::ceil, std::chrono::milliseconds;
  return std::max<long>(1, ceil<milliseconds>(span).count());
}

} // namespace

http_transfer classify(const curl_progress& progress) {
  if (progress.code == CURLE_OK)
    return http_transfer::answered;
  // curl sets the time after its first attempt to write, and the bytes with
  // each attempt that wrote some. It writes at most one TLS record at a time,
  // so nothing of a record it failed to write can be read by the server.
  const bool untouched
    = progress.request_bytes == 0 && progress.pretransfer_micros == 0;
  return untouched && may_precede_request(progress.code)
           ? http_transfer::not_sent
           : http_transfer::lost;
}

bool is_sendable(const http_request& request) {
  return !has_control(request.method) && !has_control(request.url)
         && !has_control(request.ctx.correlation_id)
         && std::none_of(request.headers.begin(), request.headers.end(),
                         [](const auto& x) {
                           return has_control(x.first) || has_control(x.second);
                         });
}

curl_transfer::curl_transfer(const curl_settings& settings)
  : settings_(settings), easy_(curl_easy_init(), curl_easy_cleanup),
    headers_(nullptr, curl_slist_free_all) {
  if (!easy_)
    throw std::runtime_error("libcurl: no memory for a handle");
}

void curl_transfer::prepare(http_request request, caf::timespan time_left,
                            curl_thread::answer_callback on_answer) {
  request_ = std::move(request);
  on_answer_ = std::move(on_answer);
  response_ = {.ctx = request_.ctx};
  refusal_.clear();
  header_bytes_ = 0;
  head_complete_ = false;
  connected_ = false;
  failure_[0] = '\0';
  auto* easy = easy_.get();
  curl_easy_reset(easy); // Keeps the connections.
  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, failure_.data());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &curl_transfer::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &curl_transfer::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  set_limits(time_left);
  set_protocol();
  set_security();
  set_route();
  set_request();
  set_log();
}

void curl_transfer::set_limits(caf::timespan time_left) {
  auto* easy = easy_.get();
  const auto left = millis(time_left);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  // Without it, giving up would wait for the thread that resolves the name.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, left);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   std::min(left, millis(settings_.connect_timeout)));
  curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 300L);
  curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 30L);
}

void curl_transfer::set_protocol() {
  auto* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &curl_transfer::on_connected);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, this);
  if (request_.method != "GET") {
    // One call per connection at a time: what was written is provable. Nor is
    // it cut for being quiet: that would only raise a doubt.
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    // Left open, it would draw questions away from a shared connection.
    if (request_.url.starts_with("https"))
      curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    return;
  }
  // Many calls share a connection where the server offers it; the first one
  // finds out, the others wait for it.
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, stall_seconds);
}

void curl_transfer::set_security() {
  auto* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  const auto outbound = settings_.outbound.get();
  const bool verify = outbound->ssl_verify;
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
  if (!outbound->ca_bundle.empty())
    curl_easy_setopt(easy, CURLOPT_CAINFO, outbound->ca_bundle.c_str());
  if (!outbound->proxy_url.empty())
    curl_easy_setopt(easy, CURLOPT_PROXY, outbound->proxy_url.c_str());
}

void curl_transfer::set_route() {
  if (!request_.public_only)
    return;
  auto* easy = easy_.get();
  // The address is judged when its socket is made, after all names and
  // notations are resolved. So no connection may be one that exists already,
  // and none may lead to a proxy, which would resolve the name itself.
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &curl_transfer::on_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
}

void curl_transfer::set_request() {
  auto* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str());
  if (request_.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L); // Or it waits for a body.
  } else if (request_.method != "GET") {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.data());
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  }
  headers_.reset();
  add_header("Expect:"); // Or curl would send the request in two halves.
  for (const auto& [name, value] : request_.headers)
    if (!is_own_header(lower(name)))
      add_header(name + ": " + value);
  add_header("X-Correlation-ID: " + request_.ctx.correlation_id);
  add_header("User-Agent: SimpleTuner-Cloud/1.0 tunerd/" TUNERD_VERSION);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());
}

void curl_transfer::set_log() {
  if (!logs_curl_words())
    return;
  auto* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
  curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, &curl_transfer::on_words);
  curl_easy_setopt(easy, CURLOPT_DEBUGDATA, this);
}

void curl_transfer::add_header(const std::string& line) {
  auto* longer = curl_slist_append(headers_.get(), line.c_str());
  if (longer == nullptr)
    throw std::bad_alloc{};
  static_cast<void>(headers_.release());
  headers_.reset(longer);
}

size_t curl_transfer::on_body(char* bytes, size_t one, size_t count,
                              void* self) {
  auto* transfer = static_cast<curl_transfer*>(self);
  return transfer->take_body({bytes, one * count}) ? one * count : 0;
}

size_t curl_transfer::on_header(char* bytes, size_t one, size_t count,
                                void* self) {
  auto* transfer = static_cast<curl_transfer*>(self);
  return transfer->take_header({bytes, one * count}) ? one * count : 0;
}

int curl_transfer::on_connected(void* self, char*, char*, int, int) {
  auto* transfer = static_cast<curl_transfer*>(self);
  const auto& request = transfer->request_;
  if (request.method != "GET" && request.method != "HEAD"
      && !request.public_only && !transfer->settings_.may_change()) {
    transfer->refusal_ = not_leading_failure;
    return CURL_PREREQFUNC_ABORT;
  }
  transfer->connected_ = true;
  return CURL_PREREQFUNC_OK;
}

int curl_transfer::on_words(CURL*, curl_infotype kind, char* bytes,
                            size_t count, void* self) {
  log_context scope{static_cast<curl_transfer*>(self)->request_.ctx};
  log_curl_words(kind, {bytes, count});
  return 0;
}

curl_socket_t curl_transfer::on_socket(void* self, curlsocktype,
                                       curl_sockaddr* address) {
  auto* transfer = static_cast<curl_transfer*>(self);
  if (!is_public(address->addr)) {
    transfer->refusal_ = not_public_failure;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC,
                  address->protocol);
}

bool curl_transfer::take_body(std::string_view bytes) {
  if (request_.public_only)
    return true; // Whoever names the address is told nothing of what it says.
  if (response_.body.size() + bytes.size() > settings_.body_bytes_max) {
    refusal_ = "the answer's body is too large";
    return false;
  }
  response_.body.append(bytes);
  return true;
}

bool curl_transfer::take_header(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > header_bytes_max) {
    refusal_ = "the answer's headers are too large";
    return false;
  }
  if (line.starts_with("HTTP/")) {
    response_.headers.clear(); // An interim answer (100) came before.
    head_complete_ = false;
  } else if (const auto colon = line.find(':'); colon != line.npos) {
    response_.headers.emplace_back(lower(trimmed(line.substr(0, colon))),
                                   trimmed(line.substr(colon + 1)));
  } else if (trimmed(line).empty()) {
    head_complete_ = true;
  }
  return true;
}

void curl_transfer::finish(CURLcode code) {
  auto response = make_response(code);
  auto on_answer = std::move(on_answer_);
  on_answer_ = nullptr;
  request_ = {}; // It may hold secrets.
  log_context scope{response.ctx};
  on_answer(std::move(response));
}

http_response curl_transfer::make_response(CURLcode code) {
  auto* easy = easy_.get();
  // curl takes headers that end with their connection for whole ones.
  if (code == CURLE_OK && !head_complete_)
    code = CURLE_PARTIAL_FILE;
  curl_progress progress{.code = code};
  curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &progress.request_bytes);
  curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T,
                    &progress.pretransfer_micros);
  const auto transfer = classify(progress);
  if (transfer != http_transfer::answered) {
    http_response result{.ctx = response_.ctx, .transfer = transfer};
    // It goes to logs and callers; curl quotes URLs.
    result.failure = redacted(!refusal_.empty()     ? refusal_.c_str()
                              : failure_[0] != '\0' ? failure_.data()
                                                    : curl_easy_strerror(code));
    return result;
  }
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  auto result = std::move(response_);
  result.transfer = transfer;
  result.status = static_cast<int>(status);
  return result;
}

} // namespace tunerd
