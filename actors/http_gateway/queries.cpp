#include "actors/http_gateway/queries.hpp"

#include "actors/http_gateway/reader.hpp"

#include <limits>

namespace tunerd::rest {

namespace {

constexpr int32_t slots_max = 1'000'000;
constexpr size_t name_bytes_max = 128, types_max = 32;

void read_page(query_reader& in, int64_t limit_max, int32_t& limit,
               int64_t& offset) {
  int64_t wanted = limit;
  in.integer("limit", wanted, 1, limit_max);
  limit = static_cast<int32_t>(wanted);
  in.integer("offset", offset, 0, std::numeric_limits<int32_t>::max());
}

} // namespace

nlohmann::ordered_json with_warnings(nlohmann::ordered_json body,
                                     const std::vector<std::string>& warnings) {
  if (!warnings.empty())
    body["warnings"] = warnings;
  return body;
}

or_refusal<read_job_list> parse_list_jobs(const query& x) {
  query_reader in{x};
  read_job_list result;
  auto& out = result.message;
  std::string status;
  in.text("job_type", out.job_type, name_bytes_max);
  if (!out.job_type.empty() && out.job_type != "local"
      && out.job_type != "cloud")
    in.fail("job_type", "want local or cloud");
  in.text("status", status, name_bytes_max);
  out.status = parse_job_status(status);
  if (!status.empty() && !out.status)
    in.fail("status", "want pending, uploading, queued, running, completed, "
                      "failed or cancelled");
  in.text("provider", out.provider, name_bytes_max);
  read_page(in, 500, out.limit, out.offset);
  in.boolean("sync_active", result.sync_active);
  if (in.mistake())
    return *in.mistake();
  result.warnings = in.warnings();
  return result;
}

or_refusal<read_request<sync_provider_jobs>>
parse_sync(const query& x, const std::string& provider) {
  query_reader in{x};
  sync_provider_jobs out;
  out.provider = provider;
  in.text("provider", out.provider, name_bytes_max);
  return result_of(in, std::move(out));
}

or_refusal<read_request<list_queue>> parse_list_queue(const query& x) {
  query_reader in{x};
  list_queue out;
  std::string status;
  in.text("status", status, name_bytes_max);
  out.status = parse_queue_status(status);
  if (!status.empty() && !out.status)
    in.fail("status", "want pending, ready, running, completed, failed, "
                      "cancelled or blocked");
  in.boolean("include_completed", out.include_completed);
  read_page(in, 200, out.limit, out.offset);
  return result_of(in, std::move(out));
}

or_refusal<read_request<set_limits>> parse_set_limits(const std::string& body) {
  auto parsed = parse_object(body);
  if (auto* bad = std::get_if<refusal>(&parsed))
    return std::move(*bad);
  body_reader in{std::get<nlohmann::json>(parsed)};
  set_limits out;
  in.integer("max_concurrent", out.max_concurrent, 1, slots_max);
  in.integer("user_max_concurrent", out.user_max_concurrent, 1, slots_max);
  in.integer("team_max_concurrent", out.team_max_concurrent, 1, slots_max);
  in.integer("org_max_concurrent", out.org_max_concurrent, 1, slots_max);
  if (in.is_null("org_max_concurrent"))
    out.org_max_concurrent = 0; // null: no limit
  in.integer("provider_max_concurrent", out.provider_max_concurrent, 1,
             slots_max);
  if (in.is_null("provider_max_concurrent"))
    out.provider_max_concurrent = 0;
  in.boolean("enable_fair_share", out.enable_fair_share);
  in.integer("local_gpu_max_concurrent", out.local_gpu_max_concurrent, 1,
             slots_max);
  if (in.is_null("local_gpu_max_concurrent"))
    out.local_gpu_max_concurrent = 0;
  in.integer("local_job_max_concurrent", out.local_job_max_concurrent, 1, 10);
  return result_of(in, std::move(out));
}

or_refusal<read_request<set_priority>> parse_priority(const std::string& body) {
  auto parsed = parse_object(body);
  if (auto* bad = std::get_if<refusal>(&parsed))
    return std::move(*bad);
  body_reader in{std::get<nlohmann::json>(parsed)};
  set_priority out;
  in.integer("priority", out.priority, 0, 50);
  if (in.mistake() || !in.has("priority"))
    return invalid("priority", "want 0 to 50, or null");
  return result_of(in, std::move(out));
}

std::string priority_text(const std::string& body) {
  const auto parsed = parse_object(body);
  const auto* object = std::get_if<nlohmann::json>(&parsed);
  return object != nullptr && object->contains("priority")
           ? cut((*object)["priority"].dump(), 32)
           : "none";
}

or_refusal<read_request<clean_queue>> parse_cleanup(const query& x) {
  query_reader in{x};
  clean_queue out;
  int64_t days = out.days;
  in.integer("days", days, 1, 365);
  out.days = static_cast<int32_t>(days);
  return result_of(in, std::move(out));
}

job_explained with_holders(job_explained why,
                           const std::set<std::string>& known) {
  for (auto& constraint : why.constraints)
    std::erase_if(constraint.holders,
                  [&known](const auto& id) { return known.count(id) == 0; });
  return why;
}

or_refusal<open_stream> parse_stream(const query& x,
                                     const http_headers& headers) {
  query_reader in{x};
  open_stream out;
  std::string types;
  in.text("types", types, types_max * name_bytes_max);
  for (size_t begin = 0; begin < types.size();) {
    const auto end = std::min(types.find(',', begin), types.size());
    if (end > begin)
      out.types.push_back(types.substr(begin, end - begin));
    begin = end + 1;
  }
  if (out.types.size() > types_max)
    in.fail("types", "want at most 32");
  in.text("job_id", out.job_id, name_bytes_max);
  in.text("last_event_id", out.last_event_id, name_bytes_max);
  if (in.mistake())
    return *in.mistake();
  if (auto cursor = header(headers, "last-event-id"); !cursor.empty())
    out.last_event_id = cut(std::move(cursor), name_bytes_max);
  return out;
}

or_refusal<caller> parse_watcher(const query& x, const caller& who) {
  query_reader in{x};
  std::string user;
  in.text("user_id", user, name_bytes_max);
  if (in.mistake())
    return *in.mistake();
  if (user.empty())
    return who;
  if (who.level != caller_level::admin && who.user_id != user)
    return refusal{.status = 403,
                   .error = "permission_denied",
                   .message = "only an admin may name another user"};
  return caller{.user_id = std::move(user),
                .level = caller_level::viewer,
                .token = who.token};
}

} // namespace tunerd::rest
