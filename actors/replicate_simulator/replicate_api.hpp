#pragma once

#include "actors/replicate_simulator/api_request.hpp"
#include "actors/replicate_simulator/faults.hpp"
#include "actors/replicate_simulator/replicate_model.hpp"
#include "actors/support/http_server.hpp"

#include <string>

namespace tunerd::simulated {

/// What the server does with one call.
struct api_answer {
  enum class action : uint8_t { reply, hang, close };
  action act = action::reply;
  http_reply reply = {};
  std::chrono::milliseconds delay{0};
};

/// Replicate's HTTP API over a `replicate_model`, and the routes that set
/// faults and tell what was asked. Never throws, keeps no time of its own.
class replicate_api {
public:
  struct options {
    /// What becomes of predictions that do not say.
    fate becomes = {};
    /// How long after its end a prediction shows input, output and logs.
    std::chrono::milliseconds data_kept = std::chrono::hours{1};
    /// The only token accepted; empty accepts any.
    std::string token = {};
    marker_fields markers = {};
    /// Makes the ids.
    random_source random;
  };

  explicit replicate_api(options opts);

  /// Sets the faults, as POST /simulator/faults does.
  /// @throws std::invalid_argument naming the first bad field.
  void set_faults(const std::string& script, timestamp now);

  api_answer handle(const http_call& call, timestamp now);

  /// Lets happen what is due.
  /// @param origin By which the client reaches us, for the predictions' URLs.
  /// @returns what is to be sent about it and about what calls have caused.
  std::vector<delivery> take_deliveries(const std::string& origin,
                                        timestamp now);

  /// @returns how long until something happens that may have to be sent; none
  /// if nothing will.
  std::optional<std::chrono::milliseconds> next_due(timestamp now) const;

private:
  /// Calls of the API; those of the model's tallies come on top.
  struct counters {
    uint64_t polls = 0;
    uint64_t lists = 0;
    uint64_t cancels = 0;
    /// Without a valid token.
    uint64_t unauthorized = 0;
    /// Answered 422.
    uint64_t invalid = 0;
    /// Answered 429 by the rate limit.
    uint64_t throttled = 0;
    /// Answered by a fault.
    uint64_t faults = 0;
  };

  http_reply control(const api_request& what);
  api_answer provider(const api_request& what);
  api_answer submit(const api_request& what);
  api_answer list(const api_request& what);
  api_answer one(const api_request& what, const std::string& id);
  api_answer cancel(const api_request& what, const std::string& id);

  /// @returns what `effect` does and answers, or in its place the next fault
  /// of `route`, which may have the effect too.
  template <class Effect>
  api_answer with_fault(const std::string& route, const api_request& what,
                        Effect effect);

  /// @returns what the client gets of `x`; `effect` is what it would have got.
  template <class Effect>
  api_answer strike(const fault& x, const api_request& what, Effect effect);

  /// @returns the answer to a call that is one too many.
  std::optional<api_answer> throttle(const api_request& what);

  /// @returns what the provider's clock shows.
  timestamp provider_time(timestamp now) const {
    return now + faults_.clock_skew();
  }

  const std::string& secret();

  bool authorized(const http_headers& headers) const;
  http_reply show(const prediction* made, int status,
                  const api_request& what) const;
  http_reply stats(timestamp now);

  options opts_;
  std::optional<replicate_model> model_;
  fault_plan faults_;
  counters asked_;
  /// Of this run; made when it is first asked for.
  std::string webhook_secret_;
};

} // namespace tunerd::simulated
