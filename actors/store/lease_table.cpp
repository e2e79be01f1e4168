#include "actors/store/lease_table.hpp"

namespace tunerd::sql {

namespace {

/// How long a node that says nothing is remembered.
constexpr auto nodes_kept = std::chrono::hours{24};

} // namespace

lease_kept lease_table::keep(const keep_lease& command, timestamp now) {
  if (command.wish == lease_wish::release)
    db_.execute("DELETE FROM nodes WHERE incarnation = ?1",
                command.me.incarnation);
  else
    note(command.me, now);
  lease_kept result{command.ctx};
  result.done = grant(command, now);
  result.name_is_taken = has_twin(command.me);
  auto found = db_.query(
    "SELECT holder, epoch, renewals, coalesce(name, ''), coalesce(url, ''), "
    "(SELECT seq FROM sqlite_sequence WHERE name = 'events') "
    "FROM leases LEFT JOIN nodes ON incarnation = holder "
    "WHERE role = 'leader'");
  found.step();
  result.row
    = {found.get<std::string>(0), found.get<int64_t>(1), found.get<int64_t>(2)};
  result.holder_name = found.get<std::string>(3);
  result.holder_url = found.get<std::string>(4);
  result.events_head = found.get<int64_t>(5);
  return result;
}

void lease_table::note(const node_state& x, timestamp now) {
  db_.execute("INSERT INTO nodes (incarnation, name, url, started_at, seen_at) "
              "VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT (incarnation) "
              "DO UPDATE SET seen_at = excluded.seen_at",
              x.incarnation, x.name, x.url, now);
  db_.execute("DELETE FROM nodes WHERE seen_at < ?1", now - nodes_kept);
}

bool lease_table::has_twin(const node_state& x) {
  // A dead one was not seen since this one came.
  return db_
    .query("SELECT 1 FROM nodes AS other JOIN nodes AS me "
           "ON other.name = me.name AND other.incarnation <> me.incarnation "
           "WHERE me.incarnation = ?1 AND other.seen_at > me.started_at",
           x.incarnation)
    .step();
}

bool lease_table::grant(const keep_lease& command, timestamp now) {
  const auto& who = command.me.incarnation;
  const auto until = now + command.length;
  const auto& known = command.known;
  switch (command.wish) {
    case lease_wish::look: return false;
    case lease_wish::take:
      return db_.execute("UPDATE leases SET holder = ?1, epoch = epoch + 1, "
                         "renewals = renewals + 1, expires_at = ?2 "
                         "WHERE role = 'leader' AND holder = ?3 AND epoch = ?4 "
                         "AND renewals = ?5",
                         who, until, known.holder, known.epoch, known.renewals)
             == 1;
    case lease_wish::renew:
      return db_.execute(
               "UPDATE leases SET renewals = renewals + 1, expires_at = ?1 "
               "WHERE role = 'leader' AND holder = ?2 AND epoch = ?3",
               until, who, command.epoch)
             == 1;
    case lease_wish::release:
      return db_.execute(
               "UPDATE leases SET holder = '', renewals = renewals + 1, "
               "expires_at = ?1 "
               "WHERE role = 'leader' AND holder = ?2 AND epoch = ?3",
               now, who, command.epoch)
             == 1;
  }
  return false;
}

bool lease_table::lock(const std::string& holder, int64_t epoch) {
  return db_
    .query("SELECT 1 FROM leases WHERE role = 'leader' AND holder = ?1 "
           "AND epoch = ?2 FOR SHARE",
           holder, epoch)
    .step();
}

} // namespace tunerd::sql
