#include "actors/provider_gateway/provider_gateway.hpp"

#include <algorithm>
#include <utility>

// Submissions that name a model instead of one of its versions. They get the
// newest one here, before they are stored: so approvals, fingerprint and every
// attempt are about the same version, however long the job waits. A provider
// that cannot be asked leaves nothing behind: nothing has been sent.

namespace tunerd {

namespace {

using namespace std::chrono_literals;

constexpr logger log{"simpletuner.cloud.providers"};

/// How long a version counts as the newest.
constexpr caf::timespan version_kept = 5min;

/// For so much longer nobody waits until the provider has told the next one:
/// it may not answer at all.
constexpr caf::timespan version_served = 1h;

/// Somebody waits for an answer to a submission meanwhile: of one try, and with
/// a second one if the first failed quickly.
constexpr caf::timespan version_timeout = 4s;
constexpr caf::timespan version_call_max = 9s;

/// @returns `err` as it may be told: a provider may quote our credential.
caf::error without_token(const caf::error& err, const provider_account& to) {
  auto text = without_secrets(render(err), {to.in_force.token.reveal()});
  if (const auto code = to_string(code_of(err)) + ": "; text.starts_with(code))
    text.erase(0, code.size());
  return make_error(code_of(err), std::move(text));
}

caf::expected<job_prepared> prepared_as(const provider_account& to,
                                        prepare_job request,
                                        const std::string& version) {
  request.version = version;
  return to.api->prepare(request);
}

} // namespace

caf::result<job_prepared> provider_gateway_state::prepare_newest(
  provider_account& to, const prepare_job& request, const std::string& model,
  http_request question) {
  auto* x = entry_of(to, model);
  if (x == nullptr || x->waiting.size() >= newest_version::waiting_max)
    return make_error(ec::overloaded, "too many models are being asked about");
  const auto now = self->clock().now();
  if (!x->version.empty() && now < x->good_until + version_served) {
    auto prepared = prepared_as(to, request, x->version);
    if (now >= x->good_until)
      ask_newest(to, model, std::move(question)); // for the next one
    if (!prepared)
      return prepared.error();
    return std::move(*prepared);
  }
  auto promise = self->make_response_promise<job_prepared>();
  x->waiting.push_back({request, promise});
  ask_newest(to, model, std::move(question));
  return promise;
}

void provider_gateway_state::ask_newest(provider_account& to,
                                        const std::string& model,
                                        http_request question) {
  if (std::exchange(to.versions.at(model).is_asked, true))
    return;
  question.timeout = std::min(question.timeout, version_timeout);
  begin({.operation = "versions",
         .to = &to,
         .request = std::move(question),
         .finish
         = [this, &to, model, era = to.era](
             const auto& response) { take_versions(to, model, era, response); },
         .longest = version_call_max});
}

newest_version* provider_gateway_state::entry_of(provider_account& to,
                                                 const std::string& model) {
  auto& known = to.versions;
  if (const auto i = known.find(model); i != known.end())
    return &i->second;
  if (known.size() >= provider_account::versions_max) {
    auto oldest = known.end();
    for (auto i = known.begin(); i != known.end(); ++i)
      if (!i->second.is_asked
          && (oldest == known.end()
              || i->second.good_until < oldest->second.good_until))
        oldest = i;
    if (oldest == known.end())
      return nullptr;
    known.erase(oldest);
  }
  return &known[model];
}

void provider_gateway_state::take_versions(
  provider_account& to, const std::string& model, uint64_t era,
  const caf::expected<http_response>& response) {
  auto& x = to.versions.at(model); // It stays while it is asked.
  x.is_asked = false;
  auto newest = response ? to.api->read_newest_version(*response, model)
                         : response.error();
  if (era != to.era)
    newest = make_error(ec::worker_restarting,
                        "the settings of " + to.name + " changed");
  if (!newest)
    newest = without_token(newest.error(), to);
  if (newest) {
    x.version = *newest;
    x.good_until = self->clock().now() + version_kept;
  } else if (!x.version.empty()
             && code_of(newest.error()) != ec::validation_error) {
    log.warning("Cannot ask for the newest version, using {}: {}", x.version,
                render(newest.error()));
    newest = x.version;
  } else {
    x.version.clear();
  }
  for (auto& [request, promise] : std::exchange(x.waiting, {})) {
    auto prepared = newest ? prepared_as(to, request, *newest) : newest.error();
    if (prepared)
      promise.deliver(std::move(*prepared));
    else
      promise.deliver(prepared.error());
  }
}

} // namespace tunerd
