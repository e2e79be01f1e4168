#pragma once

#include "actors/store/queue_table.hpp"

#include <map>
#include <string>

namespace tunerd::sql {

/// Counts the slot holders of every scope that a claim touches, once per claim
/// and inside its transaction, and refuses what the limits leave no room for.
class slots {
public:
  slots(connection& db, const queue_limits& limits)
    : held_(db), limits_(limits) {
  }

  /// @returns why `x` gets no slot; empty if there is one.
  std::string refusal(const job& x);

  /// Counts `x` as a holder from now on. @pre refusal(x).empty()
  void take(const job& x);

private:
  /// Something that has a limit, and who holds its slots. Its counter starts
  /// with what the database says.
  struct scope {
    int64_t& used;
    int32_t limit;
    std::string text;
  };

  /// @returns the scopes `x` belongs to, widest first.
  std::vector<scope> scopes_of(const job& x);

  queue_table held_;
  queue_limits limits_;
  /// By kind and name of the scope; as many as the claim's jobs have.
  std::map<std::string, int64_t> used_;
};

} // namespace tunerd::sql
