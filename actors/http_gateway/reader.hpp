#pragma once

#include "actors/http_gateway/refusal.hpp"
#include "actors/http_gateway/target.hpp"

#include <caf/optional.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <set>
#include <string>
#include <vector>

// Requests key by key. A reader keeps the first mistake and remembers what it
// was asked for: the rest becomes warnings. Never throws.

namespace tunerd::rest {

/// @returns the object in `text`, or 400 with the place where it stops being
/// JSON. Nests at most 64 deep, so that nothing that recurses over it can run
/// out of stack.
or_refusal<nlohmann::json> parse_object(const std::string& text);

/// Reads the members of an object, which must outlive it. Null counts as
/// absent. What is absent or wrong leaves the result as it was.
class body_reader {
public:
  explicit body_reader(const nlohmann::json& object) : object_(object) {
  }

  /// A text without control characters.
  void text(const std::string& key, std::string& out, size_t bytes_max);

  /// The same, told from one that is absent.
  void text(const std::string& key, caf::optional<std::string>& out,
            size_t bytes_max);

  /// A text for people: it may have line breaks and tabs.
  /// @param chars_max In characters, not bytes.
  void prose(const std::string& key, caf::optional<std::string>& out,
             size_t chars_max);

  /// An id: a text or an integer.
  void id(const std::string& key, std::string& out);

  void integer(const std::string& key, caf::optional<int32_t>& out,
               int32_t from, int32_t to);
  void integer(const std::string& key, caf::optional<int64_t>& out,
               int64_t from, int64_t to);

  void boolean(const std::string& key, caf::optional<bool>& out);

  /// An amount in USD up to a million, as micro-USD.
  void usd(const std::string& key, caf::optional<int64_t>& out);

  /// @returns member `key`, or nullptr.
  const nlohmann::json* find(const std::string& key);

  /// @returns whether `key` is there at all, be it null.
  bool has(const std::string& key) const;

  /// @returns whether `key` is there and null.
  bool is_null(const std::string& key);

  /// A key that is part of the API and has no effect yet.
  void ignored(const std::string& key);

  /// Notes that `key` is wrong.
  void fail(const std::string& key, const std::string& want);

  const std::optional<refusal>& mistake() const noexcept {
    return mistake_;
  }

  /// @returns a line for each ignored or unknown key; at most 32.
  std::vector<std::string> warnings() const;

private:
  const nlohmann::json& object_;
  std::set<std::string> known_ = {};
  std::vector<std::string> ignored_ = {};
  std::optional<refusal> mistake_ = {};
};

/// The same for a query, whose values are all text. An empty one counts as
/// absent.
class query_reader {
public:
  explicit query_reader(const query& parameters) : parameters_(parameters) {
  }

  void text(const std::string& key, std::string& out, size_t bytes_max);
  void integer(const std::string& key, int64_t& out, int64_t from, int64_t to);
  void boolean(const std::string& key, bool& out);
  void ignored(const std::string& key);
  void fail(const std::string& key, const std::string& want);

  const std::optional<refusal>& mistake() const noexcept {
    return mistake_;
  }

  std::vector<std::string> warnings() const;

private:
  const std::string* find(const std::string& key);

  const query& parameters_;
  std::set<std::string> known_ = {};
  std::vector<std::string> ignored_ = {};
  std::optional<refusal> mistake_ = {};
};

} // namespace tunerd::rest
