#include "config/sections.hpp"

namespace tunerd::config {

namespace {

constexpr std::string_view file_scheme = "sqlite:";

bool is_server(const std::string& url) {
  return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

} // namespace

void read_section(reader& in, storage& out) {
  in.read({"tunerd.storage.state_dir", "SIMPLETUNER_STATE_DIR"}, out.state_dir);
  in.read_url("tunerd.storage.url", out.url);
  const auto is_file
    = out.url.starts_with(file_scheme) && out.url.size() > file_scheme.size();
  if (!is_file && !is_server(out.url))
    throw in.wrong("tunerd.storage.url", "sqlite:FILE or postgresql://...");
}

std::string database_place(const storage& section) {
  if (is_server(section.url))
    return section.url;
  const auto file = section.url.substr(file_scheme.size());
  return file.front() == '/' ? file : section.state_dir + "/tunerd/" + file;
}

} // namespace tunerd::config
