#include "actors/support/actor.hpp"

#include "messages/cluster_interfaces.hpp"

#include <caf/message_view.hpp>
#include <caf/sec.hpp>
#include <caf/system_messages.hpp>
#include <caf/type_erased_tuple.hpp>

#include <cxxabi.h>
#include <typeindex>
#include <unordered_map>

namespace tunerd {

namespace {

using context_reader = const context* (*)(const void*);

constexpr logger log{"simpletuner.cloud.tasks"};

/// What is known of the type of a first element.
struct message_type {
  const char* name;
  /// Null for hints and self-messages.
  context_reader read = nullptr;
};

/// @returns how the context of a `Message` is read. What a thread of ours
/// reports of a call has the context of that call.
template <class Message>
constexpr context_reader reader_of() {
  if constexpr (requires(const Message& x) { x.ctx; })
    return [](const void* x) { return &static_cast<const Message*>(x)->ctx; };
  else if constexpr (requires(const Message& x) { x.response.ctx; })
    return [](const void* x) {
      return &static_cast<const Message*>(x)->response.ctx;
    };
  else
    return nullptr;
}

std::unordered_map<std::type_index, message_type> make_types() {
  std::unordered_map<std::type_index, message_type> result;
  const auto add = [&result]<caf::type_id_t Id>() {
    using message = typename caf::type_by_id<Id>::type;
    result.emplace(
      typeid(message),
      message_type{caf::type_name_by_id<Id>::value, reader_of<message>()});
  };
  const auto add_block = [&add]<class Block>(Block) {
    constexpr auto begin = Block::begin;
    constexpr auto count = Block::end - begin;
    [&]<caf::type_id_t... Is>(std::integer_sequence<caf::type_id_t, Is...>) {
      (add.template operator()<static_cast<caf::type_id_t>(begin + Is)>(), ...);
    }
    (std::make_integer_sequence<caf::type_id_t, count>{});
  };
  add_block(caf::id_block::tunerd{});
  add_block(caf::id_block::tunerd_cluster{});
  return result;
}

/// @returns the type of the first element, one of CAF's own without anything.
message_type type_of(const caf::type_erased_tuple& content) {
  static const auto types = make_types();
  if (content.size() == 0)
    return {"nothing"};
  const auto* type = content.type(0).second;
  const auto i = type == nullptr ? types.end() : types.find(*type);
  return i == types.end() ? message_type{"one of CAF's"} : i->second;
}

} // namespace

context context_of(const caf::type_erased_tuple& content) {
  const auto type = type_of(content);
  return type.read == nullptr ? context{} : *type.read(content.get(0));
}

context continued(const context& around, const context& asked) {
  if (around.correlation_id != asked.correlation_id)
    return asked;
  auto result = asked; // Its fields win.
  result.fields.insert(around.fields.begin(), around.fields.end());
  return result;
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

caf::result<caf::message> refuse_unexpected(caf::scheduled_actor* self,
                                            caf::message_view& x) {
  log.warning(
    "Unexpected message refused",
    {{"actor", self->name()}, {"message_type", type_of(x.content()).name}});
  return caf::sec::unexpected_message;
}

void note_down(caf::scheduled_actor* self, caf::down_msg& x) {
  log.warning("Unexpected end of another actor",
              {{"actor", self->name()}, {"error", render(x.reason)}});
}

void detail::log_exception_in(const caf::local_actor& self,
                              const caf::type_erased_tuple& content) noexcept {
  const auto say = [&](const log_exception& what) {
    log.error("Unhandled exception in an actor",
              {{"actor", self.name()},
               {"message_type", type_of(content).name},
               {"error", what}});
  };
  try {
    throw;
  } catch (const std::exception& e) {
    say(log_exception{e.what(), &typeid(e)});
  } catch (...) {
    say(log_exception{"", abi::__cxa_current_exception_type()});
  }
}

} // namespace tunerd
