#include "actors/http_gateway/webhook_adoption.hpp"

#include "messages/fingerprint.hpp"

#include <algorithm>

namespace tunerd {

namespace {

constexpr size_t job_id_size_max = 64;

/// What the provider had made earlier than this before the claim is another's;
/// its clock may differ from ours.
constexpr auto slack = std::chrono::minutes{5};

/// @returns whether nobody waits any more for the answer to the submission: it
/// says for sure what a delivery only shows to be likely.
bool may_be_accepted(const open_attempt& x) {
  return x.external_id.empty()
         && (x.state == attempt_state::in_doubt
             || x.state == attempt_state::unresolved);
}

bool is_same_work(const open_attempt& x, const provider_job& seen) {
  // Without them the hash would say less than it seems to.
  if (seen.version.empty() || seen.input.empty() || x.fingerprint.empty())
    return false;
  return fingerprint(x.provider, seen.version, seen.input, x.body)
         == x.fingerprint;
}

} // namespace

std::string job_named_in(const rest::query& parameters) {
  for (const auto& [name, value] : parameters)
    if (name == "tunerd_job" && value.size() <= job_id_size_max)
      return value;
  return {};
}

const open_attempt* attempt_behind(const std::vector<open_attempt>& attempts,
                                   const std::string& provider,
                                   const provider_job& seen) {
  const auto was_released
    = [](const open_attempt& x) { return bool{x.watched_since}; };
  if (std::any_of(attempts.begin(), attempts.end(), was_released))
    return nullptr;
  const auto is_it = [&](const open_attempt& x) {
    const auto is_older
      = seen.created_at && *seen.created_at < x.claimed_at - slack;
    return x.provider == provider && !is_older && may_be_accepted(x)
           && is_same_work(x, seen);
  };
  const auto i = std::find_if(attempts.begin(), attempts.end(), is_it);
  return i == attempts.end() ? nullptr : &*i;
}

} // namespace tunerd
