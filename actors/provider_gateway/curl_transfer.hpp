#pragma once

#include "actors/provider_gateway/curl_thread.hpp"

#include <curl/curl.h>

#include <array>
#include <memory>
#include <string>

namespace tunerd {

/// What curl knows about a call that failed.
struct curl_progress {
  CURLcode code = CURLE_OK;
  /// Bytes of requests written, all connections of the call together.
  long request_bytes = 0;
  /// When the first request was handed to its connection; 0 if never.
  curl_off_t pretransfer_micros = 0;
};

/// @returns how far the call came: `answered` if it succeeded, `not_sent` only
/// if surely no byte of the request was written, else `lost`.
http_transfer classify(const curl_progress& progress);

/// @returns whether method, URL, headers and correlation id can be sent as they
/// are: nothing in them ends a line.
bool is_sendable(const http_request& request);

/// One easy handle, used for one call after the other. Belongs to the curl
/// thread.
class curl_transfer {
public:
  /// @throws std::runtime_error if libcurl has no memory.
  explicit curl_transfer(const curl_settings& settings);

  curl_transfer(const curl_transfer&) = delete;
  curl_transfer& operator=(const curl_transfer&) = delete;

  /// Sets the handle up; the owner of the multi handle adds it.
  /// @param time_left Of the request's time-out.
  void prepare(http_request request, caf::timespan time_left,
               curl_thread::answer_callback on_answer);

  CURL* handle() const {
    return easy_.get();
  }

  /// @returns whether the call has its connection.
  bool is_connected() const {
    return connected_;
  }

  /// Tells the callback how the call ended and forgets the call. The handle
  /// is in no multi handle any more.
  void finish(CURLcode code);

private:
  static size_t on_body(char* bytes, size_t one, size_t count, void* self);
  static size_t on_header(char* bytes, size_t one, size_t count, void* self);
  static int on_words(CURL* easy, curl_infotype kind, char* bytes, size_t count,
                      void* self);
  static curl_socket_t on_socket(void* self, curlsocktype purpose,
                                 curl_sockaddr* address);

  static int on_connected(void* self, char*, char*, int, int);

  void set_limits(caf::timespan time_left);
  void set_protocol();
  void set_security();
  void set_route();
  void set_request();
  void set_log();
  void add_header(const std::string& line);
  bool take_body(std::string_view bytes);
  bool take_header(std::string_view line);
  http_response make_response(CURLcode code);

  const curl_settings& settings_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy_;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_;
  std::array<char, CURL_ERROR_SIZE> failure_{};
  /// Why a callback refused to go on; empty if none did.
  std::string refusal_;
  size_t header_bytes_ = 0;
  bool connected_ = false;
  /// The blank line after the headers has come.
  bool head_complete_ = false;
  http_request request_;
  http_response response_;
  curl_thread::answer_callback on_answer_;
};

} // namespace tunerd
