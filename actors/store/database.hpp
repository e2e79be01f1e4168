#pragma once

#include "actors/store/sqlite.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tunerd::sql {

/// The right of this process to one database file, ready to be used. Outlives
/// the actors that work on it; give them a shared pointer.
///
/// The right is a lock on FILE.lock, not on the database itself, so that other
/// programs may still read (backup, shell).
class database {
public:
  /// Creates what is missing (directories with mode 0700, files 0600), takes
  /// the lock and migrates the schema. Blocks on the disk.
  /// @throws std::runtime_error naming the file and what is wrong: cannot be
  /// opened, no database, newer schema, in use by another daemon.
  explicit database(std::string path);

  /// Opens a connection of its own for one actor. @throws sqlite_error
  std::shared_ptr<connection> connect(connection::mode how);

  /// Lets whatever runs on any connection fail now. Any thread.
  void interrupt();

  const std::string& path() const noexcept {
    return path_;
  }

private:
  /// Holds the lock until it is closed.
  struct descriptor {
    explicit descriptor(int number) noexcept : fd(number) {
    }
    ~descriptor();
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    int fd;
  };

  std::string path_;
  descriptor lock_;
  std::mutex mutex_;
  /// Those that were closed leave with the next `connect`.
  std::vector<std::weak_ptr<connection>> connections_;
};

} // namespace tunerd::sql
