#pragma once

#include "messages/approvals.hpp"
#include "messages/json.hpp"

// Rules and requests as the JSON of the HTTP API (REFERENCE 3), keys in the
// documented order. Pure.

namespace tunerd {

/// @returns the Rule of the API; with `deadline_seconds` if it has one.
nlohmann::ordered_json rule_json(const approval_rule& x);

/// @returns the Request of the API.
nlohmann::ordered_json approval_json(const approval& x);

/// @returns what makes a rule with `condition` fire, for people.
std::string describe(rule_condition condition);

/// @returns the reply of `/api/approvals/conditions`.
nlohmann::ordered_json conditions_json();

} // namespace tunerd
