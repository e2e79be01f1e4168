#include "actors/store/sqlite.hpp"

#include <sqlite3.h>

#include <unordered_map>

namespace tunerd::sql {

namespace {

constexpr int busy_timeout_ms = 5'000;

// A larger log makes checkpoints rarer and each of them longer.
constexpr const char* common_settings = "PRAGMA foreign_keys = ON;"
                                        "PRAGMA trusted_schema = OFF;";

// Savepoints copy what is written inside them: into memory, not into files.
// Pages of an open transaction that the cache has no room for are written early
// and read again, so it holds what one transaction changes (KiB).
constexpr const char* writer_settings = "PRAGMA journal_mode = WAL;"
                                        "PRAGMA synchronous = FULL;"
                                        "PRAGMA temp_store = MEMORY;"
                                        "PRAGMA cache_size = -32768;"
                                        "PRAGMA wal_autocheckpoint = 2000;"
                                        "PRAGMA journal_size_limit = 67108864;";

failure kind_of(int code) {
  switch (code & 0xFF) { // the rest says more about the same
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return failure::busy;
    case SQLITE_CONSTRAINT: return failure::constraint;
    case SQLITE_INTERRUPT: return failure::interrupted;
    default: return failure::other;
  }
}

[[noreturn]] void fail(int code, const std::string& text) {
  throw database_error{kind_of(code), text};
}

/// Saves a lock per allocation, a sixth of what claims cost. For the whole
/// process; without effect where somebody else has used SQLite before.
void without_memory_statistics() {
  [[maybe_unused]] static const auto once
    = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

// -- statement ----------------------------------------------------------------

class sqlite_statement : public prepared {
public:
  explicit sqlite_statement(sqlite3_stmt* raw) : raw_(raw) {
  }

  bool is_running() const noexcept {
    return sqlite3_stmt_busy(raw_.get()) != 0;
  }

  int64_t rows_scanned() const noexcept {
    return sqlite3_stmt_status(raw_.get(), SQLITE_STMTSTATUS_FULLSCAN_STEP, 0);
  }

  void bind_integer(int index, std::optional<int64_t> x) override {
    check(x ? sqlite3_bind_int64(raw_.get(), index, *x)
            : sqlite3_bind_null(raw_.get(), index));
  }

  void bind_text(int index, std::optional<std::string_view> x) override {
    if (!x)
      return check(sqlite3_bind_null(raw_.get(), index));
    // A null pointer would bind NULL; an empty text is not NULL.
    const auto* begin = x->data() == nullptr ? "" : x->data();
    check(sqlite3_bind_text64(raw_.get(), index, begin, x->size(),
                              SQLITE_TRANSIENT, SQLITE_UTF8));
  }

  bool step() override {
    const auto code = sqlite3_step(raw_.get());
    if (code != SQLITE_DONE && code != SQLITE_ROW)
      fail(code, sqlite3_errmsg(db()));
    return code == SQLITE_ROW;
  }

  bool is_null(int column) const override {
    return sqlite3_column_type(raw_.get(), column) == SQLITE_NULL;
  }

  int64_t integer(int column) const override {
    return sqlite3_column_int64(raw_.get(), column);
  }

  std::string text(int column) const override {
    const auto* begin
      = reinterpret_cast<const char*>(sqlite3_column_text(raw_.get(), column));
    const auto size = sqlite3_column_bytes(raw_.get(), column);
    return begin == nullptr ? std::string{}
                            : std::string(begin, static_cast<size_t>(size));
  }

  int64_t changed() const override {
    return sqlite3_changes64(db());
  }

  void reset() noexcept override {
    sqlite3_reset(raw_.get());
    sqlite3_clear_bindings(raw_.get());
  }

private:
  struct finalize {
    void operator()(sqlite3_stmt* raw) const noexcept {
      sqlite3_finalize(raw);
    }
  };

  sqlite3* db() const noexcept {
    return sqlite3_db_handle(raw_.get());
  }

  static void check(int code) {
    if (code != SQLITE_OK)
      fail(code, "cannot bind a parameter");
  }

  std::unique_ptr<sqlite3_stmt, finalize> raw_;
};

// -- engine -------------------------------------------------------------------

class sqlite_engine : public engine {
public:
  sqlite_engine(const std::string& path, connection::mode how) {
    without_memory_statistics();
    const auto writes = how != connection::mode::read_only;
    sqlite3* raw = nullptr;
    const auto code
      = sqlite3_open_v2(path.c_str(), &raw,
                        (writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY)
                          | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                        nullptr);
    db_.reset(raw); // to be closed even if opening failed
    check(code);
    sqlite3_busy_timeout(db_.get(), busy_timeout_ms);
    run_script(common_settings);
    if (writes)
      run_script(writer_settings);
  }

  prepared& prepare(std::string_view sql) override {
    auto i = cache_.find(sql);
    if (i == cache_.end()) {
      sqlite3_stmt* raw = nullptr;
      check(sqlite3_prepare_v3(db_.get(), sql.data(),
                               static_cast<int>(sql.size()),
                               SQLITE_PREPARE_PERSISTENT, &raw, nullptr));
      i = cache_.try_emplace(std::string{sql}, raw).first;
    }
    if (i->second.is_running())
      throw std::logic_error("statement used inside itself: " + i->first);
    return i->second;
  }

  void run_script(const std::string& sql) override {
    check(sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr));
  }

  caf::optional<timestamp> begin_writing() override {
    run_script("BEGIN IMMEDIATE");
    return caf::none;
  }

  caf::optional<timestamp> begin_reading() override {
    run_script("BEGIN");
    return caf::none;
  }

  bool in_transaction() const noexcept override {
    return sqlite3_get_autocommit(db_.get()) == 0;
  }

  int64_t rows_scanned() const noexcept override {
    int64_t result = 0;
    for (const auto& [text, x] : cache_)
      result += x.rows_scanned();
    return result;
  }

  void interrupt() noexcept override {
    sqlite3_interrupt(db_.get());
  }

private:
  struct close {
    void operator()(sqlite3* db) const noexcept {
      sqlite3_close_v2(db);
    }
  };

  void check(int code) const {
    if (code != SQLITE_OK)
      fail(code, sqlite3_errmsg(db_.get()));
  }

  std::unique_ptr<sqlite3, close> db_;
  std::unordered_map<std::string, sqlite_statement, text_hash, std::equal_to<>>
    cache_;
};

} // namespace

std::unique_ptr<engine> open_sqlite(const std::string& path,
                                    connection::mode how) {
  return std::make_unique<sqlite_engine>(path, how);
}

} // namespace tunerd::sql
