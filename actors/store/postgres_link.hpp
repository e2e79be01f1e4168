#pragma once

#include "actors/store/engine.hpp"

#include <libpq-fe.h>

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
/// at a time, except `interrupt`. Everything ends after a finite time.
class postgres_link {
public:
  /// Connects within 5 s. @throws database_error without the URL
  explicit postgres_link(const std::string& url);

  bool is_alive() const noexcept;
  bool in_transaction() const noexcept;

  /// Runs several statements without parameters. @throws database_error
  postgres_result run(const std::string& sql);

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

  postgres_result check(PGresult* raw);

  std::unique_ptr<PGconn, finish> raw_;
  std::unique_ptr<PGcancel, free_cancel> cancel_;
  bool has_ended_ = false;
};

} // namespace tunerd::sql
