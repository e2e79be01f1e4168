#include "actors/store/delivery_table.hpp"

namespace tunerd::sql {

namespace {

constexpr auto lifetime = std::chrono::hours{24};

} // namespace

bool delivery_table::had_effect(const std::string& provider,
                                const std::string& delivery_id, timestamp now) {
  return db_
    .query("SELECT 1 FROM webhook_deliveries WHERE provider = ?1 "
           "AND delivery_id = ?2 AND is_early = 0 AND expires_at > ?3",
           provider, delivery_id, now)
    .step();
}

void delivery_table::remember(const std::string& provider,
                              const std::string& delivery_id,
                              const std::string& external_id, bool is_early,
                              const std::string& correlation_id,
                              timestamp now) {
  db_.execute(
    "INSERT INTO webhook_deliveries (provider, "
    "delivery_id, external_id, is_early, expires_at, "
    "correlation_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
    "ON CONFLICT (provider, delivery_id) DO UPDATE SET "
    "external_id = excluded.external_id, is_early = excluded.is_early, "
    "expires_at = excluded.expires_at, "
    "correlation_id = excluded.correlation_id",
    provider, delivery_id, external_id, is_early, now + lifetime,
    correlation_id);
}

bool delivery_table::take_early(const std::string& provider,
                                const std::string& external_id, timestamp now) {
  const auto found
    = db_
        .query("SELECT 1 FROM webhook_deliveries WHERE provider = ?1 "
               "AND external_id = ?2 AND is_early = 1 AND expires_at > ?3",
               provider, external_id, now)
        .step();
  if (found) // gone, so that a repetition of it has its effect
    db_.execute("DELETE FROM webhook_deliveries WHERE provider = ?1 "
                "AND external_id = ?2 AND is_early = 1",
                provider, external_id);
  return found;
}

void delivery_table::prune(timestamp now, int64_t count, int64_t kept_max) {
  db_.execute("DELETE FROM webhook_deliveries WHERE (provider, delivery_id) "
              "IN (SELECT provider, delivery_id FROM webhook_deliveries "
              "WHERE expires_at <= ?1 LIMIT ?2)",
              now, count);
  // No more than came within one round of pruning.
  db_.execute("DELETE FROM webhook_deliveries WHERE (provider, delivery_id) "
              "IN (SELECT provider, delivery_id FROM webhook_deliveries "
              "ORDER BY expires_at LIMIT (SELECT CASE WHEN count(*) > ?1 "
              "THEN count(*) - ?1 ELSE 0 END FROM webhook_deliveries))",
              kept_max);
}

} // namespace tunerd::sql
