#pragma once

#include "actors/replicate_simulator/replicate_api.hpp"
#include "actors/support/http_server.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace tunerd {

/// A provider to practise with: an HTTP server that speaks Replicate's API,
/// lets predictions run by the clock, and counts what it was asked.
///
/// Besides `/v1/...` (any non-empty bearer token) it answers, without a token:
/// GET /simulator/stats, POST /simulator/faults, POST /simulator/reset.
/// Everything is in memory and on the server's thread. docs/SIMULATOR.md has
/// the faults.
class replicate_simulator {
public:
  struct options {
    std::string host = "127.0.0.1";
    /// 0 takes a free port.
    uint16_t port = 0;
    /// Called on the simulator's thread only, as is `random`.
    wall_clock clock;
    random_source random;
    struct timings {
      /// From the creation of a prediction to its start.
      std::chrono::milliseconds queue{1'000};
      /// From its start to its end.
      std::chrono::milliseconds run{4'000};
      /// From its end until input, output and logs are removed.
      std::chrono::milliseconds data_kept = std::chrono::hours{1};
    };
    timings timings = {};
    /// The only token accepted; empty accepts any.
    std::string token = {};
    /// Input fields by whose values submissions are counted.
    std::string user_field = "user";
    std::string job_field = "job";
    /// Faults from the start on, as for POST /simulator/faults; empty for none.
    std::string script = {};
    /// Sends a webhook and tells, on any thread, whether the client took it.
    /// Called on the simulator's thread; must not block. Empty: none are sent.
    std::function<void(http_request, std::function<void(bool)>)> deliver = {};
  };

  /// Binds and listens; serves from `start` on.
  /// @throws std::system_error naming the address if it cannot listen there,
  /// std::invalid_argument naming what is wrong with the script.
  explicit replicate_simulator(options opts);

  /// Starts the thread. Once.
  void start();

  /// Closes all connections, joins the thread. Blocks. Idempotent; also done
  /// by the destructor.
  void stop();

  uint16_t port() const noexcept;

  /// @returns e.g. "http://127.0.0.1:8771".
  std::string origin() const;

  /// @returns what a client is configured with: the origin and "/v1".
  std::string base_url() const;

private:
  void serve(const http_call& call);
  void answer(uint64_t exchange, const simulated::api_answer& what);

  /// Sends what has changed, and comes back when more will.
  void send_webhooks();
  void send(const simulated::delivery& what, int tried);

  options opts_;
  simulated::replicate_api api_;
  /// When `send_webhooks` comes back; the beginning of time if it does not.
  timestamp comes_back_ = {};
  http_server server_;
};

} // namespace tunerd
