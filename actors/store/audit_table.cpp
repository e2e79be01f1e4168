#include "actors/store/audit_table.hpp"

namespace tunerd::sql {

int64_t audit_table::append(const audit_entry& x) {
  db_.execute("INSERT INTO audit (id, time, user_id, token, action, subject, "
              "org_id, details, correlation_id) "
              "VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
              x.time, x.user_id, x.token, x.action, x.subject, x.org_id,
              x.details, x.correlation_id);
  return db_.last_row();
}

} // namespace tunerd::sql
