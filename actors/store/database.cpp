#include "actors/store/database.hpp"

#include "actors/store/postgres.hpp"
#include "actors/store/postgres_schema.hpp"
#include "actors/store/schema.hpp"
#include "actors/store/sqlite.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace tunerd::sql {

namespace {

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw std::runtime_error("cannot open the database " + path + ": " + why);
}

[[noreturn]] void fail_with_errno(const std::string& path) {
  fail(path, std::generic_category().message(errno));
}

/// Creates `directory` and what is missing above it, for its owner only.
/// What is there already stays as it is.
void make_directories(const std::filesystem::path& directory) {
  if (directory.empty() || std::filesystem::exists(directory))
    return;
  make_directories(directory.parent_path());
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    fail_with_errno(directory);
}

/// @returns a descriptor of `path`, which only its owner may use from now on.
int open_private(const std::string& path) {
  const auto fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    fail_with_errno(path);
  if (::fchmod(fd, 0600) != 0) {
    ::close(fd);
    fail_with_errno(path);
  }
  return fd;
}

/// Creates the directory of `path`, too. @returns a descriptor that holds the
/// lock until it is closed.
int take_lock(const std::string& path) {
  make_directories(std::filesystem::path{path}.parent_path());
  const auto fd = open_private(path + ".lock");
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0)
    return fd;
  const auto taken = errno == EWOULDBLOCK;
  ::close(fd);
  if (taken)
    fail(path, "another tunerd is using it");
  fail_with_errno(path);
}

/// A file, as long as it lives: nobody else may have it.
class sqlite_place : public database::place {
public:
  explicit sqlite_place(std::string path)
    : path_(std::move(path)), lock_(take_lock(path_)) {
    // SQLite gives its other files the mode of this one.
    ::close(open_private(path_));
    try {
      connection db{open(connection::mode::read_write)};
      migrate(db);
    } catch (const std::exception& e) {
      fail(path_, e.what());
    }
  }

  std::unique_ptr<engine> open(connection::mode how) override {
    return open_sqlite(path_, how);
  }

private:
  /// Holds the lock until it is closed.
  struct descriptor {
    explicit descriptor(int number) noexcept : fd(number) {
    }
    ~descriptor() {
      ::close(fd);
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    int fd;
  };

  std::string path_;
  descriptor lock_;
};

class postgres_place : public database::place {
public:
  postgres_place(std::string url, const database_options& options)
    : settings_{std::move(url), options.now, options.uses_server_clock} {
    try {
      connection db{open(connection::mode::read_write)};
      migrate_postgres(db);
    } catch (const std::exception& e) {
      fail(without_secrets(settings_.url), e.what());
    }
  }

  std::unique_ptr<engine> open(connection::mode how) override {
    return open_postgres(settings_, how);
  }

private:
  postgres_settings settings_;
};

std::unique_ptr<database::place> open_place(std::string where,
                                            const database_options& options) {
  if (is_postgres(where))
    return std::make_unique<postgres_place>(std::move(where), options);
  return std::make_unique<sqlite_place>(std::move(where));
}

} // namespace

database::database(std::string where, database_options options)
  : place_(open_place(std::move(where), options)) {
}

std::shared_ptr<connection> database::connect(connection::mode how) {
  auto result = std::make_shared<connection>(place_->open(how));
  std::lock_guard guard{mutex_};
  std::erase_if(connections_, [](const auto& x) { return x.expired(); });
  connections_.push_back(result);
  return result;
}

void database::interrupt() {
  std::lock_guard guard{mutex_};
  for (const auto& weak : connections_)
    if (auto db = weak.lock())
      db->interrupt();
}

} // namespace tunerd::sql
