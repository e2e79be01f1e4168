#pragma once

#include "messages/context.hpp"

#include <caf/optional.hpp>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

// What a database engine does for us: SQLite and PostgreSQL are the two. Only
// connection.hpp uses it. Failures are exceptions, since each of them ends
// what its caller is doing.

namespace tunerd::sql {

/// What kind of trouble a database has.
enum class failure {
  /// Somebody else held a lock for too long.
  busy,
  /// The transaction met another one and is to be repeated from its begin.
  conflict,
  /// The server cannot be reached; nobody knows what became of a COMMIT.
  connection_lost,
  /// A row would break a rule of the schema.
  constraint,
  /// It took too long or was told to stop.
  interrupted,
  other,
};

/// What the database says went wrong.
class database_error : public std::runtime_error {
public:
  database_error(failure kind, const std::string& text)
    : std::runtime_error(text), kind_(kind) {
  }

  failure kind() const noexcept {
    return kind_;
  }

private:
  failure kind_;
};

/// A statement that an engine keeps prepared. One run of it: bind every
/// parameter, step to the end or less, reset.
class prepared {
public:
  virtual ~prepared() = default;

  /// Parameters count from 1; none is NULL. Texts are copied.
  virtual void bind_integer(int index, std::optional<int64_t> x) = 0;
  virtual void bind_text(int index, std::optional<std::string_view> x) = 0;

  /// Goes to the next row. @returns whether there is one.
  /// @throws database_error
  virtual bool step() = 0;

  /// Columns count from 0. NULL is 0 or empty.
  virtual bool is_null(int column) const = 0;
  virtual int64_t integer(int column) const = 0;
  virtual std::string text(int column) const = 0;

  /// @returns how many rows the run changed.
  virtual int64_t changed() const = 0;

  /// Ends a run, so that it holds neither lock nor memory.
  virtual void reset() noexcept = 0;
};

/// A connection of some engine. Used by one thread at a time, except
/// `interrupt`.
class engine {
public:
  virtual ~engine() = default;

  /// @returns the statement `sql`, not running; owned by the engine. SQL is
  /// what both engines understand, with parameters ?1, ?2, ...
  /// @throws database_error, std::logic_error if it is running
  virtual prepared& prepare(std::string_view sql) = 0;

  /// Runs several statements that return nothing.
  virtual void run_script(const std::string& sql) = 0;

  /// Opens a transaction; no other writes until it ends. Connects again first
  /// if the connection was lost.
  /// @returns the time by the server's clock; none if it has none.
  virtual caf::optional<timestamp> begin_writing() = 0;

  /// Opens a transaction that sees one state of the database.
  /// @returns as above.
  virtual caf::optional<timestamp> begin_reading() = 0;

  /// @returns whether a transaction is open. Some errors end it by themselves.
  virtual bool in_transaction() const noexcept = 0;

  /// @returns how many rows were read so far because no index led to those
  /// that were wanted; 0 if the engine does not count.
  virtual int64_t rows_scanned() const noexcept = 0;

  /// Lets what is running fail with `interrupted`. Any thread.
  virtual void interrupt() noexcept = 0;
};

/// Statements by their text, which are constants of the program: that bounds
/// the cache of an engine.
struct text_hash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

} // namespace tunerd::sql
