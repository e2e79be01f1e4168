#pragma once

#include <caf/meta/type_name.hpp>

#include <caf/optional.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace tunerd {

/// What a caller may do; the numbers are the ranks of the reference.
enum class caller_level : uint8_t {
  /// Sees its own jobs.
  viewer = 10,
  /// And submits, cancels its own.
  researcher = 20,
  /// And sees its org's, sets priorities.
  lead = 30,
  /// Everything, in every org.
  admin = 100,
};

/// @returns "viewer", "researcher", "lead" or "admin".
std::string to_string(caller_level level);

/// @returns the level of that name, or none. Exact, lower case.
caf::optional<caller_level> parse_caller_level(std::string_view text);

/// Who asks. Ids are text; an empty org or team is none and equals no other.
struct caller {
  std::string user_id = "local";
  std::string org_id = {};
  std::string team_id = {};
  caller_level level = caller_level::admin;
  /// Name of the token that was used; empty for none.
  std::string token = {};
};

/// @returns whether `who` may see what belongs to `user_id` and `org_id`.
/// @relates caller
inline bool may_see(const caller& who, const std::string& user_id,
                    const std::string& org_id) {
  if (who.level == caller_level::admin || who.user_id == user_id)
    return true;
  return who.level == caller_level::lead && !who.org_id.empty()
         && who.org_id == org_id;
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, caller& x) {
  return f(caf::meta::type_name("caller"), x.user_id, x.org_id, x.team_id,
           x.level, x.token);
}

} // namespace tunerd
