#pragma once

#include "actors/store/connection.hpp"
#include "actors/support/clocks.hpp"

#include <string>

namespace tunerd::sql {

/// How to reach a PostgreSQL server.
struct postgres_settings {
  /// `postgresql://...` as libpq takes it: hosts, TLS, search path. May hold a
  /// password: neither logged nor part of an error.
  std::string url;
  /// Paces the attempts to reach a server that is gone; none: each use tries.
  wall_clock now = {};
  /// Whether transactions are told the server's time.
  bool tells_time = true;
};

/// @returns whether `place` is the URL of a PostgreSQL server.
bool is_postgres(const std::string& place);

/// @returns who is asked for what, without secrets: "postgresql://HOST/NAME".
std::string without_secrets(const std::string& url);

/// Connects to a PostgreSQL server. Blocks for at most 5 s, and so does
/// `begin_...` when the connection was lost meanwhile: it is made again there
/// and nowhere else, at once and then after 0.25 s to 8 s. Nothing blocks for
/// more than 10 s; `apart` for 2 s, and it is connected again within 1 s.
/// @throws database_error
std::unique_ptr<engine> open_postgres(postgres_settings settings,
                                      connection::mode how);

} // namespace tunerd::sql
