#include "config/settings.hpp"

#include <yaml-cpp/yaml.h>

#include <sys/stat.h>

namespace tunerd::config {

namespace {

/// @returns whether only the owner can read `path`.
bool is_private(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0
         && (info.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

bool exists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

} // namespace

secrets::secrets(environment env, const std::string& state_dir)
  : env_(std::move(env)) {
  for (const auto* ending : {".json", ".yaml", ".yml"}) {
    const auto path = state_dir + "/secrets" + ending;
    if (!exists(path))
      continue;
    if (!is_private(path)) {
      warnings.push_back(path
                         + ": others can read it, so it is not used; "
                           "chmod 600 it");
      continue;
    }
    try {
      for (const auto& entry : YAML::LoadFile(path))
        values_.emplace(entry.first.as<std::string>(),
                        entry.second.as<std::string>());
    } catch (const YAML::Exception& e) {
      // The message of yaml-cpp could quote a secret.
      throw error{path + ":" + std::to_string(e.mark.line + 1)
                  + ": want a map of texts"};
    }
    return;
  }
}

std::optional<std::string> secrets::find(const std::string& name) const {
  if (env_)
    if (auto value = env_(name); value && !value->empty())
      return value;
  if (auto i = values_.find(name); i != values_.end())
    return i->second;
  return std::nullopt;
}

} // namespace tunerd::config
