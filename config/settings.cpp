#include "config/settings.hpp"

#include "config/sections.hpp"

namespace tunerd::config {

loaded load(sources from) {
  loaded result;
  const auto home = from.env ? from.env("HOME") : std::nullopt;
  result.values.storage_section.state_dir
    = home.value_or("/var/lib") + "/.simpletuner";
  reader in{std::move(from)};
  read_section(in, result.values.http_section);
  read_section(in, result.values.auth_section);
  read_section(in, result.values.storage_section);
  read_section(in, result.values.replicate_section);
  read_section(in, result.values.simpletuner_io_section);
  read_section(in, result.values.outbound_section);
  read_section(in, result.values.queue_section);
  read_section(in, result.values.polling_section);
  read_section(in, result.values.logging_section);
  read_section(in, result.values.sse_section);
  read_section(in, result.values.approvals_section);
  read_section(in, result.values.retention_section);
  read_section(in, result.values.cluster_section);
  in.ignore("oidc");
  in.finish();
  if (result.values.auth_section.tokens.empty()
      && !is_loopback(result.values.http_section.host))
    throw in.wrong("tunerd.http.listen",
                   "a loopback address, since without tunerd.auth.tokens "
                   "every caller is admin");
  result.effective = in.effective();
  result.warnings = in.warnings();
  return result;
}

std::string find_file(const environment& env,
                      const std::function<bool(const std::string&)>& exists) {
  if (auto named = env("SIMPLETUNER_ENTERPRISE_CONFIG");
      named && !named->empty()) {
    if (!exists(*named))
      throw error{"environment SIMPLETUNER_ENTERPRISE_CONFIG: no file '"
                  + *named + "'"};
    return *named;
  }
  std::vector<std::string> bases{"./simpletuner-enterprise"};
  if (auto home = env("HOME"); home && !home->empty())
    bases.push_back(*home + "/.config/simpletuner/enterprise");
  bases.emplace_back("/etc/simpletuner/enterprise");
  for (const auto& base : bases)
    for (const auto* ending : {".yaml", ".json"})
      if (exists(base + ending))
        return base + ending;
  return {};
}

} // namespace tunerd::config
