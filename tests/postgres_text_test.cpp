#include "actors/store/postgres.hpp"
#include "actors/store/postgres_text.hpp"

#include <catch2/catch.hpp>

using namespace tunerd::sql;

TEST_CASE("PostgreSQL gets its own names of parameters", "[postgres_text]") {
  CHECK(as_postgres("SELECT a FROM t WHERE b = ?1 AND c > ?12")
        == "SELECT a FROM t WHERE b = $1 AND c > $12");
  CHECK(as_postgres("SELECT '?1', 'it''s +x', ?2") //
        == "SELECT '?1', 'it''s +x', $2");
  CHECK(as_postgres("SELECT 'open ?1") == "SELECT 'open ?1");
}

TEST_CASE("PostgreSQL hears no hints for SQLite's planner", "[postgres_text]") {
  CHECK(as_postgres("SELECT +a.id FROM t INDEXED BY t_by_a WHERE +b = ?1")
        == "SELECT a.id FROM t WHERE b = $1");
  CHECK(as_postgres("SELECT i + 1, +(b)") == "SELECT i + 1, +(b)");
}

TEST_CASE("texts become what PostgreSQL can hold", "[postgres_text]") {
  const std::string bad = "\xEF\xBF\xBD";
  CHECK(as_utf8("") == "");
  const std::string good = "a\x7F\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80";
  CHECK(as_utf8(good) == good);
  CHECK(as_utf8(std::string_view{"a\0b", 3}) == "a" + bad + "b");
  CHECK(as_utf8("\x80") == bad);
  CHECK(as_utf8("\xC0\xAF") == bad + bad);             // too long
  CHECK(as_utf8("\xE0\x80\xAF") == bad + bad + bad);   // too long
  CHECK(as_utf8("\xED\xA0\x80") == bad + bad + bad);   // half a pair
  CHECK(as_utf8("\xF4\x90\x80\x80").size() == 4 * 3u); // too large
  CHECK(as_utf8("x\xE2\x82") == "x" + bad + bad);      // cut off
  CHECK(as_utf8("\xC3(") == bad + "(");
}

TEST_CASE("the name of a database is told without its secrets",
          "[postgres_text]") {
  CHECK(without_secrets("postgresql://me:s3cret@db.example:5432/tuner?a=b")
        == "postgresql://db.example:5432/tuner");
  CHECK(without_secrets("postgres://me:p@ss@db/tuner")
        == "postgresql://db/tuner");
  CHECK(without_secrets("postgresql:///tuner?password=s3cret")
        == "postgresql:///tuner");
}
