#include "actors/replicate_simulator/faults.hpp"

#include "actors/replicate_simulator/json_fields.hpp"

#include <array>

namespace tunerd::simulated {

namespace {

using nlohmann::json;

constexpr std::array routes{"submit", "get", "list", "cancel"};
constexpr std::array kinds{"status", "garbage", "hang", "close"};

fault_kind read_kind(const json& in) {
  const auto name = read_text(in, "kind", "");
  for (size_t i = 0; i < kinds.size(); ++i)
    if (name == kinds[i])
      return static_cast<fault_kind>(i);
  throw std::invalid_argument{"kind: want status, garbage, hang or close"};
}

fault read_fault(const json& in) {
  require_object(in, "fault");
  require_known(
    in, {"kind", "status", "detail", "retry_after", "count", "created"});
  const fault standard;
  return {
    .kind = read_kind(in),
    .status
    = static_cast<int>(read_integer(in, "status", standard.status, 300, 599)),
    .detail = read_text(in, "detail", standard.detail),
    .retry_after = read_integer(in, "retry_after", -1, 0, 86'400),
    .count = read_integer(in, "count", 1, 1, 1'000'000'000),
    .created = read_bool(in, "created"),
  };
}

std::deque<fault> read_faults(const json& in, const std::string& route) {
  if (!in.is_array() || in.size() > fault_plan::faults_max)
    throw std::invalid_argument{route + ": want a list of at most "
                                + std::to_string(fault_plan::faults_max)
                                + " faults"};
  std::deque<fault> result;
  for (const auto& element : in)
    result.push_back(read_fault(element));
  return result;
}

json to_json(const fault& x) {
  json result{{"kind", kinds.at(static_cast<size_t>(x.kind))},
              {"count", x.count},
              {"created", x.created}};
  if (x.kind == fault_kind::status)
    result.update({{"status", x.status}, {"detail", x.detail}});
  if (x.retry_after >= 0)
    result["retry_after"] = x.retry_after;
  return result;
}

} // namespace

void fault_plan::set(const json& wanted) {
  require_object(wanted, "faults");
  require_known(wanted, {"submit", "get", "list", "cancel", "latency_ms"});
  auto changed = waiting_;
  for (const auto* route : routes)
    if (wanted.contains(route))
      changed[route] = read_faults(wanted[route], route);
  latency_ = std::chrono::milliseconds{
    read_integer(wanted, "latency_ms", latency_.count(), 0, 300'000)};
  waiting_ = std::move(changed);
}

std::optional<fault> fault_plan::next(const std::string& route) {
  const auto found = waiting_.find(route);
  if (found == waiting_.end() || found->second.empty())
    return std::nullopt;
  auto result = found->second.front();
  if (--found->second.front().count == 0)
    found->second.pop_front();
  return result;
}

json fault_plan::to_json() const {
  json result{{"latency_ms", latency_.count()}};
  for (const auto* route : routes) {
    result[route] = json::array();
    if (const auto found = waiting_.find(route); found != waiting_.end())
      for (const auto& x : found->second)
        result[route].push_back(simulated::to_json(x));
  }
  return result;
}

} // namespace tunerd::simulated
