#pragma once

#include "actors/http_gateway/queries.hpp"
#include "messages/approvals.hpp"

#include <cstdint>
#include <string>
#include <vector>

// Requests below /api/approvals as the messages they become, without context
// and caller. Pure.

namespace tunerd::rest {

/// @param name Of the object, for the error.
/// @returns the id in a path, or 400.
or_refusal<int64_t> parse_id(const std::string& name, const std::string& text);

or_refusal<read_request<list_rules>> parse_list_rules(const query& x);

/// Absent is unchanged, null the default. Whether a new rule is complete, and
/// whether it can be judged, the store says.
or_refusal<read_request<rule_changes>> parse_rule(const std::string& body);

/// Reads a page of requests.
or_refusal<read_request<list_approvals>> parse_list_approvals(const query& x);

/// @param body May be empty: notes are optional.
or_refusal<read_request<decide_approval>>
parse_approve(const std::string& body);

/// A rejection needs a reason.
or_refusal<read_request<decide_approval>> parse_reject(const std::string& body);
or_refusal<read_request<decide_approval>> parse_reject_query(const query& x);

or_refusal<read_request<extend_approval>> parse_extend(const std::string& body);

/// The same decision about several requests.
struct bulk_decision {
  /// 1-100, none twice.
  std::vector<int64_t> ids = {};
  decide_approval each = {};
};

/// @param verdict approve or reject.
or_refusal<read_request<bulk_decision>> parse_bulk(const std::string& body,
                                                   approval_verdict verdict);

} // namespace tunerd::rest
