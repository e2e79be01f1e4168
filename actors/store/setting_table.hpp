#pragma once

#include "actors/store/connection.hpp"

#include <map>
#include <string>

namespace tunerd::sql {

/// The table `settings`: keys to JSON texts. The limits are in it too, see
/// `limit_table`.
class setting_table {
public:
  explicit setting_table(connection& db) : db_(db) {
  }

  /// @returns the settings whose keys begin with `prefix`.
  std::map<std::string, std::string> find(const std::string& prefix);

  /// @returns the value under exactly `key`.
  caf::optional<std::string> get(const std::string& key);

  /// Sets `key`, or unsets it if `value` is none.
  void put(const std::string& key, const caf::optional<std::string>& value);

  /// @returns how many settings there are.
  int64_t count();

private:
  connection& db_;
};

} // namespace tunerd::sql
