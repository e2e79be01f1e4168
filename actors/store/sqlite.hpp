#pragma once

#include "messages/context.hpp"

#include <caf/optional.hpp>

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

// SQLite as values and scopes. Nothing here knows our tables. Failures are
// exceptions, since each of them ends what its caller is doing.

namespace tunerd::sql {

/// What SQLite says went wrong.
class sqlite_error : public std::runtime_error {
public:
  sqlite_error(int code, const std::string& text);

  /// @returns SQLite's extended result code.
  int code() const noexcept {
    return code_;
  }

private:
  int code_;
};

/// One run of a prepared statement: bind, step, read. Resets it at the end, so
/// that it holds no lock. Must not outlive its connection.
class statement {
public:
  /// @param prepared Owned by the connection's cache; not running.
  explicit statement(sqlite3_stmt* prepared);

  /// Binds the parameters ?1, ?2, ... in order. Texts are copied.
  template <class... Ts>
  void bind(const Ts&... xs) {
    [[maybe_unused]] int index = 0;
    (bind_one(++index, xs), ...);
  }

  /// Goes to the next row. @returns whether there is one.
  /// @throws sqlite_error
  bool step();

  /// @returns the value in `column`, counted from 0, of the current row.
  template <class T>
  T get(int column) const {
    if constexpr (std::same_as<T, std::string>)
      return text(column);
    else if constexpr (std::same_as<T, timestamp>)
      return timestamp{caf::timespan{integer(column)}};
    else
      return static_cast<T>(integer(column));
  }

  /// @returns the value in `column`, or none if it is NULL.
  template <class T>
  caf::optional<T> find(int column) const {
    if (sqlite3_column_type(raw_.get(), column) == SQLITE_NULL)
      return caf::none;
    return get<T>(column);
  }

private:
  template <std::integral T>
  void bind_one(int index, T x) {
    bind_integer(index, static_cast<int64_t>(x));
  }
  void bind_one(int index, timestamp x) {
    bind_integer(index, x.time_since_epoch().count());
  }
  void bind_one(int index, std::string_view x);
  template <class T>
  void bind_one(int index, const caf::optional<T>& x) {
    if (x)
      bind_one(index, *x); // else it stays NULL
  }
  void bind_integer(int index, int64_t x);
  int64_t integer(int column) const;
  std::string text(int column) const;

  struct rewind {
    void operator()(sqlite3_stmt* raw) const noexcept;
  };
  std::unique_ptr<sqlite3_stmt, rewind> raw_;
};

/// A connection to one database file. Used by one thread at a time, except
/// `interrupt`. Waits at most five seconds for a lock of somebody else.
class connection {
public:
  enum class mode { read_write, read_only };

  /// Opens an existing file and sets what every connection of ours wants: WAL,
  /// FULL (an acknowledged commit survives a power cut), foreign keys.
  /// @throws sqlite_error
  connection(const std::string& path, mode how);

  /// @returns the statement `sql`, bound to `xs`, before its first row. It is
  /// prepared once per text; texts are constants of the program, which bounds
  /// the cache.
  template <class... Ts>
  statement query(std::string_view sql, const Ts&... xs) {
    statement result{prepare(sql)};
    result.bind(xs...);
    return result;
  }

  /// Runs `sql` to its end. @returns the number of rows it changed.
  template <class... Ts>
  int64_t execute(std::string_view sql, const Ts&... xs) {
    auto running = query(sql, xs...);
    while (running.step()) {
    }
    return sqlite3_changes64(db_.get());
  }

  /// Runs several statements that return nothing.
  void run_script(const std::string& sql);

  /// @returns the row id of the last INSERT.
  int64_t last_row() const noexcept;

  /// @returns whether a transaction is open. Some errors end it by themselves.
  bool in_transaction() const noexcept;

  /// @returns how many rows were read so far because no index led to those
  /// that were wanted.
  int64_t rows_scanned() const noexcept;

  /// Lets what is running fail with SQLITE_INTERRUPT. Any thread.
  void interrupt() noexcept;

private:
  struct close {
    void operator()(sqlite3* db) const noexcept;
  };
  struct finalize {
    void operator()(sqlite3_stmt* raw) const noexcept;
  };
  struct text_hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  sqlite3_stmt* prepare(std::string_view sql);
  void check(int code) const;

  std::unique_ptr<sqlite3, close> db_;
  std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt, finalize>,
                     text_hash, std::equal_to<>>
    cache_;
};

/// Several reads that see one state of the database. Ends with the scope.
class snapshot {
public:
  explicit snapshot(connection& db);
  ~snapshot();
  snapshot(const snapshot&) = delete;
  snapshot& operator=(const snapshot&) = delete;

private:
  connection& db_;
};

} // namespace tunerd::sql
