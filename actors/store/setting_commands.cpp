#include "actors/store/audit_table.hpp"
#include "actors/store/commands.hpp"
#include "actors/store/queries.hpp"
#include "actors/store/refusals.hpp"
#include "actors/store/setting_table.hpp"
#include "messages/json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

// Settings that outlive a restart, and notes about what changed no row.

namespace tunerd::sql {

namespace {

constexpr size_t keys_max = 64;
constexpr size_t key_size_max = 128;
constexpr size_t value_size_max = 16 * 1024;
/// All that are stored; the keys are the caller's choice.
constexpr int64_t settings_max = 1'000;
constexpr const char* limits_prefix = "queue.";

constexpr size_t action_size_max = 64;
constexpr size_t subject_size_max = 256;
constexpr size_t details_size_max = 4 * 1024;

bool is_key(const std::string& text) {
  return !text.empty() && text.size() <= key_size_max
         && std::all_of(text.begin(), text.end(), [](char c) {
              return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
                     || c == '_' || c == '.' || c == '-';
            });
}

/// @returns what is wrong with `command`, or none. Never names a value.
caf::error check(const put_settings& command) {
  if (command.who.level != caller_level::admin)
    return make_error(ec::permission_denied, "settings are set by admins");
  if (command.values.empty() || command.values.size() > keys_max)
    return invalid("settings: want 1 to 64 keys");
  for (const auto& [key, value] : command.values) {
    if (!is_key(key))
      return invalid("settings: a key has 1 to 128 of a-z 0-9 _ . -");
    if (key.starts_with(limits_prefix))
      return invalid(key + ": limits are not set as settings");
    if (!value)
      continue;
    if (value->size() > value_size_max)
      return invalid(key + ": want at most 16 KiB");
    if (!nlohmann::json::accept(*value))
      return invalid(key + ": want JSON");
  }
  return {};
}

/// Names the keys, never a value: some are secrets.
std::string keys_of(const put_settings& command) {
  std::string result;
  for (const auto& [key, value] : command.values)
    result += (result.empty() ? "" : ", ") + key + (value ? "" : " (unset)");
  return result;
}

event settings_event(const put_settings& command, timestamp now) {
  nlohmann::ordered_json data{{"type", "settings_changed"}};
  auto& keys = data["keys"] = nlohmann::ordered_json::array();
  for (const auto& [key, value] : command.values)
    keys.push_back(key);
  data["timestamp"] = utc_text(now);
  data["correlation_id"] = command.ctx.correlation_id;
  return {.id = 0,
          .time = now,
          .type = "settings_changed",
          .correlation_id = command.ctx.correlation_id,
          .data = data.dump()};
}

} // namespace

caf::expected<settings_found> run(transaction& tx,
                                  const put_settings& command) {
  if (auto err = check(command))
    return err;
  setting_table settings{tx.db};
  settings_found result{command.ctx};
  for (const auto& [key, value] : command.values) {
    settings.put(key, value);
    if (value)
      result.values.emplace(key, *value);
  }
  if (settings.count() > settings_max)
    return invalid("settings: 1000 are stored already");
  tx.append(settings_event(command, tx.now));
  const auto& first = command.values.begin()->first;
  tx.audit(command.ctx, command.who, "settings.set",
           command.values.size() == 1 ? first : "", {}, keys_of(command));
  return result;
}

caf::expected<settings_found> look_up(const view& in,
                                      const get_settings& query) {
  return settings_found{query.ctx, setting_table{in.db}.find(query.prefix)};
}

caf::expected<audit_appended> run(transaction& tx,
                                  const append_audit& command) {
  auto x = command.entry;
  if (x.action.empty() || x.action.size() > action_size_max)
    return invalid("action: want 1 to 64 characters");
  if (x.subject.size() > subject_size_max)
    return invalid("subject: want at most 256 characters");
  if (x.details.size() > details_size_max)
    return invalid("details: want at most 4 KiB");
  x.time = tx.now;
  if (x.correlation_id.empty())
    x.correlation_id = command.ctx.correlation_id;
  return audit_appended{command.ctx, audit_table{tx.db}.append(x)};
}

} // namespace tunerd::sql
