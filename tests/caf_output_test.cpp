#include "runtime/caf_output.hpp"

#include "tests/log_capture.hpp"

#include <catch2/catch.hpp>

#include <fstream>

using namespace tunerd;
using test::log_capture;

TEST_CASE("what CAF prints becomes lines of the log", "[caf_output]") {
  log_capture log;
  {
    const caf_output aut;
    std::ofstream out{aut.path()};
    out << "*** unhandled exception: [id: 7]: boom\n"
        << "*** unexpected message [id: 8, name: x]: (\"hush\")\n\n"
        << std::string(3000, 'x') << "\nthe last one" << std::flush;
  }
  const auto lines = log.lines();
  REQUIRE(lines.size() == 6);
  CHECK(lines[0].message == "CAF says: *** unhandled exception: [id: 7");
  CHECK(lines[1].message == "CAF says: *** unexpected message [id: 8, name: x");
  CHECK(lines[2].message == "CAF says: " + std::string(1024, 'x'));
  CHECK(lines[4].message == "CAF says: " + std::string(952, 'x'));
  CHECK(lines[5].message == "CAF says: the last one");
  CHECK(lines[5].level == "WARNING");
  CHECK(log.messages().find("hush") == std::string::npos);
}
