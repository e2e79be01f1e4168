#include "actors/store/queries.hpp"

#include "actors/store/attempt_table.hpp"
#include "actors/store/cost_sums.hpp"
#include "actors/store/event_log.hpp"
#include "actors/store/job_table.hpp"
#include "actors/store/limit_table.hpp"
#include "actors/store/log_table.hpp"
#include "actors/store/queue_table.hpp"
#include "actors/store/refusals.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace tunerd::sql {

namespace {

constexpr int32_t events_max = 1'000;
constexpr auto waits_counted = std::chrono::hours{24};
/// Waiting jobs of one page of the queue, about 3 MB.
constexpr int64_t entries_max = 10'000;

/// @returns a snapshot without entries yet.
queue_snapshot begin_snapshot(const view& in, const context& ctx) {
  return {ctx, event_log{in.db}.head(),
          limit_table{in.db}.load(in.limits_from_file)};
}

/// "time:row" of the last entry of a page.
std::string text_of(const queue_entry& last) {
  return std::to_string(last.queued_at.time_since_epoch().count()) + ":"
         + std::to_string(last.row);
}

/// @returns the place before the first entry if `text` is empty, none if it is
/// no `text_of`.
caf::optional<queue_place> parse_place(const std::string& text) {
  if (text.empty())
    return queue_place{};
  const auto* const end = text.data() + text.size();
  int64_t time = 0, row = 0;
  const auto first = std::from_chars(text.data(), end, time);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != ':')
    return caf::none;
  const auto second = std::from_chars(first.ptr + 1, end, row);
  if (second.ec != std::errc{} || second.ptr != end)
    return caf::none;
  return queue_place{timestamp{caf::timespan{time}}, row};
}

template <class T>
void append(std::vector<T>& xs, std::vector<T>&& ys) {
  std::move(ys.begin(), ys.end(), std::back_inserter(xs));
}

} // namespace

caf::expected<job_found> look_up(const view& in, const get_job& query) {
  auto found = job_table{in.db}.find(query.job_id);
  if (!found)
    return no_such_job(query.job_id);
  if (!may_see(query.who, found->user_id, found->org_id))
    return not_allowed(query.job_id);
  return job_found{query.ctx, std::move(*found)};
}

caf::expected<job_logs_found> look_up(const view& in,
                                      const get_job_logs& query) {
  auto found = look_up(in, get_job{query.ctx, query.who, query.job_id});
  if (!found)
    return found.error();
  const auto is_final = is_terminal(found->subject.status);
  return job_logs_found{query.ctx, std::move(found->subject),
                        log_table{in.db}.find(query.job_id), is_final};
}

caf::expected<job_list> look_up(const view& in, const list_jobs& query) {
  auto result = job_table{in.db}.list(query);
  result.ctx = query.ctx;
  return result;
}

caf::expected<job_list> look_up(const view& in, const list_active_jobs& query) {
  auto jobs = job_table{in.db}.list_at_provider();
  const auto total = static_cast<int64_t>(jobs.size());
  return job_list{query.ctx, std::move(jobs), total};
}

caf::expected<queue_snapshot> look_up(const view& in, const load_queue& query) {
  return load_page(in, query, entries_max);
}

caf::expected<queue_snapshot> load_page(const view& in, const load_queue& query,
                                        int64_t count) {
  const auto after = parse_place(query.after);
  if (!after)
    return invalid("'" + query.after + "' is no page of the queue");
  auto result = begin_snapshot(in, query.ctx);
  queue_table queue{in.db};
  result.entries = queue.waiting(*after, count);
  if (std::ssize(result.entries) == count)
    result.next = text_of(result.entries.back());
  if (!query.after.empty())
    return result;
  append(result.entries, queue.holders());
  result.attempts = attempt_table{in.db}.list_open();
  return result;
}

caf::expected<queue_snapshot> look_up(const view& in,
                                      const reload_queue& query) {
  auto result = begin_snapshot(in, query.ctx);
  const std::set<std::string> ids{query.job_ids.begin(), query.job_ids.end()};
  for (const auto& id : ids) {
    append(result.entries, queue_table{in.db}.entries(id));
    append(result.attempts, attempt_table{in.db}.list_open(id));
  }
  return result;
}

caf::expected<queue_page> look_up(const view& in, const list_queue& query) {
  auto result = queue_table{in.db}.list(query);
  result.ctx = query.ctx;
  return result;
}

caf::expected<user_queue> look_up(const view& in, const get_user_queue& query) {
  auto result = queue_table{in.db}.of_user(query.who, query.user_id);
  result.ctx = query.ctx;
  return result;
}

caf::expected<queue_stats> look_up(const view& in,
                                   const get_queue_stats& query) {
  auto result = queue_table{in.db}.stats(in.now - waits_counted);
  result.ctx = query.ctx;
  result.costs = in.costs != nullptr && query.who.level == caller_level::admin
                   ? sum_all_costs(in.db, in.now, *in.costs)
                   : sum_costs(in.db, query.who, in.now);
  return result;
}

caf::expected<limits_in_force> look_up(const view& in,
                                       const get_limits& query) {
  return limits_in_force{query.ctx,
                         limit_table{in.db}.load(in.limits_from_file)};
}

caf::expected<event_page> look_up(const view& in, const read_events& query) {
  auto result = event_log{in.db}.read(query.after,
                                      std::clamp(query.limit, 1, events_max));
  result.ctx = query.ctx;
  return result;
}

} // namespace tunerd::sql
