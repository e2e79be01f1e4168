#include "tests/bench/fsync.hpp"

#include <fcntl.h>
#include <stdexcept>
#include <unistd.h>

namespace tunerd::bench {

json measure_fsync(const std::string& path) {
  const auto fd = ::open(path.c_str(), O_CREAT | O_RDWR, 0600);
  std::vector<double> micros;
  const std::string page(4096, 'x');
  for (int i = 0; i < 300; ++i)
    micros.push_back(1e6 * seconds_of([&] {
                       if (::pwrite(fd, page.data(), page.size(), i * 4096) < 0
                           || ::fdatasync(fd) != 0)
                         throw std::runtime_error("cannot sync " + path);
                     }));
  ::close(fd);
  return percentiles(micros);
}

} // namespace tunerd::bench
