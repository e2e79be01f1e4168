#include "runtime/tunerctl/completion.hpp"

#include <CLI/CLI.hpp>

#include <vector>

namespace tunerd::tunerctl {

namespace {

/// A word that may be typed, and what it is for.
struct word {
  std::string text;
  std::string help;
};

/// What may follow a command; the program itself has no name.
struct place {
  std::string command;
  std::vector<word> words;
};

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

void add_options(const CLI::App& app, std::vector<word>& words) {
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames())
      words.push_back({"--" + name, option->get_description()});
    for (const auto& name : option->get_snames())
      words.push_back({"-" + name, option->get_description()});
  }
}

/// @returns the program first, then its commands.
std::vector<place> places_of(const CLI::App& app) {
  std::vector<place> result(1);
  for (const auto* command : commands_of(app))
    result[0].words.push_back(
      {command->get_name(), command->get_description()});
  add_options(app, result[0].words);
  for (const auto* command : commands_of(app)) {
    auto& x = result.emplace_back(place{command->get_name(), {}});
    add_options(*command, x.words);
    add_options(app, x.words);
  }
  return result;
}

/// @returns `text` as one word of a shell.
std::string shell_word(const std::string& text) {
  std::string result = "'";
  for (const char c : text)
    if (c == '\'')
      result += "'\\''";
    else
      result += c;
  return result + "'";
}

/// @returns the names of all commands with `between` between them.
std::string names(const std::vector<place>& places, const char* between) {
  std::string result;
  for (const auto& x : places)
    if (!x.command.empty())
      result += (result.empty() ? "" : between) + x.command;
  return result;
}

/// One branch of a `case`, as bash and zsh have it.
template <class Render>
std::string branches(const std::vector<place>& places, Render render) {
  std::string result;
  for (const auto& x : places) {
    result += "    " + shell_word(x.command) + ") ";
    result += render(x) + " ;;\n";
  }
  return result;
}

std::string for_bash(const std::vector<place>& places) {
  return "# tunerctl completion bash > "
         "/etc/bash_completion.d/tunerctl\n"
         "_tunerctl() {\n"
         "  local word command=\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case $word in\n"
         "    "
         + names(places, "|")
         + ") command=$word; break ;;\n"
           "    esac\n"
           "  done\n"
           "  case $command in\n"
         + branches(places,
                    [](const place& x) {
                      std::string list;
                      for (const auto& y : x.words)
                        list += (list.empty() ? "" : " ") + y.text;
                      return "word=" + shell_word(list);
                    })
         + "  esac\n"
           "  COMPREPLY=($(compgen -W \"$word\" -- "
           "\"${COMP_WORDS[COMP_CWORD]}\"))\n"
           "}\n"
           "complete -o default -F _tunerctl tunerctl\n";
}

std::string for_zsh(const std::vector<place>& places) {
  return "#compdef tunerctl\n"
         "# tunerctl completion zsh > "
         "/usr/local/share/zsh/site-functions/_tunerctl\n"
         "_tunerctl() {\n"
         "  local word command=\n"
         "  local -a found\n"
         "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
         "    case $word in\n"
         "    "
         + names(places, "|")
         + ") command=$word; break ;;\n"
           "    esac\n"
           "  done\n"
           "  case $command in\n"
         + branches(places,
                    [](const place& x) {
                      std::string list = "found=(";
                      for (const auto& y : x.words)
                        list += "\n      " + shell_word(y.text + ":" + y.help);
                      return list + ")";
                    })
         + "  esac\n"
           "  _describe tunerctl found || _files\n"
           "}\n"
           "if [ \"$funcstack[1]\" = _tunerctl ]; then\n"
           "  _tunerctl\n"
           "else\n"
           "  compdef _tunerctl tunerctl\n"
           "fi\n";
}

std::string fish_line(const place& at, const word& x) {
  const auto condition = at.command.empty()
                           ? "__fish_use_subcommand"
                           : "__fish_seen_subcommand_from " + at.command;
  const auto what = x.text.starts_with("--")  ? " -l " + x.text.substr(2)
                    : x.text.starts_with("-") ? " -s " + x.text.substr(1)
                                              : " -a " + x.text;
  return "complete -c tunerctl -n " + shell_word(condition) + what + " -d "
         + shell_word(x.help) + "\n";
}

std::string for_fish(const std::vector<place>& places) {
  std::string result = "# tunerctl completion fish > "
                       "~/.config/fish/completions/tunerctl.fish\n";
  for (const auto& at : places)
    for (const auto& x : at.words)
      result += fish_line(at, x);
  return result;
}

} // namespace

std::string completion(const CLI::App& app, const std::string& shell) {
  const auto places = places_of(app);
  if (shell == "bash")
    return for_bash(places);
  return shell == "zsh" ? for_zsh(places) : for_fish(places);
}

} // namespace tunerd::tunerctl
