#include "actors/store/attempt_table.hpp"

namespace tunerd::sql {

namespace {

const std::string columns
  = "SELECT id, job_id, state, doubt_since, closed_at, "
    "coalesce(external_id, ''), watched_since FROM attempts "
    "WHERE job_id = ?1";

// The plus keeps the planner from walking all attempts in order of their id.
const std::string open_columns
  = "SELECT +a.id, a.job_id, a.provider, a.state, coalesce(i.version, ''), "
    "a.fingerprint, coalesce(i.body, ''), j.hardware_profile, a.claimed_at, "
    "coalesce(a.doubt_since, 0), j.status, coalesce(a.external_id, ''), "
    "a.correlation_id, a.watched_since FROM attempts a "
    "JOIN jobs j ON j.id = a.job_id "
    "LEFT JOIN job_inputs i ON i.job_id = a.job_id ";

/// What needs work, each half by its index.
std::string open_where(const std::string& condition) {
  return open_columns + "WHERE a.closed_at IS NULL" + condition + " UNION ALL "
         + open_columns + "WHERE a.watched_since IS NOT NULL" + condition;
}

attempt read_attempt(const statement& row) {
  return {.id = row.get<int64_t>(0),
          .job_id = row.get<std::string>(1),
          .state = *parse_attempt_state(row.get<std::string>(2)),
          .doubt_since = row.find<timestamp>(3),
          .closed_at = row.find<timestamp>(4),
          .watched_since = row.find<timestamp>(6),
          .external_id = row.get<std::string>(5)};
}

open_attempt read_open(const statement& row) {
  return {.id = row.get<int64_t>(0),
          .job_id = row.get<std::string>(1),
          .provider = row.get<std::string>(2),
          .state = *parse_attempt_state(row.get<std::string>(3)),
          .version = row.get<std::string>(4),
          .fingerprint = row.get<std::string>(5),
          .body = row.get<std::string>(6),
          .hardware_profile = row.get<std::string>(7),
          .claimed_at = row.get<timestamp>(8),
          .doubt_since = row.get<timestamp>(9),
          .job_over = is_terminal(*parse_job_status(row.get<std::string>(10))),
          .external_id = row.get<std::string>(11),
          .correlation_id = row.get<std::string>(12),
          .watched_since = row.find<timestamp>(13)};
}

caf::optional<attempt> first(statement rows) {
  if (!rows.step())
    return caf::none;
  return read_attempt(rows);
}

std::vector<open_attempt> all_open(statement rows) {
  std::vector<open_attempt> result;
  while (rows.step())
    result.push_back(read_open(rows));
  return result;
}

/// @returns `x`, or none (NULL) if it is empty.
caf::optional<std::string> null_if_empty(const std::string& x) {
  return x.empty() ? caf::optional<std::string>{} : x;
}

} // namespace

int64_t attempt_table::open(const job& x, const provider_input& input,
                            timestamp now) {
  return db_.insert(
    "INSERT INTO attempts (job_id, number, provider, state, "
    "fingerprint, claimed_at, correlation_id) VALUES (?1, 1 + "
    "(SELECT count(*) FROM attempts WHERE job_id = ?1), ?2, ?3, ?4, "
    "?5, ?6) RETURNING id",
    x.id, x.provider, to_string(attempt_state::claimed), input.fingerprint, now,
    x.correlation_id);
}

void attempt_table::adopt(const job& x, timestamp now) {
  db_.execute("INSERT INTO attempts (job_id, number, provider, state, "
              "fingerprint, claimed_at, closed_at, external_id, "
              "correlation_id) VALUES (?1, 0, ?2, ?3, '', ?4, ?4, ?5, ?6)",
              x.id, x.provider, to_string(attempt_state::accepted), now,
              x.external_id, x.correlation_id);
}

caf::optional<timestamp>
attempt_table::oldest_claim(const std::string& provider) {
  auto row = db_.query(
    "SELECT min(claimed_at) FROM attempts "
    "INDEXED BY attempts_open WHERE closed_at IS NULL AND provider = ?1 "
    "AND state <> 'accepted'",
    provider);
  row.step();
  return row.find<timestamp>(0);
}

caf::optional<attempt> attempt_table::find(const std::string& job_id,
                                           int64_t id) {
  static const auto sql = columns + " AND id = ?2";
  return first(db_.query(sql, job_id, id));
}

caf::optional<attempt> attempt_table::find_open(const std::string& job_id) {
  static const auto sql = columns + " AND closed_at IS NULL";
  return first(db_.query(sql, job_id));
}

bool attempt_table::is_taken(const std::string& provider,
                             const std::string& external_id,
                             const attempt& mine) {
  // Imported jobs have an external id without an attempt.
  return db_
    .query("SELECT 1 FROM attempts WHERE provider = ?1 "
           "AND credential = 'default' AND external_id = ?2 AND id <> ?3 "
           "UNION ALL SELECT 1 FROM jobs WHERE provider = ?1 "
           "AND external_id = ?2 AND external_id <> '' AND id <> ?4",
           provider, external_id, mine.id, mine.job_id)
    .step();
}

bool attempt_table::update(const attempt& before, const attempt& after) {
  return db_.execute("UPDATE attempts SET state = ?3, doubt_since = ?4, "
                     "closed_at = ?5, external_id = ?6, watched_since = ?7 "
                     "WHERE id = ?1 AND state = ?2 AND closed_at IS NULL",
                     before.id, to_string(before.state), to_string(after.state),
                     after.doubt_since, after.closed_at,
                     null_if_empty(after.external_id), after.watched_since)
         == 1;
}

bool attempt_table::is_watched(const std::string& job_id) {
  return db_
    .query("SELECT 1 FROM attempts WHERE job_id = ?1 "
           "AND watched_since IS NOT NULL",
           job_id)
    .step();
}

void attempt_table::note_twin(int64_t id, const std::string& external_id) {
  db_.execute("UPDATE attempts SET external_id = ?2 WHERE id = ?1", id,
              external_id);
}

void attempt_table::end_watch(int64_t id) {
  db_.execute("UPDATE attempts SET watched_since = NULL WHERE id = ?1", id);
}

std::vector<open_attempt> attempt_table::list_open() {
  static const auto sql = open_where("") + " ORDER BY 1";
  return all_open(db_.query(sql));
}

std::vector<open_attempt> attempt_table::list_open(const std::string& job_id) {
  static const auto sql = open_where(" AND a.job_id = ?1");
  return all_open(db_.query(sql, job_id));
}

} // namespace tunerd::sql
