#pragma once

#include "actors/store/postgres.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include <unistd.h>

namespace tunerd::test {

/// A directory that goes with the test.
class temporary_directory {
public:
  temporary_directory() {
    auto name
      = (std::filesystem::temp_directory_path() / "tunerd-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  std::string file(const std::string& name) const {
    return (path_ / name).string();
  }

private:
  std::filesystem::path path_;
};

/// @returns the URL of a new and empty schema of the test's PostgreSQL server;
/// empty if there is no server.
inline std::string new_schema() {
  static std::atomic<int> count{0};
  const char* server = std::getenv("TUNERD_TEST_POSTGRES");
  if (server == nullptr)
    return {};
  const auto name
    = "t" + std::to_string(::getpid()) + "_" + std::to_string(++count);
  sql::connection db{
    sql::open_postgres({server}, sql::connection::mode::read_write)};
  db.run_script("CREATE SCHEMA " + name);
  return server + ("&options=-csearch_path%3D" + name);
}

/// @returns where a store of a test lives: `file`, or a new schema of the
/// server that TUNERD_TEST_POSTGRES names. So all tests of the store run on
/// both engines, but for those with the tag [sqlite].
inline std::string new_place(const std::string& file) {
  const auto url = new_schema();
  return url.empty() ? file : url;
}

} // namespace tunerd::test
