#include "actors/support/actor.hpp"

#include "messages/type_ids.hpp"

#include <caf/sec.hpp>
#include <caf/type_erased_tuple.hpp>

#include <typeindex>
#include <unordered_map>

namespace tunerd {

namespace {

using context_reader = const context* (*) (const void*);

/// Maps the type of a first element to how its context is read.
std::unordered_map<std::type_index, context_reader> make_readers() {
  std::unordered_map<std::type_index, context_reader> result;
  const auto add = [&result]<caf::type_id_t Id>() {
    using message = typename caf::type_by_id<Id>::type;
    if constexpr (requires(const message& x) { x.ctx; })
      result.emplace(typeid(message), [](const void* x) {
        return &static_cast<const message*>(x)->ctx;
      });
  };
  constexpr auto begin = caf::id_block::tunerd::begin;
  constexpr auto count = caf::id_block::tunerd::end - begin;
  [&]<caf::type_id_t... Is>(std::integer_sequence<caf::type_id_t, Is...>) {
    (add.template operator()<static_cast<caf::type_id_t>(begin + Is)>(), ...);
  }(std::make_integer_sequence<caf::type_id_t, count>{});
  return result;
}

} // namespace

context context_of(const caf::type_erased_tuple& content) {
  static const auto readers = make_readers();
  if (content.size() == 0)
    return {};
  const auto* type = content.type(0).second;
  if (type == nullptr)
    return {};
  auto i = readers.find(*type);
  return i == readers.end() ? context{} : *i->second(content.get(0));
}

caf::error error_from_exception(caf::scheduled_actor*,
                                std::exception_ptr& ptr) {
  try {
    std::rethrow_exception(ptr);
  } catch (const std::exception& e) {
    return caf::make_error(caf::sec::runtime_error, std::string{e.what()});
  } catch (...) {
    return caf::sec::runtime_error;
  }
}

} // namespace tunerd
