#pragma once

#include "tests/http_api_fixture.hpp"

#include <functional>

namespace tunerd::test {

/// What a route shows or changes, which decides who may.
enum class about : uint8_t {
  /// Nothing that belongs to somebody.
  nothing,
  /// An object that the caller must see.
  seen,
  /// An object that the caller must own, or be admin.
  owned,
};

/// An error of a worker and what the client gets for it.
struct trouble {
  mood api_fixture::*worker;
  ec error;
  int status;
  const char* code;
};

/// One line of the table of all routes.
struct route_case {
  std::string method;
  /// Template.
  std::string path;
  /// A good request, and the fields on top of its answer.
  std::string target;
  json body = nullptr;
  std::set<std::string> fields = {};
  about object = about::nothing;
  /// Wrong requests: the whole target, or else a body.
  std::vector<std::string> bad = {};
  std::vector<trouble> errors = {};

  std::string key() const {
    return method + " " + path;
  }
  std::string text() const {
    return body.is_null() ? std::string{} : body.dump();
  }
};

/// @returns the table of all routes.
const std::vector<route_case>& route_cases();

/// @returns "METHOD /template" to level, as REFERENCE 3 has it.
const std::map<std::string, std::string>& documented_routes();

} // namespace tunerd::test
