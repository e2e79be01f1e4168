#include "actors/store/approval_rules.hpp"
#include "actors/store/pattern.hpp"
#include "actors/store/texts.hpp"

#include <catch2/catch.hpp>

#include <fnmatch.h>

#include <random>
#include <regex>

using namespace tunerd;
using namespace tunerd::sql;
using namespace std::chrono_literals;

namespace {

constexpr int cases = 5'000;

class chance {
public:
  chance() : seed_(std::random_device{}()), engine_(seed_) {
    UNSCOPED_INFO("seed " << seed_);
  }

  int up_to(int max) {
    return static_cast<int>(engine_() % static_cast<unsigned>(max + 1));
  }

  std::string text(const std::string& alphabet, int size_max) {
    std::string result;
    for (int i = up_to(size_max); i > 0; --i)
      result += alphabet[static_cast<size_t>(
        up_to(static_cast<int>(alphabet.size()) - 1))];
    return result;
  }

  template <class T>
  T any_of(std::vector<T> xs) {
    return xs[static_cast<size_t>(up_to(static_cast<int>(xs.size()) - 1))];
  }

  std::string level() {
    return any_of<std::string>({"viewer", "researcher", "lead", "admin"});
  }

private:
  unsigned seed_;
  std::mt19937 engine_;
};

approval_rule rule(rule_condition condition, std::string threshold) {
  approval_rule x{.id = 1, .name = "r"};
  x.condition = condition;
  x.threshold = std::move(threshold);
  return x;
}

/// @returns why the only rule `x` fires; empty if it does not.
std::string why(const approval_rule& x, const submission_facts& facts) {
  const auto match = first_match({x}, facts);
  return match ? match->why : "";
}

bool fires(const approval_rule& x, const submission_facts& facts) {
  return !why(x, facts).empty();
}

rule_changes new_rule(rule_condition condition, std::string threshold) {
  rule_changes x;
  x.name = "r";
  x.condition = condition;
  x.threshold = std::move(threshold);
  return x;
}

/// @returns what is wrong with a new rule; empty if nothing is.
std::string mistake(const rule_changes& wanted) {
  const auto err = check_new(with_changes({}, wanted), wanted);
  return err ? render(err) : "";
}

std::string mistake(rule_condition condition, std::string threshold) {
  return mistake(new_rule(condition, std::move(threshold)));
}

} // namespace

TEST_CASE("a glob matches what fnmatch says", "[approvals][pattern]") {
  chance any;
  for (int i = 0; i < cases; ++i) {
    const auto glob = any.text("ab*?[]!-", 8);
    const auto text = any.text("ab-]", 6);
    if (glob.find('[') != std::string::npos) {
      matches_glob(glob, text); // C libraries differ on unclosed brackets
      continue;
    }
    if (matches_glob(glob, text)
        != (::fnmatch(glob.c_str(), text.c_str(), FNM_NOESCAPE) == 0))
      FAIL("'" << glob << "' and '" << text << "'");
  }
  CHECK(matches_glob("h100-x[248]", "h100-x4"));
  CHECK(!matches_glob("h100-x[248]", "h100-x1"));
  CHECK(matches_glob("[!a-c]*", "d"));
  CHECK(!matches_glob("[!a-c]*", "b"));
  CHECK(matches_glob("[]]", "]"));
  CHECK(matches_glob("a[b", "a[b"));
}

TEST_CASE("a regular expression matches what the library says",
          "[approvals][pattern]") {
  chance any;
  int understood = 0;
  for (int i = 0; i < 3'000; ++i) {
    const auto pattern = any.text("aabb()|*+?.^$[]{}12,", 9);
    const auto parsed = regex::parse(pattern);
    if (!parsed || pattern.find('{') != std::string::npos
        || pattern.find("^*") != std::string::npos
        || pattern.find("[]") != std::string::npos
        || pattern.find("[^]") != std::string::npos)
      continue; // the standard library reads these in its own way
    std::optional<std::regex> other;
    try {
      other.emplace(pattern);
    } catch (const std::regex_error&) {
      continue;
    }
    ++understood;
    for (int j = 0; j < 5; ++j) {
      const auto text = any.text("ab", 6);
      if (parsed->matches_start_of(text)
          != std::regex_search(text, *other,
                               std::regex_constants::match_continuous))
        FAIL("'" << pattern << "' and '" << text << "'");
    }
  }
  CHECK(understood > 500);
  const auto matches = [](const char* pattern, const char* text) {
    return regex::parse(pattern).value().matches_start_of(text);
  };
  CHECK(matches("^prod-\\d{2,3}$", "prod-123"));
  CHECK(!matches("^prod-\\d{2,3}$", "prod-1234"));
  CHECK(matches("^(?:prod|live)[-_]\\w+?$", "live_a1"));
  CHECK(matches("(ab){2,}$", "ababab"));
  CHECK(!matches("(ab){2,}$", "ab"));
  CHECK(!matches(".*-x$", "y-x\n"));
}

TEST_CASE("no pattern stalls, whatever it is matched with",
          "[approvals][pattern]") {
  const std::string as(256, 'a');
  for (const auto* evil : {"^(a*)*b$", "^(a+)+$", "^((a?){99}){9}b", "^(a|a)*b",
                           "^(a|aa)+$", "^(((a+)+)+)+b"})
    if (auto parsed = regex::parse(evil))
      parsed->matches_start_of(as);
  for (const auto* refused :
       {"^(a", "a)", "^[a", "|*", "a**", "(?=a)", "(?!a)", "\\1", "a\\",
        "^[z-a]", "a{3,2}", "a{1001}", "^((a{255}){255})"})
    CHECK(!regex::parse(refused));
  CHECK(!regex::parse(std::string(257, 'a')));
  CHECK(!matches_glob("*a*a*a*a*a*a*a*a*a*a*b", as));
  chance any;
  for (int i = 0; i < cases; ++i) {
    const auto text = any.text("a\\dw[]^-(){}|*+?.$19,\xc3", 24);
    matches_glob(text, as);
    if (auto parsed = regex::parse(text))
      parsed->matches_start_of("aaa19");
  }
}

TEST_CASE("each condition fires as documented", "[approvals][rules][A6]") {
  submission_facts x{.provider = "replicate", .estimate_micros = 10'000'000};
  x.level = caller_level::researcher;
  x.hardware_profile = "h100-x8";
  x.hardware_type = "8x H100";
  x.config_name = "prod-1";
  using enum rule_condition;
  CHECK(!fires(rule(cost_exceeds, "10"), x));
  CHECK(why(rule(cost_exceeds, "9.99"), x)
        == "estimated cost $10.00 exceeds $9.99");
  x.estimate_micros = caf::none;
  CHECK(fires(rule(cost_exceeds, "1000000"), x));
  CHECK(fires(rule(hardware_type, "H100-X*"), x));
  CHECK(fires(rule(hardware_type, "8x h100"), x));
  CHECK(!fires(rule(hardware_type, "h100"), x));
  CHECK(fires(rule(provider, "replicate"), x));
  CHECK(!fires(rule(provider, "Replicate"), x));
  CHECK(why(rule(user_level, "lead"), x) == "level researcher is below lead");
  CHECK(!fires(rule(user_level, "researcher"), x));
  CHECK(!fires(rule(user_level, "viewer"), x));
  x.level = caller_level::admin;
  CHECK(!fires(rule(user_level, "admin"), x));
  x.jobs_in_24h = 6;
  CHECK(fires(rule(daily_jobs_exceed, "5"), x));
  CHECK(!fires(rule(daily_jobs_exceed, "6"), x));
  CHECK(fires(rule(first_job, "whatever"), x));
  x.is_first_job = false;
  CHECK(!fires(rule(first_job, ""), x));
  CHECK(fires(rule(config_pattern, "prod-*"), x));
  CHECK(!fires(rule(config_pattern, "prod"), x)); // a glob wants all of it
  CHECK(fires(rule(config_pattern, "^prod"), x));
  CHECK(fires(rule(config_pattern, "prod-\\d$"), x));
  CHECK(!fires(rule(config_pattern, "rod-\\d$"), x)); // anchored at the start
}

TEST_CASE("a threshold that cannot be read always fires",
          "[approvals][rules][A6]") {
  using enum rule_condition;
  chance any;
  int unreadable = 0;
  for (int i = 0; i < cases; ++i) {
    const auto condition = static_cast<rule_condition>(any.up_to(6));
    const auto text = any.text("019.-+e $^(*ladmin", 6);
    submission_facts facts{.estimate_micros = 0};
    facts.level = caller_level::admin;
    facts.hardware_type = "nothing";
    if (mistake(condition, text).empty())
      continue;
    ++unreadable;
    const auto match = first_match({rule(condition, text)}, facts);
    if (!match || match->is_judged)
      FAIL(to_string(condition) << " '" << text << "' lets a job pass");
  }
  CHECK(unreadable > 1'000);
  for (const auto* text : {"", "-1", "1,5", "1e3", "1.", "NaN", "$5", " 5"})
    CHECK(mistake(cost_exceeds, text).find("threshold") != std::string::npos);
  for (const auto* text : {"0", "0.000001", "12.50", "1000000000000"})
    CHECK(mistake(cost_exceeds, text).empty());
  for (const auto* text : {"", "-1", "1.5", "99999999999999999999"})
    CHECK(!mistake(daily_jobs_exceed, text).empty());
  CHECK(!mistake(user_level, "owner").empty());
  CHECK(!mistake(config_pattern, "^(a").empty());
  CHECK(!mistake(config_pattern, "[z-a]").empty());
  CHECK(!mistake(hardware_type, "[z-a]").empty());
  CHECK(mistake(config_pattern, "(a").empty()); // a glob
}

TEST_CASE("the first match is the one a plain look finds",
          "[approvals][rules][A1]") {
  chance any;
  for (int i = 0; i < cases; ++i) {
    submission_facts facts{.provider = any.text("ab", 1)};
    facts.level = *parse_caller_level(any.level());
    facts.estimate_micros = any.up_to(3) * 1'000'000;
    std::vector<approval_rule> rules;
    for (int64_t id = any.up_to(5); id > 0; --id) {
      auto x = rule(rule_condition::cost_exceeds, std::to_string(any.up_to(3)));
      x.id = id;
      x.is_active = any.up_to(3) != 0;
      x.applies_to_provider = any.text("ab", 1);
      x.applies_to_level = any.up_to(1) == 0 ? "" : any.level();
      if (any.up_to(1) == 0)
        x.exempt_levels = {any.level(), any.level()};
      rules.push_back(x);
    }
    int64_t want = 0;
    for (const auto& x : rules) {
      bool binds = x.is_active;
      if (!x.applies_to_provider.empty())
        binds = binds && x.applies_to_provider == facts.provider;
      if (!x.applies_to_level.empty())
        binds = binds && x.applies_to_level == to_string(facts.level);
      for (const auto& level : x.exempt_levels)
        binds = binds && level != to_string(facts.level);
      if (binds && want == 0
          && *facts.estimate_micros > std::stoll(x.threshold) * 1'000'000)
        want = x.id;
    }
    const auto match = first_match(rules, facts);
    if ((match ? match->rule.id : 0) != want)
      FAIL("rule " << want << " was not found");
  }
}

TEST_CASE("a rule is refused by the name of its field", "[approvals][rules]") {
  using enum rule_condition;
  const auto good = new_rule(cost_exceeds, "10");
  CHECK(mistake(good).empty());
  const auto with = [&](auto change) {
    auto x = good;
    change(x);
    return mistake(x);
  };
  const auto names = [](const std::string& text, const char* field) {
    return text.find("validation_error: " + std::string{field} + ":") == 0;
  };
  CHECK(names(with([](auto& x) { x.name = caf::none; }), "name"));
  CHECK(names(with([](auto& x) { x.name = ""; }), "name"));
  CHECK(names(with([](auto& x) { x.name = std::string(129, 'x'); }), "name"));
  CHECK(names(with([](auto& x) { x.condition = caf::none; }), "condition"));
  CHECK(names(with([](auto& x) { x.threshold = caf::none; }), "threshold"));
  CHECK(names(with([](auto& x) { x.threshold = std::string(257, '1'); }),
              "threshold"));
  CHECK(names(with([](auto& x) { x.applies_to_level = "boss"; }),
              "applies_to_level"));
  CHECK(with([](auto& x) { x.applies_to_level = ""; }).empty());
  CHECK(names(with([](auto& x) {
                x.exempt_levels = std::vector<std::string>{"lead", "boss"};
              }),
              "exempt_levels"));
  CHECK(names(with([](auto& x) { x.required_approver_level = "boss"; }),
              "required_approver_level"));
  CHECK(
    names(with([](auto& x) { x.deadline_seconds = -1; }), "deadline_seconds"));
  CHECK(mistake(first_job, "").empty());
}

TEST_CASE("an imported rule that cannot be read can be switched off",
          "[approvals][rules]") {
  const auto imported = rule(rule_condition::cost_exceeds, "a lot");
  rule_changes off;
  off.is_active = false;
  CHECK(!check_changes(with_changes(imported, off), off));
  rule_changes worse;
  worse.threshold = "more";
  CHECK(check_changes(with_changes(imported, worse), worse));
  auto unknown = imported;
  unknown.required_approver_level = "boss";
  CHECK(required_level(unknown) == caller_level::admin);
}

TEST_CASE("money and spans read well", "[approvals]") {
  CHECK(usd_text(12'500'000) == "$12.50");
  CHECK(usd_text(0) == "$0.00");
  CHECK(usd_text(1) == "$0.000001");
  CHECK(usd_text(-1'250'000) == "-$1.25");
  CHECK(span_text(1h + 3s) == "1h 0m 3s");
  CHECK(span_text(24h) == "24h 0m 0s");
  CHECK(span_text(63s) == "1m 3s");
  CHECK(span_text(3s + 900ms) == "3s");
  CHECK(span_text(350ms) == "350ms");
}
