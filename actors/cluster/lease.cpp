#include "actors/cluster/lease.hpp"

#include <algorithm>

namespace tunerd {

lease::lease(std::string me, lease_rules rules)
  : me_(std::move(me)), rules_(rules) {
}

std::optional<caf::timespan> lease::due() const {
  const auto quiet = asked_ || given_back_;
  if (leading_)
    return quiet ? trusted_until_ : std::min(due_, trusted_until_);
  return quiet ? std::nullopt : std::optional{due_};
}

std::optional<lease_wish> lease::next(caf::timespan now) {
  leading_ = holds(now);
  if (asked_ || given_back_ || now < due_)
    return std::nullopt;
  asked_ = leading_        ? lease_wish::renew
           : may_take(now) ? lease_wish::take
                           : lease_wish::look;
  asked_at_ = now;
  return asked_;
}

bool lease::may_take(caf::timespan now) const {
  if (!seen_)
    return false;
  // Its own: of a time when it was not answered, or not soon enough.
  return seen_->holder.empty() || seen_->holder == me_
         || now - seen_since_ >= rules_.length;
}

bool lease::give_back() {
  const auto had = epoch_ != 0;
  leading_ = false;
  given_back_ = true;
  return had;
}

void lease::answered(caf::timespan now, const lease_row& row, bool done) {
  const auto wish = asked_.value_or(lease_wish::look);
  const auto trusted = asked_at_ + rules_.trusted();
  asked_.reset();
  const auto changed = row != seen_;
  learn(now, row);
  pause(now);
  if (given_back_)
    return;
  if (wish == lease_wish::take && done) {
    epoch_ = row.epoch;
    leading_ = now < trusted;
    trusted_until_ = trusted;
    due_ = leading_ ? asked_at_ + rules_.renewed_every() : now;
  } else if (wish == lease_wish::renew && done && leading_
             && now < trusted_until_) {
    trusted_until_ = trusted;
    due_ = asked_at_ + rules_.renewed_every();
  } else {
    leading_ = false;
    if (changed && may_take(now))
      due_ = now;
  }
}

void lease::learn(caf::timespan now, const lease_row& row) {
  if (seen_ == row)
    return;
  seen_ = row;
  seen_since_ = now;
}

void lease::pause(caf::timespan now) {
  due_ = now + rules_.looked_every();
  // On the spot when it may be taken.
  if (const auto free_at = seen_since_ + rules_.length; seen_ && free_at > now)
    due_ = std::min(due_, free_at);
}

void lease::failed(caf::timespan now) {
  asked_.reset();
  pause(now);
}

void lease::refused(int64_t epoch) {
  if (epoch == epoch_)
    leading_ = false;
}

} // namespace tunerd
