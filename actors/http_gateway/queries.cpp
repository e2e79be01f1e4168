#include "actors/http_gateway/queries.hpp"

#include "actors/http_gateway/reader.hpp"

#include <limits>

namespace tunerd::rest {

namespace {

constexpr int32_t slots_max = 1'000'000;
constexpr size_t name_bytes_max = 128, types_max = 32;

/// @returns what was read, unless there was a mistake.
template <class T, class Reader>
or_refusal<read_request<T>> finish(const Reader& in, T message) {
  if (in.mistake())
    return *in.mistake();
  return read_request<T>{std::move(message), in.warnings()};
}

void read_page(query_reader& in, int64_t limit_max, int32_t& limit,
               int64_t& offset) {
  int64_t wanted = limit;
  in.integer("limit", wanted, 1, limit_max);
  limit = static_cast<int32_t>(wanted);
  in.integer("offset", offset, 0, std::numeric_limits<int32_t>::max());
}

} // namespace

or_refusal<read_request<list_jobs>> parse_list_jobs(const query& x) {
  query_reader in{x};
  list_jobs out;
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
  in.ignored("sync_active");
  return finish(in, std::move(out));
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
  return finish(in, std::move(out));
}

or_refusal<read_request<get_limits>> parse_health(const query& x) {
  query_reader in{x};
  bool providers = false;
  in.boolean("include_providers", providers);
  if (providers)
    in.ignored("include_providers");
  return finish(in, get_limits{});
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
  in.boolean("enable_fair_share", out.enable_fair_share);
  in.integer("local_gpu_max_concurrent", out.local_gpu_max_concurrent, 1,
             slots_max);
  if (in.has("local_gpu_max_concurrent")
      && in.find("local_gpu_max_concurrent") == nullptr)
    out.local_gpu_max_concurrent = 0; // null: no limit
  in.integer("local_job_max_concurrent", out.local_job_max_concurrent, 1, 10);
  return finish(in, std::move(out));
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

} // namespace tunerd::rest
