#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace tunerd::config {

/// A setting is missing, unknown or out of range. The text names the place,
/// the key, what was found and what is allowed.
struct error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Looks an environment variable up; none if it is not set.
using environment
  = std::function<std::optional<std::string>(const std::string&)>;

/// Where settings come from, weakest first: the defaults in the structs, the
/// file, the environment, the flags.
struct sources {
  /// Contents of the file, not its path; empty for none.
  std::string yaml = {};
  /// What messages call the file.
  std::string file_name = "simpletuner-enterprise.yaml";
  environment env = {};
  /// Dotted key to text, e.g. {"tunerd.http.listen", "127.0.0.1:0"}.
  std::map<std::string, std::string> flags = {};
};

/// One value in force and why.
struct setting {
  std::string key;
  /// "***" for a secret that is set.
  std::string value;
  /// "default", "FILE:LINE", "environment NAME" or "flag".
  std::string origin;
};

/// Names a setting.
struct name {
  // Implicit, so that most settings are named by their key alone.
  name(const char* k, const char* variable = "") : key(k), env(variable) {
  }
  /// Dotted path in the file.
  std::string key;
  /// Variable that wins over the file; empty for none.
  std::string env;
};

/// Reads settings one by one and remembers where each came from, so that a
/// section's parser is a flat list of `read` calls. Every `read` leaves the
/// default in place if nothing sets the value and throws `error` if what sets
/// it is wrong.
class reader {
public:
  /// @throws error if the YAML cannot be parsed or is over 1 MiB.
  explicit reader(sources from);
  ~reader();

  void read(const name& n, int32_t& target, int32_t min, int32_t max);
  void read(const name& n, bool& target);
  /// A null in the file means unset.
  void read(const name& n, std::optional<bool>& target);
  void read(const name& n, std::string& target);
  void read(const name& n, std::vector<std::string>& target);

  /// A span written as a whole number of `Span`s.
  template <class Rep, class Period>
  void read(const name& n, std::chrono::duration<Rep, Period>& target,
            std::chrono::duration<Rep, Period> min,
            std::chrono::duration<Rep, Period> max) {
    auto count = static_cast<int32_t>(target.count());
    read(n, count, static_cast<int32_t>(min.count()),
         static_cast<int32_t>(max.count()));
    target = std::chrono::duration<Rep, Period>{count};
  }

  /// One map of a list.
  struct list_entry {
    /// E.g. "FILE:12: tunerd.auth.tokens[1]".
    std::string where;
    std::map<std::string, std::string> values;
  };

  /// @returns the maps in the list `n`, each with texts under some of `keys`
  /// and nothing else; nulls are left out.
  /// @param shown The key whose values are printed.
  std::vector<list_entry> read_items(const name& n,
                                     const std::set<std::string>& keys,
                                     const std::string& shown);

  /// A URL; one with a user or a query is printed as "scheme://***", since
  /// nobody can tell for sure where in it a password ends.
  void read_url(const name& n, std::string& target);

  /// A text that is printed as "***".
  void read_secret(const name& n, std::string& target);

  /// Accepts everything below `prefix` without reading it.
  void ignore(const std::string& prefix);

  void warn(std::string text);

  /// @returns an error about the value in force of `key`.
  error wrong(const std::string& key, const std::string& wanted) const;

  /// Unknown keys below `tunerd:` are errors, elsewhere warnings, since
  /// SimpleTuner may share the file.
  void finish();

  const std::vector<setting>& effective() const {
    return effective_;
  }
  const std::vector<std::string>& warnings() const {
    return warnings_;
  }

private:
  struct document;
  struct found {
    std::string text;
    std::string origin;
  };

  /// The strongest source that sets `n`, `${VAR}` replaced; none for default.
  std::optional<found> find(const name& n);
  std::string interpolate(const std::string& text, const std::string& where);
  void note(const name& n, std::string value, const std::string& origin);
  [[noreturn]] void fail(const found& value, const std::string& key,
                         const std::string& wanted) const;

  sources from_;
  std::unique_ptr<document> document_;
  std::set<std::string> known_;
  std::vector<setting> effective_;
  std::vector<std::string> warnings_;
};

} // namespace tunerd::config
