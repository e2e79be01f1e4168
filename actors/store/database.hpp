#pragma once

#include "actors/store/connection.hpp"
#include "actors/support/clocks.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tunerd::sql {

/// What a database needs besides its place; a file needs nothing.
struct database_options {
  /// Paces the attempts to reach a server that is gone; none: each use tries.
  wall_clock now = {};
  /// Whether a server's clock is the store's clock.
  bool uses_server_clock = true;
};

/// One database, ready to be used: an SQLite file or a schema in a PostgreSQL
/// server. Outlives the actors that work on it; give them a shared pointer.
///
/// A file is for one daemon at a time. The right to it is a lock on FILE.lock,
/// not on the database itself, so that other programs may still read (backup,
/// shell). A schema is for as many as want; see actors/cluster/lease.hpp.
class database {
public:
  /// What differs between the engines.
  class place {
  public:
    virtual ~place() = default;
    virtual std::unique_ptr<engine> open(connection::mode how) = 0;
  };

  /// Creates what is missing (a file's directories with mode 0700, files 0600)
  /// and migrates the schema. Blocks on the disk or on the server.
  /// @param where The path of a file or `postgresql://...`.
  /// @throws std::runtime_error naming the place, without secrets, and what is
  /// wrong: cannot be opened or reached, no database, newer schema, in use by
  /// another daemon.
  explicit database(std::string where, database_options options = {});

  /// Opens a connection of its own for one actor. @throws database_error
  std::shared_ptr<connection> connect(connection::mode how);

  /// Lets whatever runs on any connection fail now. Any thread.
  void interrupt();

private:
  std::unique_ptr<place> place_;
  std::mutex mutex_;
  /// Those that were closed leave with the next `connect`.
  std::vector<std::weak_ptr<connection>> connections_;
};

} // namespace tunerd::sql
