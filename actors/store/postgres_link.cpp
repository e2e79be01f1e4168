#include "actors/store/postgres_link.hpp"

#include <poll.h>

#include <array>
#include <cerrno>
#include <utility>

namespace tunerd::sql {

namespace {

constexpr std::chrono::milliseconds for_ever{-1};

// The URL has the last word on all but the encoding. A dead peer is noticed
// after 20 s at most.
constexpr std::array before_url{
  std::pair{"connect_timeout", "5"},  std::pair{"application_name", "tunerd"},
  std::pair{"keepalives_idle", "10"}, std::pair{"keepalives_interval", "5"},
  std::pair{"keepalives_count", "2"}, std::pair{"tcp_user_timeout", "20000"},
};

/// Refuses what libpq would quote in its own error, password and all.
void check_url(const std::string& url) {
  char* quoted = nullptr;
  auto* parts = PQconninfoParse(url.c_str(), &quoted);
  PQfreemem(quoted);
  if (parts == nullptr)
    throw database_error{failure::other, "the URL cannot be read"};
  PQconninfoFree(parts);
}

PGconn* connect(const std::string& url) {
  check_url(url);
  std::vector<const char*> keys;
  std::vector<const char*> values;
  const auto add = [&](const char* key, const char* value) {
    keys.push_back(key);
    values.push_back(value);
  };
  for (const auto& [key, value] : before_url)
    add(key, value);
  add("dbname", url.c_str());
  add("client_encoding", "UTF8");
  add(nullptr, nullptr);
  return PQconnectdbParams(keys.data(), values.data(), 1);
}

/// @returns libpq's words without the line breaks.
std::string one_line(const char* text) {
  std::string result{text == nullptr ? "" : text};
  while (!result.empty() && result.back() == '\n')
    result.pop_back();
  for (auto& c : result)
    if (c == '\n' || c == '\t')
      c = ' ';
  return result;
}

failure kind_of(std::string_view state) {
  if (state == "40001" || state == "40P01")
    return failure::conflict;
  if (state == "55P03")
    return failure::busy;
  if (state == "57014")
    return failure::interrupted;
  if (state.starts_with("23"))
    return failure::constraint;
  return failure::other;
}

/// @returns what an answer says about an error; empty if nothing.
std::string_view field(const PGresult* raw, int name) {
  const char* text = PQresultErrorField(raw, name);
  return text == nullptr ? "" : text;
}

void ignore_notice(void*, const PGresult*) {
}

} // namespace

postgres_link::postgres_link(const std::string& url,
                             std::chrono::milliseconds silence_max)
  : silence_max_(silence_max), raw_(connect(url)) {
  if (!raw_)
    throw std::bad_alloc{};
  if (!is_alive())
    throw database_error{failure::connection_lost,
                         one_line(PQerrorMessage(raw_.get()))};
  PQsetNoticeReceiver(raw_.get(), ignore_notice, nullptr);
  PQsetnonblocking(raw_.get(), 1); // or a large statement would wait for ever
  cancel_.reset(PQgetCancel(raw_.get()));
}

bool postgres_link::is_alive() const noexcept {
  return !has_ended_ && PQstatus(raw_.get()) == CONNECTION_OK;
}

bool postgres_link::in_transaction() const noexcept {
  const auto status = PQtransactionStatus(raw_.get());
  return is_alive() && (status == PQTRANS_INTRANS || status == PQTRANS_INERROR);
}

postgres_result postgres_link::run(const std::string& sql) {
  return await(PQsendQuery(raw_.get(), sql.c_str()) == 1);
}

postgres_result postgres_link::run_patiently(const std::string& sql) {
  const auto usual = std::exchange(silence_max_, for_ever);
  try {
    auto result = run(sql);
    silence_max_ = usual;
    return result;
  } catch (...) {
    silence_max_ = usual;
    throw;
  }
}

void postgres_link::prepare(const std::string& name, const std::string& sql,
                            const std::vector<postgres_parameter>& parameters) {
  std::vector<Oid> types;
  for (const auto& x : parameters)
    types.push_back(x.type);
  await(PQsendPrepare(raw_.get(), name.c_str(), sql.c_str(),
                      static_cast<int>(types.size()), types.data())
        == 1);
}

postgres_result
postgres_link::run_prepared(const std::string& name,
                            const std::vector<postgres_parameter>& parameters) {
  std::vector<const char*> values;
  std::vector<int> sizes;
  for (const auto& x : parameters) {
    values.push_back(x.is_null ? nullptr : x.bytes.data());
    sizes.push_back(static_cast<int>(x.bytes.size()));
  }
  const std::vector<int> binary(parameters.size(), 1);
  return await(PQsendQueryPrepared(
                 raw_.get(), name.c_str(), static_cast<int>(values.size()),
                 values.data(), sizes.data(), binary.data(), 0)
               == 1);
}

void postgres_link::interrupt() noexcept {
  std::array<char, 256> ignored{};
  PQcancel(cancel_.get(), ignored.data(), static_cast<int>(ignored.size()));
}

postgres_result postgres_link::await(bool sent) {
  if (!sent || !flush())
    return check(nullptr);
  postgres_result last;
  while (auto next = take_result())
    last = std::move(next); // an error is the last
  return check(std::move(last));
}

bool postgres_link::flush() {
  for (;;) {
    const auto left = PQflush(raw_.get());
    if (left <= 0)
      return left == 0;
    wait(true);
    // A server that cannot get rid of its answers takes nothing, either.
    if (PQconsumeInput(raw_.get()) == 0)
      return false;
  }
}

postgres_result postgres_link::take_result() {
  while (PQisBusy(raw_.get()) != 0) {
    wait(false);
    if (PQconsumeInput(raw_.get()) == 0)
      break; // The result is the error.
  }
  return postgres_result{PQgetResult(raw_.get())};
}

void postgres_link::wait(bool for_room) {
  pollfd watched{.fd = PQsocket(raw_.get()),
                 .events
                 = static_cast<short>(for_room ? POLLIN | POLLOUT : POLLIN),
                 .revents = 0};
  const auto limit = static_cast<int>(silence_max_.count());
  int count = 0;
  do {
    count = ::poll(&watched, 1, limit);
  } while (count < 0 && errno == EINTR);
  if (count > 0)
    return;
  has_ended_ = true;
  throw database_error{failure::connection_lost, "the server does not answer"};
}

postgres_result postgres_link::check(postgres_result result) {
  const auto* raw = result.get();
  const auto status = PQresultStatus(raw);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
    return result;
  const auto text = one_line(PQerrorMessage(raw_.get()));
  // The server's last word; libpq sees the end of the stream only later.
  const auto severity = field(raw, PG_DIAG_SEVERITY_NONLOCALIZED);
  has_ended_ = has_ended_ || severity == "FATAL" || severity == "PANIC";
  if (!is_alive())
    throw database_error{failure::connection_lost, text};
  throw database_error{kind_of(field(raw, PG_DIAG_SQLSTATE)), text};
}

} // namespace tunerd::sql
