#include "actors/queue_scheduler/reconcile.hpp"

#include "messages/fingerprint.hpp"

#include <algorithm>
#include <tuple>

namespace tunerd {

namespace {

/// @returns `version` without "owner/model:".
std::string bare(const std::string& version) {
  const auto colon = version.rfind(':');
  return colon == std::string::npos ? version : version.substr(colon + 1);
}

/// How the versions of an attempt and of a listed job compare.
enum class likeness : uint8_t { different, equal, unknown };

likeness compare_versions(const std::string& ours, const std::string& theirs) {
  // A model without a hash may have become any version of it.
  if (theirs.empty() || bare(ours).empty()
      || bare(ours).find('/') != std::string::npos)
    return likeness::unknown;
  return bare(ours) == bare(theirs) ? likeness::equal : likeness::different;
}

/// @returns from when on the request of `x` may have arrived unseen.
timestamp begin_of(const open_attempt& x) {
  // All there was before that has been looked through.
  return x.watched_since ? *x.watched_since : x.claimed_at;
}

/// Equal inputs of several attempts are hashed once, as long as no secret makes
/// the hash depend on where the attempt has it.
class fingerprints {
public:
  explicit fingerprints(const provider_job& seen) : seen_(seen) {
  }

  const std::string& of(const open_attempt& attempt) {
    const auto has_secret = attempt.body.find("${secret:") != std::string::npos;
    const auto key = std::make_pair(bare(attempt.version),
                                    has_secret ? attempt.body : std::string{});
    auto [i, added] = known_.try_emplace(key);
    if (added)
      i->second = fingerprint(attempt.provider, attempt.version, seen_.input,
                              attempt.body);
    return i->second;
  }

private:
  const provider_job& seen_;
  std::map<std::pair<std::string, std::string>, std::string> known_;
};

} // namespace

provider_listing::provider_listing(timestamp begun, std::vector<doubt> doubts)
  : begun_(begun), doubts_(std::move(doubts)) {
  std::sort(doubts_.begin(), doubts_.end(), [](const auto& x, const auto& y) {
    return std::tuple{is_watched(x.attempt), x.attempt.claimed_at, x.attempt.id}
           < std::tuple{is_watched(y.attempt), y.attempt.claimed_at,
                        y.attempt.id};
  });
}

timestamp provider_listing::created_after() const {
  auto result = begin_of(doubts_.front().attempt);
  for (const auto& x : doubts_)
    result = std::min(result, begin_of(x.attempt));
  return result - slack;
}

bool provider_listing::add(const std::vector<provider_job>& page) {
  for (const auto& seen : page)
    compare(seen);
  return !page.empty() && page.back().created_at
         && *page.back().created_at < created_after();
}

void provider_listing::complete() {
  complete_ = true;
}

void provider_listing::give_up() {
  hopeless_ = true;
}

void provider_listing::compare(const provider_job& seen) {
  candidate result;
  fingerprints hashes{seen};
  for (const auto& [attempt, settled] : doubts_) {
    const auto same = compare_versions(attempt.version, seen.version);
    const auto older
      = seen.created_at && *seen.created_at < begin_of(attempt) - slack;
    if (older || same == likeness::different)
      continue;
    const auto& hash = seen.input.empty() ? seen.input : hashes.of(attempt);
    if (hash.empty() || attempt.fingerprint.empty())
      result.unclear.insert(attempt.id);
    else if (hash == attempt.fingerprint)
      (same == likeness::equal ? result.equal : result.unclear)
        .insert(attempt.id);
  }
  if (result.equal.empty() && result.unclear.empty())
    return;
  // A page that shifted while it was read shows a job twice.
  const auto repeated
    = std::any_of(candidates_.begin(), candidates_.end(), [&](const auto& x) {
        return x.seen.external_id == seen.external_id;
      });
  if (repeated)
    return;
  result.seen = seen;
  result.seen.input.clear();
  candidates_.push_back(std::move(result));
}

bool provider_listing::concerns(const std::string& external_id) const {
  return std::any_of(
    candidates_.begin(), candidates_.end(),
    [&](const auto& x) { return x.seen.external_id == external_id; });
}

std::vector<finding> provider_listing::judge(const evidence& known) const {
  auto taken = known.adopted;
  // Equal attempts are settled one after the other, the oldest first: what it
  // wants to adopt may be another's, and then what it started is in the list,
  // while what the younger one started may not be there yet.
  auto open = known.under_way;
  std::vector<finding> result;
  for (const auto& subject : doubts_) {
    const auto& attempt = subject.attempt;
    auto& found = result.emplace_back(finding{subject});
    if (open.count(attempt.fingerprint) > 0)
      continue;
    const auto is_free = [&](const candidate& x) {
      return taken.count(x.seen.external_id) == 0
             && known.refused.count({attempt.id, x.seen.external_id}) == 0;
    };
    // Newest first, so the last one is the oldest.
    const auto match = std::find_if(
      candidates_.rbegin(), candidates_.rend(), [&](const candidate& x) {
        return x.equal.count(attempt.id) > 0 && is_free(x);
      });
    if (match != candidates_.rend()) {
      taken.insert(match->seen.external_id);
      found.decision = verdict::adopt;
      found.seen = match->seen;
      if (!is_watched(attempt))
        open.insert(attempt.fingerprint);
      continue;
    }
    const auto is_read = complete_ || hopeless_;
    if (!is_read || begun_ < subject.settled + known.visibility_window) {
      if (!is_watched(attempt))
        open.insert(attempt.fingerprint);
      continue;
    }
    const auto unclear = std::any_of(
      candidates_.begin(), candidates_.end(), [&](const candidate& x) {
        return x.unclear.count(attempt.id) > 0 && is_free(x);
      });
    if (hopeless_)
      found.decision = verdict::unresolved;
    else if (!unclear)
      found.decision = verdict::resubmit;
    else if (!known.has_strangers)
      found.decision = verdict::unresolved;
    else if (!is_watched(attempt))
      open.insert(attempt.fingerprint);
  }
  return result;
}

} // namespace tunerd
