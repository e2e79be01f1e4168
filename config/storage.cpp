#include "config/sections.hpp"

namespace tunerd::config {

void read_section(reader& in, storage& out) {
  in.read({"tunerd.storage.state_dir", "SIMPLETUNER_STATE_DIR"}, out.state_dir);
  in.read("tunerd.storage.url", out.url);
  if (out.url.rfind("sqlite:", 0) != 0 || out.url.size() == 7)
    throw in.wrong("tunerd.storage.url", "sqlite:FILE");
}

std::string database_file(const storage& section) {
  const auto file = section.url.substr(7);
  return file.front() == '/' ? file : section.state_dir + "/tunerd/" + file;
}

} // namespace tunerd::config
