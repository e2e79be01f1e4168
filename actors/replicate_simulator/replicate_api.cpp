#include "actors/replicate_simulator/replicate_api.hpp"

#include "actors/replicate_simulator/api_request.hpp"
#include "actors/replicate_simulator/iso_time.hpp"
#include "actors/replicate_simulator/json_fields.hpp"
#include "messages/fingerprint.hpp"

namespace tunerd::simulated {

namespace {

using nlohmann::json;

http_reply ok(const json& body, int status = 200) {
  return {.status = status, .body = dump(body)};
}

http_reply refuse(int status, const std::string& detail) {
  return ok({{"detail", detail}, {"status", status}}, status);
}

/// Adds to a refusal when to come back.
void add_hint(api_answer& answer, std::chrono::seconds wait, wait_hint hint,
              timestamp now) {
  auto& headers = answer.reply.headers;
  if (hint == wait_hint::seconds)
    headers.emplace_back("Retry-After", std::to_string(wait.count()));
  else if (hint == wait_hint::date)
    headers.emplace_back("Retry-After", http_date(now + wait));
}

/// The text that Replicate writes.
std::string throttled_detail(std::chrono::seconds wait, wait_hint hint) {
  const std::string text = "Request was throttled.";
  if (hint == wait_hint::none)
    return text;
  return text + " Your rate limit resets in ~" + std::to_string(wait.count())
         + "s.";
}

/// @returns the answer with `status` in place of every prediction's own.
http_reply with_status(http_reply reply, const std::string& status) {
  auto body = json::parse(reply.body);
  if (body.contains("status"))
    body["status"] = status;
  if (const auto results = body.find("results"); results != body.end())
    for (auto& one : *results)
      one["status"] = status;
  reply.body = dump(body);
  return reply;
}

json to_json(const tally& x) {
  return {{"submissions", x.submissions}, {"created", x.created},
          {"running", x.running},         {"running_max", x.running_max},
          {"active", x.active},           {"active_max", x.active_max}};
}

json to_json(const std::map<std::string, tally>& by) {
  auto result = json::object();
  for (const auto& [key, counts] : by)
    result[key] = to_json(counts);
  return result;
}

json summary(const prediction& made) {
  return {{"user", made.what.user},
          {"job", made.what.job},
          {"fingerprint", made.what.fingerprint},
          {"status", to_string(made.status)},
          {"created_at", iso_time(made.created_at)},
          {"polls", made.polls},
          {"correlation_ids", made.correlation_ids}};
}

} // namespace

replicate_api::replicate_api(options opts)
  : opts_(std::move(opts)), model_(std::in_place, opts_.random) {
}

api_answer replicate_api::handle(const http_call& call, timestamp now) {
  if (const api_request what{call, now}; what.path[0] == "simulator")
    return {.reply = control(what)};
  const api_request what{call, provider_time(now)};
  if (!authorized(call.headers)) {
    ++asked_.unauthorized;
    return {.reply = refuse(401, "You did not pass a valid token.")};
  }
  try {
    auto answer = throttle(what).value_or(api_answer{});
    if (answer.reply.status != 429)
      answer = provider(what);
    answer.delay = faults_.next_latency(opts_.random);
    return answer;
  } catch (const std::invalid_argument& e) {
    ++asked_.invalid;
    return {.reply = refuse(422, e.what()),
            .delay = faults_.next_latency(opts_.random)};
  }
}

void replicate_api::set_faults(const std::string& script, timestamp now) {
  faults_.set(parse_json(script), now);
}

std::vector<delivery> replicate_api::take_deliveries(const std::string& origin,
                                                     timestamp now) {
  const auto at = provider_time(now);
  model_->counts(at); // lets happen what is due
  std::vector<delivery> result;
  for (const auto serial : model_->take_changes()) {
    const auto found = model_->predictions().find(serial);
    if (found == model_->predictions().end())
      continue;
    const auto body
      = to_json(found->second, at, origin + "/v1", opts_.data_kept);
    auto made = make_deliveries(found->second, secret(), body, at,
                                faults_.webhooks(), opts_.random);
    result.insert(result.end(), made.begin(), made.end());
  }
  return result;
}

std::optional<std::chrono::milliseconds>
replicate_api::next_due(timestamp now) const {
  const auto due = model_->next_due();
  if (!due)
    return std::nullopt;
  using std::chrono::ceil, std::chrono::milliseconds;
  return std::max(ceil<milliseconds>(*due - provider_time(now)),
                  milliseconds{0});
}

// -- routes -------------------------------------------------------------------

api_answer replicate_api::provider(const api_request& what) {
  const auto& path = what.path;
  if (path.size() < 2 || path[0] != "v1")
    return {.reply = refuse(404, "no such route")};
  if (path[1] == "predictions") {
    if (what.is("POST", 2))
      return submit(what);
    if (what.is("GET", 2))
      return list(what);
    if (what.is("GET", 3))
      return one(what, path[2]);
    if (what.is("POST", 4) && path[3] == "cancel")
      return cancel(what, path[2]);
  }
  if (what.is("GET", 2) && path[1] == "account")
    return {.reply = ok({{"type", "organization"},
                         {"username", "simulator"},
                         {"name", "Replicate simulator"}})};
  if (what.is("GET", 4) && path[1] == "webhooks" && path[2] == "default"
      && path[3] == "secret")
    return {.reply = ok({{"key", secret()}})};
  if (what.is("GET", 5) && path[1] == "models" && path[4] == "versions") {
    const json version{{"id", sha256_hex(path[2] + "/" + path[3])},
                       {"created_at", "2024-01-01T00:00:00.000000Z"}};
    return {.reply = ok({{"next", nullptr},
                         {"previous", nullptr},
                         {"results", json::array({version})}})};
  }
  return {.reply = refuse(404, "no such route")};
}

std::optional<api_answer> replicate_api::throttle(const api_request& what) {
  const bool creates = what.is("POST", 2) && what.path[1] == "predictions";
  const auto wait = faults_.meter().count(creates, what.now);
  if (!wait)
    return std::nullopt;
  ++asked_.throttled;
  const auto hint = faults_.meter().hint();
  api_answer result{.reply = refuse(429, throttled_detail(*wait, hint))};
  add_hint(result, *wait, hint, what.now);
  return result;
}

template <class Effect>
api_answer replicate_api::with_fault(const std::string& route,
                                     const api_request& what, Effect effect) {
  const auto fault
    = faults_.next(route, what.now - faults_.clock_skew(), opts_.random);
  if (!fault)
    return {.reply = effect()};
  ++asked_.faults;
  return strike(*fault, what, effect);
}

template <class Effect>
api_answer replicate_api::strike(const fault& x, const api_request& what,
                                 Effect effect) {
  if (x.kind == fault_kind::unknown_status)
    return {.reply = with_status(effect(), x.detail)};
  if (x.kind == fault_kind::vanish) {
    model_->forget(what.path.at(2), what.now);
    return {.reply = effect()};
  }
  if (x.created)
    effect();
  switch (x.kind) {
    case fault_kind::hang: return {.act = api_answer::action::hang};
    case fault_kind::close: return {.act = api_answer::action::close};
    case fault_kind::garbage: return {.reply = {.body = R"({"id": "unfin)"}};
    default: break;
  }
  const std::chrono::seconds wait{x.retry_after};
  const bool only_told = x.retry_after >= 0 && x.hint == wait_hint::detail;
  api_answer result{
    .reply
    = refuse(x.status, only_told ? throttled_detail(wait, x.hint) : x.detail)};
  if (x.retry_after >= 0)
    add_hint(result, wait, x.hint, what.now);
  return result;
}

api_answer replicate_api::submit(const api_request& what) {
  auto wanted = read_submission(what.call.body, opts_.becomes, opts_.markers);
  wanted.lifetime = read_lifetime(header(what.call.headers, "cancel-after"));
  model_->note_submission(wanted);
  return with_fault("submit", what, [&] {
    auto* made = model_->create(wanted, what.now);
    if (!made)
      return refuse(429, "too many predictions are active");
    note_correlation_id(*made, what.correlation_id);
    return show(made, 201, what);
  });
}

api_answer replicate_api::list(const api_request& what) {
  ++asked_.lists;
  auto query = what.wanted_list();
  if (const auto lag = faults_.list_lag(); lag.count() > 0) {
    const auto shown = what.now - lag;
    query.created_before
      = query.created_before ? std::min(*query.created_before, shown) : shown;
  }
  return with_fault("list", what, [&] {
    const auto page = model_->list(query, what.now);
    json body{
      {"next", nullptr}, {"previous", nullptr}, {"results", json::array()}};
    for (const auto* made : page.results)
      body["results"].push_back(
        to_json(*made, what.now, what.base_url(), opts_.data_kept));
    if (page.more)
      body["next"] = what.next_page(page.results.back()->serial);
    return ok(body);
  });
}

api_answer replicate_api::one(const api_request& what, const std::string& id) {
  ++asked_.polls;
  auto* made = model_->find(id, what.now);
  if (made) {
    ++made->polls;
    note_correlation_id(*made, what.correlation_id);
  }
  return with_fault(
    "get", what, [&] { return show(model_->find(id, what.now), 200, what); });
}

api_answer replicate_api::cancel(const api_request& what,
                                 const std::string& id) {
  ++asked_.cancels;
  if (auto* made = model_->find(id, what.now))
    note_correlation_id(*made, what.correlation_id);
  return with_fault("cancel", what, [&] {
    return show(model_->cancel(id, what.now), 200, what);
  });
}

const std::string& replicate_api::secret() {
  // Hex digits are base64 too.
  if (webhook_secret_.empty())
    webhook_secret_ = "whsec_" + random_hex(opts_.random, 32);
  return webhook_secret_;
}

http_reply replicate_api::control(const api_request& what) try {
  if (what.is("GET", 2) && what.path[1] == "stats")
    return stats(provider_time(what.now));
  if (what.is("POST", 2) && what.path[1] == "faults") {
    faults_.set(parse_json(what.call.body), what.now);
    return ok(faults_.to_json());
  }
  if (what.is("POST", 2) && what.path[1] == "reset") {
    model_.emplace(opts_.random);
    faults_ = {};
    asked_ = {};
    return ok(json::object());
  }
  return refuse(404, "no such route");
} catch (const std::invalid_argument& e) {
  return refuse(422, e.what());
}

// -- their steps --------------------------------------------------------------

bool replicate_api::authorized(const http_headers& headers) const {
  const std::string scheme = "Bearer ";
  const auto value = header(headers, "authorization");
  if (value.size() <= scheme.size() || !value.starts_with(scheme))
    return false;
  return opts_.token.empty() || value.substr(scheme.size()) == opts_.token;
}

http_reply replicate_api::show(const prediction* made, int status,
                               const api_request& what) const {
  if (!made)
    return refuse(404, "Prediction not found");
  return ok(to_json(*made, what.now, what.base_url(), opts_.data_kept), status);
}

http_reply replicate_api::stats(timestamp now) {
  const auto& counts = model_->counts(now);
  auto body = to_json(counts.total);
  body.update({{"polls", asked_.polls},
               {"lists", asked_.lists},
               {"cancels", asked_.cancels},
               {"unauthorized", asked_.unauthorized},
               {"invalid", asked_.invalid},
               {"throttled", asked_.throttled},
               {"faults", asked_.faults},
               {"by_user", to_json(counts.by_user)},
               {"by_job", to_json(counts.by_job)},
               {"by_input", to_json(counts.by_input)},
               {"predictions", json::object()}});
  for (const auto& [serial, made] : model_->predictions())
    body["predictions"][made.id] = summary(made);
  return ok(body);
}

} // namespace tunerd::simulated
