#include "actors/store/schema.hpp"

#include <array>

namespace tunerd::sql {

namespace {

// "tnrd": tells our files from those of other programs.
constexpr int64_t our_application_id = 0x746e7264;

// Times are nanoseconds since 1970 UTC, money is micro-USD, empty text means
// "not known". Every index here serves a query that must not read jobs that
// are over; its WHERE must stand in the query word for word.
constexpr const char* version_1 = R"sql(
CREATE TABLE jobs (
  row INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  job_type TEXT NOT NULL,
  provider TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'uploading', 'queued',
    'running', 'completed', 'failed', 'cancelled')),
  config_name TEXT NOT NULL,
  user_id TEXT NOT NULL,
  org_id TEXT NOT NULL,
  team_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  completed_at INTEGER,
  cost_micros INTEGER,
  estimated_cost_micros INTEGER,
  hardware_type TEXT NOT NULL,
  hardware_profile TEXT NOT NULL,
  error_message TEXT NOT NULL,
  output_url TEXT NOT NULL,
  metadata TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  queue TEXT NOT NULL CHECK (queue IN ('pending', 'ready', 'running',
    'completed', 'failed', 'cancelled', 'blocked')),
  priority INTEGER NOT NULL,
  priority_override INTEGER,
  queued_at INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  attempts_used INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  external_id TEXT NOT NULL,
  missing_since INTEGER,
  missing_count INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX jobs_by_user ON jobs (user_id, row);
CREATE INDEX jobs_by_queue ON jobs (queue, user_id);
CREATE INDEX jobs_holding_by_user ON jobs (user_id)
  WHERE queue IN ('ready', 'running');
CREATE INDEX jobs_holding_by_team ON jobs (org_id, team_id)
  WHERE queue IN ('ready', 'running');
CREATE INDEX jobs_at_provider ON jobs (row)
  WHERE status IN ('pending', 'uploading', 'queued', 'running')
    AND external_id <> '';
CREATE UNIQUE INDEX jobs_by_external_id ON jobs (provider, external_id)
  WHERE external_id <> '';

CREATE TABLE job_inputs (
  job_id TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  version TEXT NOT NULL,
  body TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  webhook_url TEXT NOT NULL,
  delete_after INTEGER
) STRICT;
CREATE INDEX job_inputs_to_delete ON job_inputs (delete_after)
  WHERE delete_after IS NOT NULL;

-- Stays when its job is deleted: an external id belongs to one attempt for
-- ever, or another attempt in doubt could adopt it.
CREATE TABLE attempts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  provider TEXT NOT NULL,
  credential TEXT NOT NULL DEFAULT 'default',
  state TEXT NOT NULL CHECK (state IN ('claimed', 'in_doubt', 'unresolved',
    'accepted', 'released')),
  fingerprint TEXT NOT NULL,
  claimed_at INTEGER NOT NULL,
  doubt_since INTEGER,
  closed_at INTEGER,
  external_id TEXT,
  correlation_id TEXT NOT NULL,
  UNIQUE (provider, credential, external_id)
) STRICT;
CREATE UNIQUE INDEX attempts_open ON attempts (job_id)
  WHERE closed_at IS NULL;
CREATE INDEX attempts_by_job ON attempts (job_id);
CREATE INDEX attempts_by_claim ON attempts (claimed_at);

CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time INTEGER NOT NULL,
  type TEXT NOT NULL,
  job_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  org_id TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT;

CREATE TABLE idempotency_keys (
  user_id TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  job_id TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

CREATE TABLE settings (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

// Approvals, settings, audit, webhooks, logs, retention.
constexpr const char* version_2 = R"sql(
ALTER TABLE jobs ADD COLUMN approval_id INTEGER NOT NULL DEFAULT 0;
-- What the cost limit counts while the job is active.
ALTER TABLE jobs ADD COLUMN reserved_micros INTEGER NOT NULL DEFAULT 0;
-- 0 once its entry was cleaned out of the queue's lists.
ALTER TABLE jobs ADD COLUMN is_listed INTEGER NOT NULL DEFAULT 1;
-- Those that sums are made of cover their queries: rows are not read.
CREATE INDEX jobs_over ON jobs (completed_at, started_at, status, is_listed)
  WHERE status IN ('completed', 'failed', 'cancelled');
-- These two are for lists; a query that says `<> ''` gets them, no other is
-- lured away from the index that leads to what is active.
CREATE INDEX jobs_by_status ON jobs (status, row, provider, job_type,
  cost_micros) WHERE status <> '';
CREATE INDEX jobs_by_org ON jobs (org_id, row, user_id) WHERE org_id <> '';
CREATE INDEX jobs_waiting ON jobs (queued_at) WHERE queue = 'pending';
CREATE INDEX jobs_active_by_provider ON jobs (provider, status,
  reserved_micros)
  WHERE status IN ('pending', 'uploading', 'queued', 'running');
CREATE INDEX jobs_by_provider_end ON jobs (provider, completed_at,
  cost_micros, started_at, reserved_micros);
CREATE INDEX jobs_by_user_creation ON jobs (user_id, created_at);
CREATE INDEX jobs_by_creation ON jobs (created_at);
CREATE INDEX jobs_by_profile_end ON jobs (provider, hardware_profile,
  completed_at) WHERE status = 'completed';
CREATE INDEX jobs_by_correlation ON jobs (correlation_id);
CREATE INDEX events_by_correlation ON events (correlation_id);
CREATE INDEX attempts_by_correlation ON attempts (correlation_id);

CREATE TABLE job_logs (
  job_id TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  text TEXT NOT NULL
) STRICT;

-- Stay when they are deleted: requests name them.
CREATE TABLE approval_rules (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  condition TEXT NOT NULL,
  threshold TEXT NOT NULL,
  is_active INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  applies_to_provider TEXT NOT NULL,
  applies_to_level TEXT NOT NULL,
  exempt_levels TEXT NOT NULL,
  required_approver_level TEXT NOT NULL,
  deadline_seconds INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  is_hidden INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE approvals (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL,
  org_id TEXT NOT NULL,
  rule_id INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'rejected',
    'expired', 'cancelled')),
  reason TEXT NOT NULL,
  provider TEXT NOT NULL,
  config_name TEXT NOT NULL,
  estimated_cost_micros INTEGER,
  hardware_type TEXT NOT NULL,
  required_level TEXT NOT NULL,
  reviewed_by TEXT NOT NULL DEFAULT '',
  reviewed_at INTEGER,
  review_notes TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  is_warned INTEGER NOT NULL DEFAULT 0,
  correlation_id TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX approvals_pending ON approvals (job_id)
  WHERE status = 'pending';
CREATE INDEX approvals_due ON approvals (expires_at)
  WHERE status = 'pending' AND expires_at IS NOT NULL;
CREATE INDEX approvals_to_warn ON approvals (expires_at)
  WHERE status = 'pending' AND expires_at IS NOT NULL AND is_warned = 0;
CREATE INDEX approvals_by_job ON approvals (job_id);
CREATE INDEX approvals_by_user ON approvals (user_id, id);
CREATE INDEX approvals_by_status ON approvals (status, id);
CREATE INDEX approvals_by_rule ON approvals (rule_id)
  WHERE status = 'pending';
CREATE INDEX approvals_by_correlation ON approvals (correlation_id);

CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  token TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  org_id TEXT NOT NULL,
  details TEXT NOT NULL,
  correlation_id TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_time ON audit (time);
CREATE INDEX audit_by_correlation ON audit (correlation_id);

-- Without their bodies: an id seen before changes nothing, and one that was
-- early is applied when its job's external id is recorded.
CREATE TABLE webhook_deliveries (
  provider TEXT NOT NULL,
  delivery_id TEXT NOT NULL,
  external_id TEXT NOT NULL,
  is_early INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (provider, delivery_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_deliveries_by_expiry ON webhook_deliveries (expires_at);
CREATE INDEX webhook_deliveries_early ON webhook_deliveries (provider,
  external_id) WHERE is_early = 1;

-- What deleted jobs cost, by the day (since 1970) of their end: who deletes a
-- job gets no room under a cost limit back.
CREATE TABLE deleted_costs (
  provider TEXT NOT NULL,
  day INTEGER NOT NULL,
  cost_micros INTEGER NOT NULL,
  PRIMARY KEY (provider, day)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER jobs_deleted AFTER DELETE ON jobs
WHEN old.completed_at IS NOT NULL
BEGIN
  INSERT INTO deleted_costs (provider, day, cost_micros)
  VALUES (old.provider, old.completed_at / 86400000000000,
    coalesce(old.cost_micros, CASE WHEN old.started_at IS NULL THEN 0
      ELSE old.reserved_micros END))
  ON CONFLICT (provider, day)
  DO UPDATE SET cost_micros = cost_micros + excluded.cost_micros;
END;
)sql";

// An attempt that seemed not to have reached its provider is watched: its
// request may still arrive.
constexpr const char* version_3 = R"sql(
ALTER TABLE attempts ADD COLUMN watched_since INTEGER;
ALTER TABLE webhook_deliveries
  ADD COLUMN correlation_id TEXT NOT NULL DEFAULT '';
CREATE INDEX attempts_watched ON attempts (job_id)
  WHERE watched_since IS NOT NULL;
)sql";

// Costs by user, org and day (since 1970), kept by triggers: see cost_sums.hpp.
constexpr const char* version_4 = R"sql(
ALTER TABLE jobs ADD COLUMN cost_counted INTEGER GENERATED ALWAYS AS (
  coalesce(cost_micros, CASE WHEN started_at IS NULL AND status IN ('failed',
    'cancelled') THEN 0 ELSE estimated_cost_micros END, 0)) VIRTUAL;
CREATE TABLE daily_costs (
  day INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  org_id TEXT NOT NULL,
  cost_micros INTEGER NOT NULL,
  PRIMARY KEY (day, user_id, org_id)
) STRICT, WITHOUT ROWID;
INSERT INTO daily_costs (day, user_id, org_id, cost_micros)
SELECT created_at / 86400000000000 AS day, user_id, org_id,
  min(CAST(total(cost_counted) AS INTEGER), 1000000000000000000)
FROM jobs WHERE cost_counted <> 0 GROUP BY day, user_id, org_id;
CREATE TRIGGER jobs_cost_added AFTER INSERT ON jobs
WHEN new.cost_counted <> 0
BEGIN
  INSERT INTO daily_costs (day, user_id, org_id, cost_micros)
  VALUES (new.created_at / 86400000000000, new.user_id, new.org_id,
    new.cost_counted)
  ON CONFLICT (day, user_id, org_id)
  DO UPDATE SET cost_micros
    = min(cost_micros + new.cost_counted, 1000000000000000000);
END;
CREATE TRIGGER jobs_cost_changed
AFTER UPDATE OF cost_micros, estimated_cost_micros, started_at, status ON jobs
WHEN new.cost_counted <> old.cost_counted
BEGIN
  INSERT INTO daily_costs (day, user_id, org_id, cost_micros)
  VALUES (new.created_at / 86400000000000, new.user_id, new.org_id,
    max(new.cost_counted - old.cost_counted, 0))
  ON CONFLICT (day, user_id, org_id)
  DO UPDATE SET cost_micros = min(cost_micros + new.cost_counted
    - old.cost_counted, 1000000000000000000);
END;
)sql";

// How long the provider is to let a job run; what one user's jobs cost.
constexpr const char* version_5 = R"sql(
ALTER TABLE job_inputs ADD COLUMN max_runtime INTEGER NOT NULL DEFAULT 0;
CREATE INDEX daily_costs_by_user ON daily_costs (user_id, day);
)sql";

// Each step of a job rewrites what its queue column is in: one index counts the
// holders of all, of a user and of a provider. That of the holders by user was
// not used. What a job counts as changes with its end, not with every status:
// a statement with a trigger keeps copies of all pages it writes.
constexpr const char* version_6 = R"sql(
DROP INDEX jobs_holding_by_user;
DROP INDEX jobs_by_queue;
CREATE INDEX jobs_by_queue ON jobs (queue, user_id, provider);
DROP TRIGGER jobs_cost_changed;
CREATE TRIGGER jobs_cost_changed
AFTER UPDATE OF cost_micros, estimated_cost_micros, started_at, completed_at
ON jobs WHEN new.cost_counted <> old.cost_counted
BEGIN
  INSERT INTO daily_costs (day, user_id, org_id, cost_micros)
  VALUES (new.created_at / 86400000000000, new.user_id, new.org_id,
    max(new.cost_counted - old.cost_counted, 0))
  ON CONFLICT (day, user_id, org_id)
  DO UPDATE SET cost_micros = min(cost_micros + new.cost_counted
    - old.cost_counted, 1000000000000000000);
END;
)sql";

constexpr std::array migrations{version_1, version_2, version_3,
                                version_4, version_5, version_6};

int64_t read_number(connection& db, const char* sql) {
  auto row = db.query(sql);
  row.step();
  return row.get<int64_t>(0);
}

/// @returns the version of the schema in `db`, 0 if it is empty.
int64_t check_version(connection& db) {
  const auto version = read_number(db, "PRAGMA user_version");
  if (read_number(db, "SELECT count(*) FROM sqlite_schema") == 0)
    return 0;
  if (read_number(db, "PRAGMA application_id") != our_application_id)
    throw std::runtime_error("it belongs to another program");
  if (version > schema_version())
    throw std::runtime_error("its schema " + std::to_string(version)
                             + " is newer than this program's "
                             + std::to_string(schema_version()));
  return version;
}

} // namespace

int schema_version() {
  return static_cast<int>(migrations.size());
}

void migrate(connection& db, int version) {
  db.execute("BEGIN IMMEDIATE");
  try {
    for (auto i = check_version(db); i < version; ++i)
      db.run_script(migrations.at(static_cast<size_t>(i)));
    db.run_script("PRAGMA application_id = "
                  + std::to_string(our_application_id)
                  + "; PRAGMA user_version = " + std::to_string(version));
    db.execute("COMMIT");
  } catch (...) {
    if (db.in_transaction())
      db.execute("ROLLBACK");
    throw;
  }
}

} // namespace tunerd::sql
