#pragma once

#include "actors/store/engine.hpp"

#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace tunerd::sql {

/// What a server answered to one statement.
struct clear_result {
  void operator()(PGresult* raw) const noexcept {
    PQclear(raw);
  }
};
using postgres_result = std::unique_ptr<PGresult, clear_result>;

/// What a parameter is bound to, as libpq sends it.
struct postgres_parameter {
  Oid type = 0;
  bool is_null = true;
  std::string bytes = {};
};

/// One connection to a PostgreSQL server, until it is lost. Used by one thread
/// at a time, except `interrupt`.
///
/// A server limits how long a statement takes, but one that is frozen or behind
/// a broken cable limits nothing. So silence beyond a limit is a loss, too.
class postgres_link {
public:
  /// Connects within 5 s. @throws database_error without the URL
  /// @param silence_max How long a server may say nothing while it is waited
  /// for. More than its own limit for a statement.
  postgres_link(const std::string& url, std::chrono::milliseconds silence_max);

  bool is_alive() const noexcept;
  bool in_transaction() const noexcept;

  /// Runs several statements without parameters. @throws database_error
  postgres_result run(const std::string& sql);

  /// The same, however long it takes.
  postgres_result run_patiently(const std::string& sql);

  /// Prepares `sql` under `name`. @throws database_error
  void prepare(const std::string& name, const std::string& sql,
               const std::vector<postgres_parameter>& parameters);

  /// Runs what was prepared. @throws database_error
  postgres_result
  run_prepared(const std::string& name,
               const std::vector<postgres_parameter>& parameters);

  /// Lets what is running fail. Any thread.
  void interrupt() noexcept;

private:
  struct finish {
    void operator()(PGconn* raw) const noexcept {
      PQfinish(raw);
    }
  };
  struct free_cancel {
    void operator()(PGcancel* raw) const noexcept {
      PQfreeCancel(raw);
    }
  };

  /// Waits for what a statement that was `sent` brings.
  postgres_result await(bool sent);
  bool flush();
  postgres_result take_result();
  /// Waits until there is something to read, or room to write.
  void wait(bool for_room);
  postgres_result check(postgres_result result);

  std::chrono::milliseconds silence_max_;
  std::unique_ptr<PGconn, finish> raw_;
  std::unique_ptr<PGcancel, free_cancel> cancel_;
  bool has_ended_ = false;
};

} // namespace tunerd::sql
