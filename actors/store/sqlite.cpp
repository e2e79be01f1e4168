#include "actors/store/sqlite.hpp"

namespace tunerd::sql {

namespace {

constexpr int busy_timeout_ms = 5'000;

// A larger log makes checkpoints rarer and each of them longer.
constexpr const char* common_settings = "PRAGMA foreign_keys = ON;"
                                        "PRAGMA trusted_schema = OFF;";

constexpr const char* writer_settings = "PRAGMA journal_mode = WAL;"
                                        "PRAGMA synchronous = FULL;"
                                        "PRAGMA wal_autocheckpoint = 2000;"
                                        "PRAGMA journal_size_limit = 67108864;";

} // namespace

sqlite_error::sqlite_error(int code, const std::string& text)
  : std::runtime_error(text), code_(code) {
}

// -- statement ----------------------------------------------------------------

statement::statement(sqlite3_stmt* prepared) : raw_(prepared) {
}

bool statement::step() {
  const auto code = sqlite3_step(raw_.get());
  if (code == SQLITE_ROW)
    return true;
  if (code == SQLITE_DONE)
    return false;
  auto* db = sqlite3_db_handle(raw_.get());
  throw sqlite_error{code, sqlite3_errmsg(db)};
}

void statement::bind_one(int index, std::string_view x) {
  // A null pointer would bind NULL; an empty text is not NULL.
  const auto* begin = x.data() == nullptr ? "" : x.data();
  if (auto code = sqlite3_bind_text64(raw_.get(), index, begin, x.size(),
                                      SQLITE_TRANSIENT, SQLITE_UTF8);
      code != SQLITE_OK)
    throw sqlite_error{code, "cannot bind a text"};
}

void statement::bind_integer(int index, int64_t x) {
  if (auto code = sqlite3_bind_int64(raw_.get(), index, x); code != SQLITE_OK)
    throw sqlite_error{code, "cannot bind a number"};
}

int64_t statement::integer(int column) const {
  return sqlite3_column_int64(raw_.get(), column);
}

std::string statement::text(int column) const {
  const auto* begin
    = reinterpret_cast<const char*>(sqlite3_column_text(raw_.get(), column));
  const auto size = sqlite3_column_bytes(raw_.get(), column);
  return begin == nullptr ? std::string{}
                          : std::string(begin, static_cast<size_t>(size));
}

void statement::rewind::operator()(sqlite3_stmt* raw) const noexcept {
  sqlite3_reset(raw);
  sqlite3_clear_bindings(raw);
}

// -- connection ---------------------------------------------------------------

connection::connection(const std::string& path, mode how) {
  const auto writes = how == mode::read_write;
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

void connection::run_script(const std::string& sql) {
  check(sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr));
}

int64_t connection::last_row() const noexcept {
  return sqlite3_last_insert_rowid(db_.get());
}

bool connection::in_transaction() const noexcept {
  return sqlite3_get_autocommit(db_.get()) == 0;
}

int64_t connection::rows_scanned() const noexcept {
  int64_t result = 0;
  for (const auto& [text, raw] : cache_)
    result
      += sqlite3_stmt_status(raw.get(), SQLITE_STMTSTATUS_FULLSCAN_STEP, 0);
  return result;
}

void connection::interrupt() noexcept {
  sqlite3_interrupt(db_.get());
}

sqlite3_stmt* connection::prepare(std::string_view sql) {
  auto i = cache_.find(sql);
  if (i == cache_.end()) {
    sqlite3_stmt* raw = nullptr;
    check(sqlite3_prepare_v3(db_.get(), sql.data(),
                             static_cast<int>(sql.size()),
                             SQLITE_PREPARE_PERSISTENT, &raw, nullptr));
    i = cache_.try_emplace(std::string{sql}, raw).first;
  }
  if (sqlite3_stmt_busy(i->second.get()) != 0)
    throw std::logic_error("statement used inside itself: " + i->first);
  return i->second.get();
}

void connection::check(int code) const {
  if (code != SQLITE_OK)
    throw sqlite_error{code, sqlite3_errmsg(db_.get())};
}

void connection::close::operator()(sqlite3* db) const noexcept {
  sqlite3_close_v2(db);
}

void connection::finalize::operator()(sqlite3_stmt* raw) const noexcept {
  sqlite3_finalize(raw);
}

// -- snapshot -----------------------------------------------------------------

snapshot::snapshot(connection& db) : db_(db) {
  db_.execute("BEGIN");
}

snapshot::~snapshot() {
  try {
    db_.execute("ROLLBACK"); // nothing was written
  } catch (const sqlite_error&) {
    // An error inside has ended it already.
  }
}

} // namespace tunerd::sql
