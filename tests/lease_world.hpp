#pragma once

#include "actors/cluster/lease.hpp"

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace tunerd::test {

/// Several nodes with clocks of their own, and the store's row. Questions and
/// answers take their time or never come, nodes freeze, crash and start again.
/// A seed decides what happens.
class lease_world {
public:
  lease_world(uint64_t seed, size_t count) : dice_(seed), nodes_(count) {
    for (auto& x : nodes_)
      boot(x);
  }

  /// Lets `span` pass. @param wild Whether anything goes wrong meanwhile.
  void run(caf::timespan span, bool wild) {
    wild_ = wild;
    const auto end = now_ + span;
    while (!queue_.empty() && queue_.begin()->first.first <= end) {
      auto next = queue_.extract(queue_.begin());
      now_ = next.key().first;
      next.mapped()();
      worst = std::max(worst, leaders());
      if (wild_)
        disturb();
    }
    now_ = end;
  }

  /// @returns how many nodes would act if they were asked now, frozen ones
  /// included: they might go on this very moment.
  size_t leaders() {
    size_t result = 0;
    for (const auto& x : nodes_)
      result += x.rule && x.rule->holds(local(x));
    return result;
  }

  /// Ends whoever leads, without a word. @returns whether there was somebody.
  bool crash_leader(caf::timespan down_for) {
    for (auto& x : nodes_)
      if (x.rule && x.rule->holds(local(x))) {
        crash(x, down_for);
        return true;
      }
    return false;
  }

  /// Lets whoever leads stop in peace.
  void stop_leader(caf::timespan down_for) {
    for (auto& x : nodes_)
      if (x.rule && x.rule->holds(local(x)) && x.rule->give_back()) {
        serve(x.name, lease_wish::release, {}, x.rule->epoch());
        crash(x, down_for);
        return;
      }
  }

  lease_row row = {};
  /// The most that ever led at once.
  size_t worst = 0;
  /// Transactions of those that led when they began, and the refused of them.
  size_t writes = 0;
  size_t refused = 0;
  /// Whether one at an older epoch came after one at a newer.
  bool stale_write = false;

private:
  struct node {
    /// None while it is down.
    std::unique_ptr<lease> rule = {};
    std::string name = {};
    /// Counts its runs: what belongs to an older one is dropped.
    int run = 0;
    /// It does nothing until then, but its clock runs.
    caf::timespan frozen_until = {};
    caf::timespan offset = {};
    /// How fast its clock is, in thousandths.
    int64_t speed = 1'000;
  };

  using action = std::function<void()>;

  int64_t roll(int64_t max) {
    return std::uniform_int_distribution<int64_t>{0, max}(dice_);
  }

  caf::timespan some(caf::timespan max) {
    return caf::timespan{roll(max.count())};
  }

  /// @returns the time by the clock of `x`, which nobody else knows.
  caf::timespan local(const node& x) const {
    return x.offset + now_ / 1'000 * x.speed;
  }

  void at(caf::timespan when, action what) {
    queue_.emplace(std::pair{when, ++count_}, std::move(what));
  }

  /// Lets this run of `x` do something, as soon as it is not frozen.
  void on(node& x, caf::timespan when, action what) {
    at(when, [this, &x, run = x.run, what = std::move(what)] {
      if (x.run != run || !x.rule)
        return;
      if (now_ < x.frozen_until)
        on(x, x.frozen_until + some(std::chrono::milliseconds{1}), what);
      else
        what();
    });
  }

  void boot(node& x) {
    ++x.run;
    x.name
      = "n" + std::to_string(&x - nodes_.data()) + "/" + std::to_string(x.run);
    x.rule = std::make_unique<lease>(x.name, lease_rules{});
    x.frozen_until = {};
    x.offset = some(std::chrono::hours{1});
    x.speed = 980 + roll(40);
    on(x, now_, [this, &x] { turn(x); });
  }

  void crash(node& x, caf::timespan down_for) {
    x.rule.reset();
    at(now_ + down_for, [this, &x, run = x.run] {
      if (!x.rule && x.run == run)
        boot(x);
    });
  }

  /// What the node's actor does when its timer fires or an answer comes.
  void turn(node& x) {
    if (const auto wish = x.rule->next(local(x)))
      ask(x, *wish);
    if (const auto due = x.rule->due())
      on(x,
         now_
           + std::max<caf::timespan>((*due - local(x)) * 1'000 / x.speed,
                                     std::chrono::microseconds{10}),
         [this, &x] { turn(x); });
  }

  /// @returns how long a message takes; none: it is lost.
  std::optional<caf::timespan> way() {
    using namespace std::chrono_literals;
    switch (wild_ ? roll(9) : 9) {
      case 0: return std::nullopt;
      case 1: return some(8s);
      case 2: return some(2s);
      default: return some(20ms);
    }
  }

  void ask(node& x, lease_wish wish) {
    auto over = std::make_shared<bool>(false);
    const auto finish = [this, &x, over](const action& step) {
      if (std::exchange(*over, true))
        return;
      step();
      turn(x);
    };
    on(x, now_ + std::chrono::seconds{3},
       [=, this, &x] { finish([&] { x.rule->failed(local(x)); }); });
    const auto there = way();
    if (!there)
      return;
    at(now_ + *there,
       [=, this, &x, run = x.run, who = x.name,
        known = x.rule->seen().value_or(lease_row{}), epoch = x.rule->epoch()] {
         const auto done = serve(who, wish, known, epoch);
         const auto back = way();
         if (back && x.run == run)
           on(x, now_ + *back, [=, this, &x, found = row] {
             finish([&] { x.rule->answered(local(x), found, done); });
           });
       });
  }

  /// What the store does with its row.
  bool serve(const std::string& who, lease_wish wish, const lease_row& known,
             int64_t epoch) {
    const auto may = wish == lease_wish::take
                       ? row == known
                       : row.holder == who && row.epoch == epoch;
    if (wish == lease_wish::look || !may)
      return false;
    if (wish == lease_wish::take)
      row = {who, row.epoch + 1, row.renewals};
    else if (wish == lease_wish::release)
      row.holder.clear();
    ++row.renewals;
    return true;
  }

  /// A leader begins a transaction, which arrives some time.
  void write(node& x) {
    if (!x.rule || now_ < x.frozen_until || !x.rule->holds(local(x)))
      return;
    if (const auto there = way())
      at(now_ + *there, [this, epoch = x.rule->epoch()] {
        ++writes;
        if (row.epoch != epoch || row.holder.empty()) {
          ++refused;
          return;
        }
        stale_write = stale_write || epoch < last_written_;
        last_written_ = epoch;
      });
  }

  void disturb() {
    using namespace std::chrono_literals;
    auto& x = nodes_[static_cast<size_t>(
      roll(static_cast<int64_t>(nodes_.size()) - 1))];
    switch (roll(60)) {
      case 0: x.frozen_until = now_ + some(12s); break;
      case 1:
        if (x.rule)
          crash(x, some(10s));
        break;
      case 2: stop_leader(some(10s)); break;
      default: write(x);
    }
  }

  std::mt19937_64 dice_;
  std::vector<node> nodes_;
  std::map<std::pair<caf::timespan, uint64_t>, action> queue_ = {};
  uint64_t count_ = 0;
  caf::timespan now_ = std::chrono::hours{1};
  bool wild_ = true;
  int64_t last_written_ = 0;
};

} // namespace tunerd::test
