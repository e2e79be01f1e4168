#pragma once

#include "actors/store/engine.hpp"

#include <concepts>
#include <memory>

// A database as values and scopes. Nothing here knows our tables, nor which
// engine it is.

namespace tunerd::sql {

/// One run of a prepared statement: bind, step, read. Resets it at the end, so
/// that it holds no lock. Must not outlive its connection.
class statement {
public:
  /// @param x Owned by the engine; not running.
  explicit statement(prepared& x) : raw_(&x) {
  }

  /// Binds the parameters ?1, ?2, ... in order. Texts are copied.
  template <class... Ts>
  void bind(const Ts&... xs) {
    [[maybe_unused]] int index = 0;
    (bind_one(++index, xs), ...);
  }

  /// Goes to the next row. @returns whether there is one.
  /// @throws database_error
  bool step() {
    return raw_->step();
  }

  /// @returns how many rows it changed.
  int64_t changed() const {
    return raw_->changed();
  }

  /// @returns the value in `column`, counted from 0, of the current row.
  template <class T>
  T get(int column) const {
    if constexpr (std::same_as<T, std::string>)
      return raw_->text(column);
    else if constexpr (std::same_as<T, timestamp>)
      return timestamp{caf::timespan{raw_->integer(column)}};
    else
      return static_cast<T>(raw_->integer(column));
  }

  /// @returns the value in `column`, or none if it is NULL.
  template <class T>
  caf::optional<T> find(int column) const {
    if (raw_->is_null(column))
      return caf::none;
    return get<T>(column);
  }

private:
  template <std::integral T>
  void bind_one(int index, T x) {
    raw_->bind_integer(index, static_cast<int64_t>(x));
  }
  void bind_one(int index, timestamp x) {
    raw_->bind_integer(index, x.time_since_epoch().count());
  }
  void bind_one(int index, std::string_view x) {
    raw_->bind_text(index, x);
  }
  template <class T>
  void bind_one(int index, const caf::optional<T>& x) {
    if (x)
      bind_one(index, *x);
    else if constexpr (std::convertible_to<T, std::string_view>)
      raw_->bind_text(index, std::nullopt);
    else
      raw_->bind_integer(index, std::nullopt);
  }

  struct rewind {
    void operator()(prepared* raw) const noexcept {
      raw->reset();
    }
  };
  std::unique_ptr<prepared, rewind> raw_;
};

/// A connection to one database. Used by one thread at a time, except
/// `interrupt`.
class connection {
public:
  enum class mode {
    read_write,
    read_only,
    /// Writes without waiting for those that do: a few rows that nobody else
    /// changes, and soon over. A server only.
    apart,
  };

  explicit connection(std::unique_ptr<engine> raw) : raw_(std::move(raw)) {
  }

  /// @returns the statement `sql`, bound to `xs`, before its first row. It is
  /// prepared once per text.
  /// @throws database_error
  template <class... Ts>
  statement query(std::string_view sql, const Ts&... xs) {
    statement result{raw_->prepare(sql)};
    result.bind(xs...);
    return result;
  }

  /// Runs `sql` to its end. @returns the number of rows it changed.
  template <class... Ts>
  int64_t execute(std::string_view sql, const Ts&... xs) {
    auto running = query(sql, xs...);
    while (running.step()) {
    }
    return running.changed();
  }

  /// Runs an INSERT of one row. @returns the number that it RETURNs.
  template <class... Ts>
  int64_t insert(std::string_view sql, const Ts&... xs) {
    auto running = query(sql, xs...);
    running.step();
    const auto result = running.template get<int64_t>(0);
    while (running.step()) { // to its end, or the row does not stay
    }
    return result;
  }

  void run_script(const std::string& sql) {
    raw_->run_script(sql);
  }

  caf::optional<timestamp> begin_writing() {
    return raw_->begin_writing();
  }

  caf::optional<timestamp> begin_reading() {
    return raw_->begin_reading();
  }

  bool in_transaction() const noexcept {
    return raw_->in_transaction();
  }

  int64_t rows_scanned() const noexcept {
    return raw_->rows_scanned();
  }

  void interrupt() noexcept {
    raw_->interrupt();
  }

private:
  std::unique_ptr<engine> raw_;
};

/// Several reads that see one state of the database. Ends with the scope.
class snapshot {
public:
  explicit snapshot(connection& db)
    : db_(db), server_time_(db.begin_reading()) {
  }

  ~snapshot() {
    try {
      db_.execute("ROLLBACK"); // nothing was written
    } catch (const database_error&) {
      // An error inside has ended it already.
    }
  }

  snapshot(const snapshot&) = delete;
  snapshot& operator=(const snapshot&) = delete;

  /// @returns when it was taken, by the server's clock; none if it has none.
  const caf::optional<timestamp>& server_time() const noexcept {
    return server_time_;
  }

private:
  connection& db_;
  caf::optional<timestamp> server_time_;
};

} // namespace tunerd::sql
