#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace tunerd::bench {

/// A directory that goes with the run.
class scratch {
public:
  /// @param parent Its disk is the one that is measured.
  /// @throws std::runtime_error
  explicit scratch(const std::string& parent)
    : path_(parent + "/tunerd-bench-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr)
      throw std::runtime_error("cannot write to " + parent);
  }
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;

  const std::string& path() const noexcept {
    return path_;
  }

  std::string file(const std::string& name) const {
    return path_ + "/" + name;
  }

private:
  std::string path_;
};

} // namespace tunerd::bench
