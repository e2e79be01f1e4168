#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// HTTP for programs with or without the daemon. Every request carries the
// correlation id of the work that makes it. Nothing of CAF or libcurl here.
//
//     const auto client = tunerd::get_client();
//     const auto answer = client.get("https://api.replicate.com/v1/account");
//     // The request had X-Correlation-ID: <tunerd::get_correlation_id()>

namespace tunerd {

/// A call without an answer. The text is for people and shows no secrets.
class call_failed : public std::runtime_error {
public:
  call_failed(const std::string& what, bool may_have_arrived)
    : std::runtime_error(what), may_have_arrived_(may_have_arrived) {
  }

  /// @returns whether the server may have acted on the request. If not, it is
  /// safe to call again, whatever the method.
  bool may_have_arrived() const noexcept {
    return may_have_arrived_;
  }

private:
  bool may_have_arrived_;
};

/// Makes HTTP calls. Copies share connections, limits and a thread, which ends
/// with the last of them. Any thread; each call blocks its caller until the
/// answer or the time-out. http and https only; redirects are not followed.
class client {
public:
  using header_list = std::vector<std::pair<std::string, std::string>>;

  struct options {
    /// Of a whole call. Range: 1 ms to 1 h.
    std::chrono::milliseconds timeout{30'000};
    /// A larger body of an answer fails the call.
    size_t body_bytes_max = 32 * 1024 * 1024;
    /// Calls at once; more wait. Range: 1 to 1000.
    size_t in_flight_max = 64;
    /// Whether certificates are checked.
    bool ssl_verify = true;
    /// File of CA certificates; empty for the system's.
    std::string ca_bundle = {};
    /// Goes before the proxies of the environment; empty for those.
    std::string proxy_url = {};
  };

  /// One call.
  struct call {
    std::string method = "GET";
    /// With scheme; spaces and the like escaped.
    std::string url = {};
    /// X-Correlation-ID and User-Agent are the client's own.
    header_list headers = {};
    std::string body = {};
    /// Range: 1 ms to 1 h; 0: the client's.
    std::chrono::milliseconds timeout{0};
  };

  /// What came back, whatever its status.
  struct response {
    int status = 0;
    /// Names in lower case, values as received; repeated names repeat.
    header_list headers = {};
    std::string body = {};

    /// @returns the first value of `name` (lower case), or "".
    std::string header(const std::string& name) const;
  };

  /// Starts the thread.
  /// @throws std::invalid_argument naming the option out of range.
  /// @throws std::runtime_error if libcurl or the thread cannot start.
  explicit client(options how);

  /// Makes one call in the log context of this thread: the correlation id in
  /// force there, made if there is none, is sent.
  /// @throws call_failed if there is no answer.
  /// @throws std::invalid_argument if the time-out is out of range.
  response request(call what) const;

  response get(std::string url, header_list headers = {}) const;
  response post(std::string url, std::string body,
                header_list headers = {}) const;
  response put(std::string url, std::string body,
               header_list headers = {}) const;
  response patch(std::string url, std::string body,
                 header_list headers = {}) const;
  /// `delete` is a word of the language.
  response delete_(std::string url, header_list headers = {}) const;

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

/// @returns the client that all callers of this function share, with the
/// default options.
/// @throws std::runtime_error if libcurl or its thread cannot start.
client get_client();

} // namespace tunerd
