#include "actors/store/postgres.hpp"

#include "actors/store/postgres_link.hpp"
#include "actors/store/postgres_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <mutex>
#include <unordered_map>

namespace tunerd::sql {

namespace {

// Of PostgreSQL's catalogue, where they never change.
constexpr Oid int8_type = 20;
constexpr Oid text_type = 25;

constexpr caf::timespan pause_min = std::chrono::milliseconds{250};
constexpr caf::timespan pause_max = std::chrono::seconds{8};
constexpr caf::timespan pause_max_apart = std::chrono::seconds{1};

// Beyond the server's own limits, below.
constexpr std::chrono::seconds silence_max{12};
constexpr std::chrono::seconds silence_max_apart{3};

// The server gives up what a frozen or unreachable client holds, too: a batch
// is over after milliseconds, and all other nodes wait for its locks.
constexpr const char* session_settings
  = "SET statement_timeout = '10s'; SET lock_timeout = '5s';"
    "SET idle_in_transaction_session_timeout = '3s';"
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;"
    "SET tcp_keepalives_count = 2; SET tcp_user_timeout = 20000;"
    "SET jit = off; SET client_min_messages = warning;"
    // An acknowledged commit survives a power cut, whatever the default is.
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') = 'off';";

constexpr const char* reader_settings
  = "SET default_transaction_read_only = on;";

// What is asked of it is out of date by then.
constexpr const char* apart_settings
  = "SET statement_timeout = '2s'; SET lock_timeout = '2s';";

// Two clients never write at the same time: event ids are in the order of the
// commits, and what a command has read stays true until it has written. The
// clock is read when the lock is there. The number is "tnrd" and one; the other
// is the schema's, so that several tunerds share a database.
constexpr const char* lock_and_tell_time
  = "WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock(1953395301, "
    "hashtext(current_schema()))) SELECT CAST(extract(epoch FROM "
    "clock_timestamp()) * 1000000 AS BIGINT) * 1000 FROM locked";
constexpr const char* tell_time
  = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) "
    "* 1000";

int64_t number(const char* text) {
  int64_t result = 0;
  const auto* end = text + std::strlen(text);
  const auto [last, error] = std::from_chars(text, end, result);
  if (error != std::errc{} || last != end)
    throw database_error{failure::other, "not a number: " + std::string{text}};
  return result;
}

/// @returns `x` in the order that networks use.
std::string eight_bytes(int64_t x) {
  std::string result(8, '\0');
  for (auto i = result.rbegin(); i != result.rend(); ++i) {
    *i = static_cast<char>(x & 0xFF);
    x >>= 8;
  }
  return result;
}

// -- statement ----------------------------------------------------------------

class postgres_engine;

class postgres_statement : public prepared {
public:
  postgres_statement(postgres_engine& owner, std::string_view sql,
                     std::string name)
    : owner_(owner), sql_(as_postgres(sql)), name_(std::move(name)) {
  }

  bool is_running() const noexcept {
    return result_ != nullptr;
  }

  void bind_integer(int index, std::optional<int64_t> x) override {
    at(index) = {int8_type, !x, x ? eight_bytes(*x) : std::string{}};
  }

  void bind_text(int index, std::optional<std::string_view> x) override {
    at(index) = {text_type, !x, x ? as_utf8(*x) : std::string{}};
  }

  bool step() override;

  bool is_null(int column) const override {
    return PQgetisnull(result_.get(), row_, column) != 0;
  }

  int64_t integer(int column) const override {
    return is_null(column) ? 0
                           : number(PQgetvalue(result_.get(), row_, column));
  }

  std::string text(int column) const override {
    return {PQgetvalue(result_.get(), row_, column),
            static_cast<size_t>(PQgetlength(result_.get(), row_, column))};
  }

  int64_t changed() const override {
    const auto* text = PQcmdTuples(result_.get());
    return *text == '\0' ? 0 : number(text);
  }

  void reset() noexcept override {
    result_.reset();
    row_ = -1;
  }

private:
  postgres_parameter& at(int index) {
    const auto count = static_cast<size_t>(index);
    parameters_.resize(std::max(parameters_.size(), count));
    return parameters_[count - 1];
  }

  postgres_engine& owner_;
  std::string sql_;
  std::string name_;
  std::vector<postgres_parameter> parameters_;
  /// The connection that knows `name_`, by its number.
  uint64_t known_to_ = 0;
  postgres_result result_;
  int row_ = -1;
};

// -- engine -------------------------------------------------------------------

class postgres_engine : public engine {
public:
  postgres_engine(postgres_settings settings, connection::mode how)
    : settings_(std::move(settings)), how_(how) {
    connect();
  }

  prepared& prepare(std::string_view sql) override {
    auto i = cache_.find(sql);
    if (i == cache_.end())
      i = cache_
            .try_emplace(std::string{sql}, *this, sql,
                         "s" + std::to_string(cache_.size()))
            .first;
    if (i->second.is_running())
      throw std::logic_error("statement used inside itself: " + i->first);
    return i->second;
  }

  void run_script(const std::string& sql) override {
    link_->run_patiently(sql);
  }

  caf::optional<timestamp> begin_writing() override {
    const auto waits = how_ != connection::mode::apart;
    return begin("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
                 waits ? lock_and_tell_time : tell_time);
  }

  caf::optional<timestamp> begin_reading() override {
    return begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                 settings_.tells_time ? tell_time : "");
  }

  bool in_transaction() const noexcept override {
    return link_->in_transaction();
  }

  int64_t rows_scanned() const noexcept override {
    return 0;
  }

  void interrupt() noexcept override {
    std::lock_guard guard{mutex_};
    link_->interrupt();
  }

  postgres_link& link() noexcept {
    return *link_;
  }

  /// @returns the number of the connection, counted from 1.
  uint64_t generation() const noexcept {
    return generation_;
  }

private:
  void connect() {
    const auto now = settings_.now ? settings_.now() : timestamp{};
    if (now < retry_at_ && now >= failed_at_)
      throw database_error{failure::connection_lost,
                           "the database cannot be reached"};
    try {
      auto made = std::make_unique<postgres_link>(
        settings_.url,
        how_ == connection::mode::apart ? silence_max_apart : silence_max);
      set_up(*made);
      std::lock_guard guard{mutex_};
      link_ = std::move(made);
      ++generation_;
      pause_ = pause_min;
      retry_at_ = {};
    } catch (const database_error&) {
      failed_at_ = now;
      retry_at_ = settings_.now ? now + pause_ : timestamp{};
      pause_
        = std::min(2 * pause_, how_ == connection::mode::apart ? pause_max_apart
                                                               : pause_max);
      throw;
    }
  }

  void set_up(postgres_link& made) const {
    made.run(session_settings);
    if (how_ == connection::mode::read_only)
      made.run(reader_settings);
    if (how_ == connection::mode::apart)
      made.run(apart_settings);
  }

  caf::optional<timestamp> begin(const char* first, std::string_view second) {
    if (!link_->is_alive())
      connect();
    try {
      return begin_once(first, second);
    } catch (const database_error& e) {
      if (e.kind() != failure::connection_lost)
        throw;
      // It was lost while nobody used it; nothing was done yet.
      connect();
      return begin_once(first, second);
    }
  }

  caf::optional<timestamp> begin_once(const char* first,
                                      std::string_view second) {
    link_->run(first);
    if (second.empty())
      return caf::none;
    try {
      statement row{prepare(second)};
      row.step();
      if (settings_.tells_time)
        return row.get<timestamp>(0);
      return caf::none;
    } catch (const database_error&) {
      if (link_->in_transaction())
        link_->run("ROLLBACK");
      throw;
    }
  }

  postgres_settings settings_;
  connection::mode how_;
  /// Guards the pointer against `interrupt`.
  std::mutex mutex_;
  std::unique_ptr<postgres_link> link_;
  uint64_t generation_ = 0;
  timestamp failed_at_ = {};
  timestamp retry_at_ = {};
  caf::timespan pause_ = pause_min;
  std::unordered_map<std::string, postgres_statement, text_hash,
                     std::equal_to<>>
    cache_;
};

bool postgres_statement::step() {
  if (!is_running()) {
    auto& link = owner_.link();
    if (known_to_ != owner_.generation()) {
      link.prepare(name_, sql_, parameters_);
      known_to_ = owner_.generation();
    }
    result_ = link.run_prepared(name_, parameters_);
    // The server answers a COMMIT of what cannot be committed like that.
    if (sql_ == "COMMIT" && PQcmdStatus(result_.get()) != sql_)
      throw database_error{failure::other, "the transaction had failed"};
  }
  return ++row_ < PQntuples(result_.get());
}

} // namespace

bool is_postgres(const std::string& place) {
  return place.starts_with("postgresql://") || place.starts_with("postgres://");
}

std::string without_secrets(const std::string& url) {
  const auto begin = url.find("://") + 3;
  auto result = url.substr(begin, url.find('?') - begin);
  // A password may hold an @ by mistake, a host name does not.
  if (const auto at = result.rfind('@'); at != std::string::npos)
    result.erase(0, at + 1);
  return "postgresql://" + result;
}

std::unique_ptr<engine> open_postgres(postgres_settings settings,
                                      connection::mode how) {
  return std::make_unique<postgres_engine>(std::move(settings), how);
}

} // namespace tunerd::sql
