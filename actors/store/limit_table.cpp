#include "actors/store/limit_table.hpp"

#include "actors/store/setting_table.hpp"

#include <charconv>

namespace tunerd::sql {

namespace {

/// Calls `visit(key, member of x)` for each limit. The only place that names
/// the keys; `X` is queue_limits or set_limits.
template <class X, class F>
void for_each_limit(X& x, F visit) {
  visit("queue.max_concurrent", x.max_concurrent);
  visit("queue.user_max_concurrent", x.user_max_concurrent);
  visit("queue.team_max_concurrent", x.team_max_concurrent);
  visit("queue.org_max_concurrent", x.org_max_concurrent);
  visit("queue.enable_fair_share", x.enable_fair_share);
  visit("queue.local_gpu_max_concurrent", x.local_gpu_max_concurrent);
  visit("queue.local_job_max_concurrent", x.local_job_max_concurrent);
  visit("queue.provider_max_concurrent", x.provider_max_concurrent);
}

/// @returns the number that `text` begins with; 0 if there is none.
int64_t number(const std::string& text) {
  int64_t result = 0;
  std::from_chars(text.data(), text.data() + text.size(), result);
  return result;
}

} // namespace

queue_limits limit_table::load(const queue_limits& from_file) {
  auto result = from_file;
  for_each_limit(result, [this](const char* key, auto& limit) {
    if (const auto value = setting_table{db_}.get(key))
      limit
        = static_cast<std::remove_reference_t<decltype(limit)>>(number(*value));
  });
  return result;
}

void limit_table::store(const set_limits& change) {
  for_each_limit(change, [this](const char* key, const auto& limit) {
    if (limit)
      setting_table{db_}.put(key, std::to_string(static_cast<int32_t>(*limit)));
  });
}

std::string limit_table::summary(const set_limits& change) {
  std::string result;
  for_each_limit(change, [&](const char* key, const auto& limit) {
    if (limit)
      result += (result.empty() ? "" : ", ") + std::string{key} + "="
                + std::to_string(static_cast<int32_t>(*limit));
  });
  return result;
}

} // namespace tunerd::sql
