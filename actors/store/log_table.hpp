#pragma once

#include "actors/store/connection.hpp"

namespace tunerd::sql {

/// The table `job_logs`: what jobs that are over have written, since providers
/// forget it. Goes with its job.
class log_table {
public:
  explicit log_table(connection& db) : db_(db) {
  }

  /// Keeps the last MiB of `text` unless nothing is new in it: it is not
  /// longer than what is stored. @pre there is such a job
  void store(const std::string& job_id, std::string_view text);

  /// @returns what is stored; empty if there is nothing.
  std::string find(const std::string& job_id);

private:
  connection& db_;
};

/// @returns the end of `text`, at most `size_max` bytes, that does not begin
/// inside a UTF-8 character. @relates log_table
std::string_view tail(std::string_view text, size_t size_max);

} // namespace tunerd::sql
