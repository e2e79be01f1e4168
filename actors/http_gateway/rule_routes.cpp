#include "actors/http_gateway/approval_requests.hpp"
#include "actors/http_gateway/http_gateway.hpp"
#include "messages/approval_json.hpp"

#include <nlohmann/json.hpp>

// The routes of approval rules and of their conditions.

namespace tunerd {

using nlohmann::ordered_json;

void http_gateway_state::show_conditions(const call& x) {
  answer(x, conditions_json());
}

void http_gateway_state::show_rules(const call& x) {
  auto parsed = rest::parse_list_rules(x->query_parameters);
  auto* wanted = accept(x, parsed);
  if (wanted == nullptr)
    return;
  wanted->message.ctx = x->ctx;
  self->ask(
    store, settings.store_timeout, wanted->message,
    [this, x, notes = wanted->warnings](const rule_list& found) {
      ordered_json body = {{"rules", ordered_json::array()}};
      for (const auto& rule : found.rules)
        body["rules"].push_back(rule_json(rule));
      answer(x, rest::with_warnings(std::move(body), notes));
    },
    refusing(x));
}

void http_gateway_state::show_rule(const call& x) {
  if (const auto id = id_in_path(x, "rule"))
    self->ask(
      store, settings.store_timeout, get_rule{x->ctx, *id},
      [this, x](const rule_found& found) {
        answer(x, rule_json(found.subject));
      },
      refusing(x));
}

void http_gateway_state::add_rule(const call& x, const std::string& body) {
  auto parsed = rest::parse_rule(body);
  if (auto* wanted = accept(x, parsed))
    put_rule(x, create_rule{x->ctx, x->who, wanted->message}, wanted->warnings);
}

void http_gateway_state::edit_rule(const call& x, const std::string& body) {
  const auto id = id_in_path(x, "rule");
  if (!id)
    return;
  auto parsed = rest::parse_rule(body);
  if (auto* wanted = accept(x, parsed))
    put_rule(x, change_rule{x->ctx, x->who, *id, wanted->message},
             wanted->warnings);
}

template <class Command>
void http_gateway_state::put_rule(const call& x, const Command& command,
                                  const std::vector<std::string>& notes) {
  self->ask(
    store, settings.store_timeout, command,
    [this, x, notes](const rule_found& found) {
      answer(x, rest::with_warnings(rule_json(found.subject), notes));
    },
    refusing(x, "conflict"));
}

void http_gateway_state::remove_rule(const call& x) {
  if (const auto id = id_in_path(x, "rule"))
    self->ask(
      store, settings.store_timeout, delete_rule{x->ctx, x->who, *id},
      [this, x](const rule_found& found) {
        answer(x, {{"success", true}, {"rule_id", found.subject.id}});
      },
      refusing(x, "conflict"));
}

std::optional<int64_t>
http_gateway_state::id_in_path(const call& x, const std::string& segment) {
  auto parsed = rest::parse_id(segment, x->parameters.at(segment));
  if (const auto* id = accept(x, parsed))
    return *id;
  return std::nullopt;
}

} // namespace tunerd
