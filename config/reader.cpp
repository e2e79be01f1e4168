#include "config/reader.hpp"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <sstream>

namespace tunerd::config {

namespace {

constexpr size_t file_bytes_max = 1024 * 1024;

std::string place(const std::string& file, const YAML::Mark& mark) {
  return file + ":" + std::to_string(mark.line + 1);
}

YAML::Node parse(const sources& from) {
  if (from.yaml.size() > file_bytes_max)
    throw error{from.file_name + ": larger than 1 MiB"};
  try {
    auto root = YAML::Load(from.yaml);
    if (!root.IsNull() && !root.IsMap())
      throw error{from.file_name + ":1: want a map of settings"};
    return root;
  } catch (const YAML::Exception& e) {
    throw error{place(from.file_name, e.mark) + ": " + e.msg};
  }
}

/// @returns the value at a dotted path; none if it is absent or null.
std::optional<YAML::Node> at(const YAML::Node& node, const std::string& path) {
  if (!node.IsMap())
    return std::nullopt;
  const auto dot = path.find('.');
  const auto child = node[path.substr(0, dot)];
  if (!child.IsDefined() || child.IsNull())
    return std::nullopt;
  return dot == std::string::npos ? std::optional{child}
                                  : at(child, path.substr(dot + 1));
}

bool starts_with_path(const std::string& path, const std::string& prefix) {
  return path.rfind(prefix, 0) == 0
         && (path.size() == prefix.size() || path[prefix.size()] == '.');
}

std::optional<bool> parse_bool(const std::string& text) {
  for (const auto* yes : {"true", "True", "TRUE", "yes", "on", "1"})
    if (text == yes)
      return true;
  for (const auto* no : {"false", "False", "FALSE", "no", "off", "0"})
    if (text == no)
      return false;
  return std::nullopt;
}

} // namespace

struct reader::document {
  YAML::Node root;

  void visit(const YAML::Node& node, const std::string& path,
             const std::function<void(const std::string&, int)>& leaf) const {
    if (!node.IsMap()) {
      leaf(path, node.Mark().line + 1);
      return;
    }
    for (const auto& entry : node) {
      const auto key = entry.first.as<std::string>("");
      const auto child = path.empty() ? key : path + "." + key;
      // A key with a dot of its own is none of ours: we look for maps.
      if (key.find('.') == std::string::npos)
        visit(entry.second, child, leaf);
      else
        leaf(child + " (a key with a dot)", entry.second.Mark().line + 1);
    }
  }
};

reader::reader(sources from)
  : from_(std::move(from)),
    document_(std::make_unique<document>(document{parse(from_)})) {
  if (!from_.env)
    from_.env = [](const std::string&) { return std::nullopt; };
}

reader::~reader() = default;

std::optional<reader::found> reader::find(const name& n) {
  known_.insert(n.key);
  if (auto i = from_.flags.find(n.key); i != from_.flags.end())
    return found{i->second, "flag"};
  if (!n.env.empty())
    if (auto value = from_.env(n.env); value && !value->empty())
      return found{*value, "environment " + n.env};
  const auto node = at(document_->root, n.key);
  if (!node)
    return std::nullopt;
  const auto where = place(from_.file_name, node->Mark());
  if (!node->IsScalar())
    fail({"a map or a list", where}, n.key, "a single value");
  return found{interpolate(node->Scalar(), where + ": " + n.key), where};
}

std::string reader::interpolate(const std::string& text,
                                const std::string& where) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto end = text.find('}', i);
    if (text[i] != '$' || i + 1 == text.size()) {
      result += text[i];
    } else if (text[i + 1] == '$') {
      result += text[++i];
    } else if (text[i + 1] == '{' && end != std::string::npos) {
      const auto variable = text.substr(i + 2, end - i - 2);
      if (auto value = from_.env(variable))
        result += *value;
      else
        warn(where + ": environment variable " + variable + " is not set");
      i = end;
    } else {
      result += text[i];
    }
  }
  return result;
}

void reader::note(const name& n, std::string value, const std::string& origin) {
  effective_.push_back({n.key, std::move(value), origin});
}

void reader::fail(const found& value, const std::string& key,
                  const std::string& wanted) const {
  throw error{value.origin + ": " + key + ": found '" + value.text + "', want "
              + wanted};
}

void reader::read(const name& n, int32_t& target, int32_t min, int32_t max) {
  const auto value = find(n);
  if (value) {
    const auto* end = value->text.data() + value->text.size();
    int32_t number = 0;
    const auto [ptr, ec] = std::from_chars(value->text.data(), end, number);
    if (ec != std::errc{} || ptr != end || number < min || number > max)
      fail(*value, n.key,
           "a whole number from " + std::to_string(min) + " to "
             + std::to_string(max));
    target = number;
  }
  note(n, std::to_string(target), value ? value->origin : "default");
}

void reader::read(const name& n, bool& target) {
  std::optional<bool> value{target};
  read(n, value);
  target = *value;
}

void reader::read(const name& n, std::optional<bool>& target) {
  const auto value = find(n);
  if (value) {
    target = parse_bool(value->text);
    if (!target)
      fail(*value, n.key, "true or false");
  }
  note(n,
       !target   ? ""
       : *target ? "true"
                 : "false",
       value ? value->origin : "default");
}

void reader::read(const name& n, std::string& target) {
  const auto value = find(n);
  if (value)
    target = value->text;
  note(n, target, value ? value->origin : "default");
}

void reader::read_url(const name& n, std::string& target) {
  const auto value = find(n);
  if (value)
    target = value->text;
  auto shown = target;
  if (const auto begin = target.find("://"); begin != target.npos)
    if (target.find_first_of("@?", begin) != target.npos)
      shown.replace(begin + 3, shown.npos, "***");
  note(n, std::move(shown), value ? value->origin : "default");
}

void reader::read_secret(const name& n, std::string& target) {
  const auto value = find(n);
  if (value)
    target = value->text;
  note(n, target.empty() ? "" : "***", value ? value->origin : "default");
}

void reader::read(const name& n, std::vector<std::string>& target) {
  known_.insert(n.key);
  const auto node = at(document_->root, n.key);
  std::string origin = "default", joined;
  if (auto i = from_.flags.find(n.key); i != from_.flags.end()) {
    origin = "flag";
    target.clear();
    std::istringstream items{i->second};
    for (std::string item; std::getline(items, item, ',');)
      target.push_back(item);
  } else if (node) {
    origin = place(from_.file_name, node->Mark());
    if (!node->IsSequence())
      fail({node->IsScalar() ? node->Scalar() : "a map", origin}, n.key,
           "a list");
    target.clear();
    for (const auto& item : *node) {
      if (!item.IsScalar())
        fail({"a map or a list", place(from_.file_name, item.Mark())}, n.key,
             "a list of texts");
      target.push_back(interpolate(item.Scalar(), origin + ": " + n.key));
    }
  }
  for (const auto& item : target)
    joined += (joined.empty() ? "" : ", ") + item;
  note(n, "[" + joined + "]", origin);
}

std::vector<reader::list_entry>
reader::read_items(const name& n, const std::set<std::string>& keys,
                   const std::string& shown) {
  known_.insert(n.key);
  std::vector<list_entry> result;
  std::string origin = "default", printed;
  if (const auto node = at(document_->root, n.key); node && !node->IsNull()) {
    origin = place(from_.file_name, node->Mark());
    if (!node->IsSequence())
      fail({node->IsScalar() ? node->Scalar() : "a map", origin}, n.key,
           "a list of maps");
    for (const auto& entry : *node) {
      list_entry next{place(from_.file_name, entry.Mark()) + ": " + n.key + "["
                        + std::to_string(result.size()) + "]",
                      {}};
      if (!entry.IsMap())
        throw error{next.where + ": want a map"};
      for (const auto& pair : entry) {
        const auto key = pair.first.as<std::string>("");
        if (keys.count(key) == 0)
          throw error{next.where + "." + key + ": unknown key"};
        if (pair.second.IsNull())
          continue;
        if (!pair.second.IsScalar())
          throw error{next.where + "." + key + ": want a single value"};
        next.values[key]
          = interpolate(pair.second.Scalar(), next.where + "." + key);
      }
      printed += (printed.empty() ? "" : ", ") + next.values[shown];
      result.push_back(std::move(next));
    }
  }
  note(n, "[" + printed + "]", origin);
  return result;
}

void reader::ignore(const std::string& prefix) {
  known_.insert(prefix + ".");
}

void reader::warn(std::string text) {
  warnings_.push_back(std::move(text));
}

error reader::wrong(const std::string& key, const std::string& wanted) const {
  for (const auto& x : effective_)
    if (x.key == key)
      return error{x.origin + ": " + key + ": found '" + x.value + "', want "
                   + wanted};
  return error{key + ": want " + wanted};
}

void reader::finish() {
  const auto is_known = [this](const std::string& path) {
    for (const auto& key : known_) {
      const bool ignored = key.back() == '.';
      if (path == key
          || (ignored && starts_with_path(path, key.substr(0, key.size() - 1))))
        return true;
      // An empty section (`tunerd:` alone) is a leaf above known keys.
      if (starts_with_path(key, path))
        return !at(document_->root, path);
    }
    return false;
  };
  for (const auto& [key, value] : from_.flags)
    if (!is_known(key))
      throw error{"flag: unknown setting " + key};
  if (document_->root.IsNull())
    return;
  document_->visit(document_->root, "", [&](const std::string& path, int line) {
    if (is_known(path))
      return;
    const auto text = from_.file_name + ":" + std::to_string(line) + ": " + path
                      + ": unknown key";
    if (starts_with_path(path, "tunerd"))
      throw error{text};
    warn(text);
  });
}

} // namespace tunerd::config
