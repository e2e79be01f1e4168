#include "actors/store/log_table.hpp"

namespace tunerd::sql {

namespace {

constexpr size_t log_size_max = 1024 * 1024;

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

} // namespace

std::string_view tail(std::string_view text, size_t size_max) {
  if (text.size() <= size_max)
    return text;
  text.remove_prefix(text.size() - size_max);
  while (!text.empty() && continues_character(text.front()))
    text.remove_prefix(1);
  return text;
}

void log_table::store(const std::string& job_id, std::string_view text) {
  const auto kept = tail(text, log_size_max);
  // Each engine counts the bytes of a text in its own way.
  if (kept.size() <= find(job_id).size())
    return;
  db_.execute("INSERT INTO job_logs (job_id, text) VALUES (?1, ?2) "
              "ON CONFLICT (job_id) DO UPDATE SET text = excluded.text",
              job_id, kept);
}

std::string log_table::find(const std::string& job_id) {
  auto row = db_.query("SELECT text FROM job_logs WHERE job_id = ?1", job_id);
  return row.step() ? row.get<std::string>(0) : std::string{};
}

} // namespace tunerd::sql
