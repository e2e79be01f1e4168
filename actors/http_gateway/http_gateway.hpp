#pragma once

#include "actors/http_gateway/call_gate.hpp"
#include "actors/http_gateway/log_source.hpp"
#include "actors/http_gateway/provider_settings.hpp"
#include "actors/http_gateway/queries.hpp"
#include "actors/http_gateway/rate_limit.hpp"
#include "actors/http_gateway/request.hpp"
#include "actors/http_gateway/stream_seats.hpp"
#include "actors/http_gateway/survey.hpp"
#include "actors/support/actor.hpp"
#include "actors/support/clocks.hpp"
#include "actors/support/live.hpp"
#include "actors/support/metrics.hpp"
#include "config/auth.hpp"
#include "config/http.hpp"
#include "config/queue.hpp"
#include "messages/interfaces.hpp"
#include "messages/json.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tunerd {

/// What the HTTP GATEWAY is told at its start.
struct http_gateway_settings {
  config::http http = {};
  live<config::auth> auth = {};
  config::queue queue = {};
  outside world = {};
  metrics_ptr counts = std::make_shared<metrics>();
  std::string version = TUNERD_VERSION;
  /// For the uptime: when the daemon started, not this incarnation.
  timestamp started_at = {};
  /// For submissions that name none.
  std::string default_provider = "replicate";
  /// `mode` in GET /health.
  std::string mode = "standalone";

  /// How long others may take. Together below the server's `reply_timeout`, so
  /// that a client gets our answer and not the server's. The store:
  caf::timespan store_timeout = std::chrono::seconds{8};
  /// The provider gateway, which calls out for little of what it is asked here:
  /// the newest version of a model, the key of webhooks. Others come after it.
  caf::timespan prepare_timeout = std::chrono::seconds{10};
  /// The scheduler, which asks the provider when it cancels.
  caf::timespan cancel_timeout = std::chrono::seconds{25};
  /// The scheduler, for places in the queue; then they are null.
  caf::timespan position_timeout = std::chrono::seconds{1};
  /// Whoever is asked how it is.
  caf::timespan health_timeout = std::chrono::seconds{2};
  /// The log reader, which searches files.
  caf::timespan log_timeout = std::chrono::seconds{12};
  /// The provider gateway, where it calls out for what it is asked here.
  caf::timespan outbound_timeout = std::chrono::seconds{25};
  /// The same where nobody waits for the answer; longer than its calls take,
  /// all tries included.
  caf::timespan call_timeout = std::chrono::seconds{180};
};

/// State of the HTTP GATEWAY: between two messages only the callers' rates and
/// requests to others whose continuations hold the call they belong to. Each
/// ends in `answer` or `refuse`, which reply through the gate; the gate bounds
/// how many there are. A restart forgets the rates.
struct http_gateway_state {
  static inline constexpr const char* name = "http-gateway";

  using call = std::shared_ptr<const rest::request>;

  // -- data -------------------------------------------------------------------

  pointer<http_gateway_actor, http_gateway_state> self;
  http_gateway_settings settings;
  std::shared_ptr<call_gate> gate;
  store_actor store;
  queue_scheduler_actor scheduler;
  provider_desk_actor providers;
  job_poller_actor poller;
  approval_expirer_actor expirer;
  sse_broadcaster_actor broadcaster;
  log_sink_actor sink;
  log_reader_actor reader;
  /// Weak: the supervisor owns this actor.
  caf::weak_actor_ptr supervisor;
  rest::rate_limiter limiter = {};
  /// Of log streams.
  stream_seats seats = {};

  // -- handlers, in the order of the interface --------------------------------

  void on_call(const http_call& x);

  // -- steps of on_call -------------------------------------------------------

  /// Finds out who calls and where to; fills `out`.
  /// @returns why `x` is not served, or none.
  std::optional<rest::refusal> judge(const http_call& x, rest::request& out);

  /// Counts the call against its client's rate. @returns 429, or none.
  std::optional<rest::refusal> limit_rate(const config::auth& rules,
                                          rest::request& out);

  void dispatch(const call& x, const std::string& body);

  /// Replies and writes the access line.
  void answer(const call& x, const nlohmann::ordered_json& body,
              int status = 200);
  void refuse(const call& x, const rest::refusal& why);
  void finish(const call& x, http_reply reply, const std::string& error);

  /// @returns an error handler for `ask` that refuses `x`.
  std::function<void(const caf::error&)>
  refusing(const call& x, const char* on_conflict = "invalid_job_state");

  /// The same for routes whose path names a provider: an unknown one is 404.
  std::function<void(const caf::error&)>
  refusing_named(const call& x, const char* on_conflict = "conflict");

  /// @returns how long the caller of `x` still waits before the server answers
  /// it, but for the answer's own way; may be negative.
  caf::timespan time_left(const call& x) const;

  /// @returns `longest`, or what is left if that is less: for steps that may
  /// be done though their answer is late.
  caf::timespan within(const call& x, caf::timespan longest) const;

  // -- jobs (job_routes.cpp) --------------------------------------------------

  void submit(const call& x, const std::string& body);
  void list_jobs_of(const call& x);
  void show_job(const call& x);
  void cancel(const call& x);
  void remove(const call& x);

  // -- steps of submit --------------------------------------------------------

  using wish = std::shared_ptr<const rest::submission>;

  void store_job(const call& x, const wish& wanted,
                 const job_prepared& prepared);
  /// The provider gateway has not prepared it: its key may be known.
  void refuse_unprepared(const call& x, const wish& wanted,
                         const caf::error& err);
  void announce(const call& x, const wish& wanted, const job_submitted& done);
  void answer_submission(const call& x, const wish& wanted,
                         const job_submitted& done,
                         const queue_positions& places);
  void refuse_or_deny(const call& x, const wish& wanted, const caf::error& err);

  // -- steps of list_jobs_of --------------------------------------------------

  using job_page = std::shared_ptr<const rest::read_job_list>;

  /// Calls `then` when the active jobs of the page were polled, or time is up.
  void poll_active(const call& x, const list_jobs& query,
                   std::function<void()> then);
  void show_page(const call& x, const job_page& wanted);

  // -- queue (queue_routes.cpp) -----------------------------------------------

  void show_queue(const call& x);
  void show_stats(const call& x);
  void show_limits(const call& x);
  void change_limits(const call& x, const std::string& body);

  /// Calls `then` with the places of those `jobs` that wait for a slot; with
  /// none of them if the scheduler is late or away.
  void with_places(const call& x, const std::vector<job>& jobs,
                   int64_t event_id,
                   std::function<void(const queue_positions&)> then);

  /// @returns how `subject` is shown now.
  job_view view_of(const job& subject, const queue_positions& places) const;

  // -- what object routes share -----------------------------------------------

  /// @returns what was parsed; null if that is a refusal, which is answered.
  template <class T>
  T* accept(const call& x, rest::or_refusal<T>& parsed) {
    if (auto* bad = std::get_if<rest::refusal>(&parsed))
      refuse(x, *bad);
    return std::get_if<T>(&parsed);
  }

  /// @returns the id in `segment` of the path; none if it is not one,
  /// which is answered.
  std::optional<int64_t> id_in_path(const call& x, const std::string& segment);

  // -- more of jobs (job_routes.cpp, log_routes.cpp) ------------------------

  void sync(const call& x);
  void show_logs(const call& x);
  void stream_logs(const call& x);
  void show_progress(const call& x);

  /// Calls `then` with the log of the job in the path.
  void with_logs(const call& x,
                 std::function<void(const job_logs_found&)> then);
  void open_log_stream(const call& x, const job_logs_found& found);
  log_source logs_known_to() const;

  // -- more of the queue (queue_routes.cpp) ---------------------------------

  void show_own_queue(const call& x);
  void show_user_queue(const call& x);
  void show_position(const call& x);
  void explain(const call& x);
  void process(const call& x);
  void clean_up(const call& x);
  void cancel_queued(const call& x);
  void approve_queued(const call& x, const std::string& body);
  void reject_queued(const call& x);
  void change_priority(const call& x, const std::string& body);

  // -- steps of the queue -----------------------------------------------------

  void show_queue_of(const call& x, const std::string& user_id);

  /// Calls `then` with the job in the path and why it waits; what is over needs
  /// no explanation.
  void
  with_explanation(const call& x,
                   std::function<void(const job&, const job_explained&)> then);

  /// Calls `then` with `why` as far as the caller may know who holds the slots.
  void with_known_holders(const call& x, const job_explained& why,
                          std::function<void(const job_explained&)> then);
  void decide_queued(const call& x, const decide_approval& command,
                     const std::vector<std::string>& notes);

  /// As `refusing`; first calls `note` with the job whose state it was that did
  /// not allow it.
  std::function<void(const caf::error&)>
  refusing_state(const call& x, std::function<void(const job&)> note);

  // -- approvals (approval_routes.cpp, rule_routes.cpp) -----------------------

  void show_conditions(const call& x);
  void show_rules(const call& x);
  void add_rule(const call& x, const std::string& body);
  void show_rule(const call& x);
  void edit_rule(const call& x, const std::string& body);
  void remove_rule(const call& x);
  void show_approvals(const call& x);
  void count_approvals(const call& x);
  void show_job_approval(const call& x);
  void show_approval(const call& x);
  void bulk_approve(const call& x, const std::string& body);
  void bulk_reject(const call& x, const std::string& body);
  void approve(const call& x, const std::string& body);
  void reject(const call& x, const std::string& body);
  void cancel_approval(const call& x);
  void extend(const call& x, const std::string& body);
  void show_own_approvals(const call& x);
  void expire(const call& x);

  // -- steps of approvals (approval_routes.cpp, rule_routes.cpp) --------------

  void list_requests(const call& x, bool own_only);
  void find_approval(const call& x, const get_approval& query);
  void
  decide_request(const call& x,
                 rest::or_refusal<rest::read_request<decide_approval>> parsed);
  void decide_many(const call& x, const std::string& body,
                   approval_verdict verdict);

  /// Sends `command` as the caller's and notes what came of it.
  void decide(const call& x, decide_approval command,
              std::function<void(const approval_decided&)> then,
              std::function<void(const caf::error&)> fail);

  template <class Command>
  void put_rule(const call& x, const Command& command,
                const std::vector<std::string>& notes);

  // -- settings (settings_routes.cpp) ---------------------------------------

  void show_polling(const call& x);
  void change_polling(const call& x, const std::string& body);
  void show_providers(const call& x);
  void validate_credential(const call& x);
  void show_provider_config(const call& x);
  void change_provider_config(const call& x, const std::string& body);
  void show_cost_limit(const call& x);

  // -- steps of those ---------------------------------------------------------

  using wanted_settings = std::shared_ptr<const rest::provider_settings>;

  void refresh_poller(const call& x, const std::string& preference,
                      const std::vector<std::string>& notes);
  void store_provider_config(const call& x, const wanted_settings& wanted,
                             const std::string& config);
  void announce_provider_config(const call& x, const wanted_settings& wanted,
                                const std::string& config);

  // -- webhooks (webhook_routes.cpp) ----------------------------------------

  void send_webhook_test(const call& x, const std::string& body);
  void receive_webhook(const call& x, const std::string& body);

  // -- steps of receive_webhook -----------------------------------------------

  /// @param job_id Whose submission it may tell of if nobody here knows it;
  /// empty for none.
  void apply_delivery(const call& x, const webhook_read& delivery,
                      const std::string& job_id);

  void settle_delivery(const call& x, const webhook_applied& done);

  /// The delivery tells of something at the provider that nobody here knows,
  /// and its unsigned query names a job.
  void look_for_attempt(const call& x, const webhook_read& delivery,
                        const std::string& job_id);

  void adopt(const call& x, const webhook_read& delivery,
             const open_attempt& attempt);
  /// It may be known by now: adopted by another one that came with it.
  /// @param job_id Whose other submission it is if it is still unknown; empty
  /// if nobody can tell.
  void apply_again(const call& x, const webhook_read& delivery,
                   const std::string& job_id);
  /// Polls the job that an unsigned delivery names.
  void poll_named(const call& x, const std::string& provider,
                  const std::string& external_id);
  /// Asks the provider once for what a delivery about `subject` left out.
  void complete(const job& subject);

  // -- metrics (metrics_routes.cpp) -----------------------------------------

  void show_prometheus(const call& x);
  void show_breakers(const call& x);
  void show_cost_report(const call& x);

  // -- operators (operator_routes.cpp) --------------------------------------

  void start_worker(const call& x);
  void stop_worker(const call& x);
  void refresh_worker(const call& x);
  void resolve(const call& x, const std::string& body);
  void show_trace(const call& x);
  void show_log_levels(const call& x);
  void set_log_level(const call& x, const std::string& body);

  // -- steps of those ---------------------------------------------------------

  void add_log_lines(const call& x, const trace_found& found);
  void control(const call& x, worker_action action);
  /// Writes down what was done to a worker, then answers.
  /// @param subject What it was done to.
  void audit(const call& x, const char* action, const std::string& subject,
             nlohmann::ordered_json reply);

  // -- the page (page_routes.cpp) ---------------------------------------------

  void show_page_file(const call& x);

  // -- events (event_routes.cpp) ----------------------------------------------

  void open_events(const call& x);
  void hand_over(const call& x, open_stream stream);

  // -- health and workers (health_routes.cpp) ---------------------------------

  void show_summary(const call& x);
  void show_ready(const call& x);
  void show_alive(const call& x);
  void show_health(const call& x);
  void show_workers(const call& x);

  void answer_health(const call& x, const survey& seen,
                     const std::vector<std::string>& notes);

  /// Asks everybody how they are, all at once. Calls `then` when they have
  /// answered or are late; who has not is missing.
  void look_around(const call& x, survey_scope scope,
                   std::function<void(const survey&)> then);

  /// Calls `then` with the workers; with none if the supervisor does not say.
  void with_workers(const call& x,
                    std::function<void(const worker_list&)> then);
};

/// Serves the HTTP API on what `gate` lets in, from its first message to its
/// end. Blocks nobody.
/// @param supervisor Asked how the workers are; may be none.
http_gateway_actor::behavior_type
http_gateway(pointer<http_gateway_actor, http_gateway_state> self,
             http_gateway_settings settings, std::shared_ptr<call_gate> gate,
             store_actor store, queue_scheduler_actor scheduler,
             provider_desk_actor providers, job_poller_actor poller,
             approval_expirer_actor expirer, sse_broadcaster_actor broadcaster,
             log_sink_actor sink, log_reader_actor reader,
             caf::weak_actor_ptr supervisor);

} // namespace tunerd
