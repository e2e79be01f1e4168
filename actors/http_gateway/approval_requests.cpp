#include "actors/http_gateway/approval_requests.hpp"

#include "actors/http_gateway/reader.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace tunerd::rest {

namespace {

using nlohmann::json;

constexpr auto id_max = std::numeric_limits<int64_t>::max();
constexpr size_t text_chars_max = 1000, name_bytes_max = 256, bulk_max = 100;
constexpr size_t levels_max = 16;
constexpr int32_t rule_priority_max = 1'000'000;
constexpr int64_t deadline_seconds_max = 365 * 24 * 60 * 60;
constexpr auto levels = "want viewer, researcher, lead or admin";

bool is_blank(const std::string& text) {
  return text.find_first_not_of(" \t\r\n") == text.npos;
}

bool is_level(const std::string& text) {
  return bool{parse_caller_level(text)};
}

/// Reads member `key` with `read(optional)`; null is `otherwise`.
template <class T, class F>
void read_or(body_reader& in, const std::string& key, caf::optional<T>& out,
             T otherwise, F read) {
  read(out);
  if (in.is_null(key))
    out = std::move(otherwise);
}

/// The same for what a rule cannot be without.
template <class T>
void want(body_reader& in, const std::string& key, caf::optional<T>&) {
  if (in.is_null(key))
    in.fail(key, "want one");
}

void read_condition(body_reader& in, caf::optional<rule_condition>& out) {
  caf::optional<std::string> name;
  in.text("condition", name, name_bytes_max);
  want(in, "condition", name);
  if (!name)
    return;
  out = parse_rule_condition(*name);
  if (!out)
    in.fail("condition", "not one of /api/approvals/conditions");
}

/// A number is as good as its text.
void read_threshold(body_reader& in, caf::optional<std::string>& out) {
  const auto* value = in.find("threshold");
  if (value != nullptr && value->is_number())
    out = value->dump();
  else
    in.text("threshold", out, name_bytes_max);
}

/// A level that is none would never apply: the rule would look as if it did.
void read_level(body_reader& in, const std::string& key,
                caf::optional<std::string>& out) {
  in.text(key, out, name_bytes_max);
  if (out && !out->empty() && !is_level(*out))
    in.fail(key, levels);
}

void read_exempt(body_reader& in,
                 caf::optional<std::vector<std::string>>& out) {
  const auto* list = in.find("exempt_levels");
  if (list == nullptr)
    return;
  if (!list->is_array() || list->size() > levels_max)
    return in.fail("exempt_levels", "want a list of levels");
  std::vector<std::string> names;
  for (const auto& x : *list) {
    const auto* name = x.get_ptr<const std::string*>();
    if (name == nullptr || !is_level(*name))
      return in.fail("exempt_levels", levels);
    names.push_back(*name);
  }
  out = std::move(names);
}

rule_changes read_rule(body_reader& in) {
  rule_changes out;
  in.text("name", out.name, name_bytes_max);
  want(in, "name", out.name);
  if (out.name && is_blank(*out.name))
    in.fail("name", "want one");
  read_or(in, "description", out.description, std::string{},
          [&in](auto& x) { in.prose("description", x, text_chars_max); });
  read_condition(in, out.condition);
  read_or(in, "threshold", out.threshold, std::string{},
          [&in](auto& x) { read_threshold(in, x); });
  read_or(in, "is_active", out.is_active, true,
          [&in](auto& x) { in.boolean("is_active", x); });
  read_or(in, "priority", out.priority, 0, [&in](auto& x) {
    in.integer("priority", x, -rule_priority_max, rule_priority_max);
  });
  read_or(
    in, "applies_to_provider", out.applies_to_provider, std::string{},
    [&in](auto& x) { in.text("applies_to_provider", x, name_bytes_max); });
  read_or(in, "applies_to_level", out.applies_to_level, std::string{},
          [&in](auto& x) { read_level(in, "applies_to_level", x); });
  read_or(in, "exempt_levels", out.exempt_levels, std::vector<std::string>{},
          [&in](auto& x) { read_exempt(in, x); });
  read_or(in, "required_approver_level", out.required_approver_level,
          approval_rule{}.required_approver_level, [&in](auto& x) {
            in.text("required_approver_level", x, name_bytes_max);
          });
  read_or(in, "deadline_seconds", out.deadline_seconds, int64_t{0},
          [&in](auto& x) {
            in.integer("deadline_seconds", x, 1, deadline_seconds_max);
          });
  return out;
}

void read_reason(body_reader& in, std::string& out) {
  caf::optional<std::string> reason;
  in.prose("reason", reason, text_chars_max);
  if (!reason || is_blank(*reason))
    in.fail("reason", "want one");
  else
    out = *reason;
}

void read_notes(body_reader& in, std::string& out) {
  caf::optional<std::string> notes;
  in.prose("notes", notes, text_chars_max);
  if (notes)
    out = *notes;
}

std::vector<int64_t> read_ids(body_reader& in) {
  const std::string key = "request_ids";
  const auto* list = in.find(key);
  if (list == nullptr || !list->is_array() || list->empty()
      || list->size() > bulk_max) {
    in.fail(key, "want a list of 1 to 100 ids");
    return {};
  }
  std::vector<int64_t> ids;
  for (const auto& x : *list) {
    const auto fits
      = x.is_number_integer()
        && (!x.is_number_unsigned() || x.get<uint64_t>() <= uint64_t{id_max});
    const auto id = fits ? x.get<int64_t>() : 0;
    if (id < 1)
      in.fail(key, "want ids: integers from 1 on");
    else if (std::find(ids.begin(), ids.end(), id) == ids.end())
      ids.push_back(id);
  }
  return ids;
}

/// Reads the body of a decision.
/// @param out What `read` fills.
template <class T, class F>
or_refusal<read_request<T>> read_body(const std::string& body, T out, F read) {
  auto parsed = parse_object(body);
  if (auto* bad = std::get_if<refusal>(&parsed))
    return std::move(*bad);
  body_reader in{std::get<json>(parsed)};
  read(in, out);
  return result_of(in, std::move(out));
}

} // namespace

or_refusal<int64_t> parse_id(const std::string& name, const std::string& text) {
  int64_t id = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, id);
  if (read.ec != std::errc{} || read.ptr != end || id < 1)
    return invalid(name, "want an id: an integer from 1 on");
  return id;
}

or_refusal<read_request<list_rules>> parse_list_rules(const query& x) {
  query_reader in{x};
  list_rules out;
  in.boolean("active_only", out.active_only);
  return result_of(in, std::move(out));
}

or_refusal<read_request<rule_changes>> parse_rule(const std::string& body) {
  auto result
    = read_body(body, rule_changes{}, [](body_reader& in, rule_changes& out) {
        out = read_rule(in);
      });
  if (auto* good = std::get_if<read_request<rule_changes>>(&result))
    if (const auto& level = good->message.required_approver_level;
        level && !is_level(*level))
      good->warnings.push_back("required_approver_level: unknown, means admin");
  return result;
}

or_refusal<read_request<list_approvals>> parse_list_approvals(const query& x) {
  query_reader in{x};
  list_approvals out;
  std::string status;
  in.text("status", status, name_bytes_max);
  out.status = parse_approval_status(status);
  if (!status.empty() && !out.status)
    in.fail("status", "want pending, approved, rejected, expired or cancelled");
  bool pending_only = false;
  in.boolean("pending_only", pending_only);
  if (pending_only && out.status && *out.status != approval_status::pending)
    in.fail("pending_only", "contradicts status");
  if (pending_only)
    out.status = approval_status::pending;
  int64_t limit = out.limit;
  in.integer("limit", limit, 1, 200);
  out.limit = static_cast<int32_t>(limit);
  in.integer("offset", out.offset, 0, std::numeric_limits<int32_t>::max());
  return result_of(in, std::move(out));
}

or_refusal<read_request<decide_approval>>
parse_approve(const std::string& body) {
  decide_approval out;
  out.verdict = approval_verdict::approve;
  if (body.empty())
    return read_request<decide_approval>{std::move(out), {}};
  return read_body(body, std::move(out),
                   [](body_reader& in, auto& x) { read_notes(in, x.text); });
}

or_refusal<read_request<decide_approval>>
parse_reject(const std::string& body) {
  decide_approval out;
  out.verdict = approval_verdict::reject;
  return read_body(body, std::move(out),
                   [](body_reader& in, auto& x) { read_reason(in, x.text); });
}

or_refusal<read_request<decide_approval>> parse_reject_query(const query& x) {
  query_reader in{x};
  decide_approval out;
  out.verdict = approval_verdict::reject;
  in.text("reason", out.text, text_chars_max);
  if (is_blank(out.text))
    in.fail("reason", "want one");
  return result_of(in, std::move(out));
}

or_refusal<read_request<extend_approval>>
parse_extend(const std::string& body) {
  return read_body(body, extend_approval{}, [](body_reader& in, auto& x) {
    caf::optional<int32_t> hours;
    in.integer("hours", hours, 1, 168);
    if (hours)
      x.extension = std::chrono::hours{*hours};
    else
      in.fail("hours", "want 1 to 168");
  });
}

or_refusal<read_request<bulk_decision>> parse_bulk(const std::string& body,
                                                   approval_verdict verdict) {
  bulk_decision out;
  out.each.verdict = verdict;
  return read_body(body, std::move(out), [](body_reader& in, auto& x) {
    x.ids = read_ids(in);
    if (x.each.verdict == approval_verdict::reject)
      read_reason(in, x.each.text);
    else
      read_notes(in, x.each.text);
  });
}

} // namespace tunerd::rest
