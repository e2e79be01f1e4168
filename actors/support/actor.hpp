#pragma once

#include "actors/support/log.hpp"
#include "messages/error.hpp"

#include <caf/mailbox_element.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <exception>
#include <type_traits>
#include <utility>

// The base of every actor. It puts each handler into the log scope of its
// message and each continuation into the scope it was made in, in one place,
// so that no handler can forget and no context leaks into the next message.
// What CAF would print goes to the log.

namespace tunerd {

/// @returns the context of the message in `content`, or an empty one for hints
/// and self-messages.
context context_of(const caf::type_erased_tuple& content);

/// @returns the context for the answer to a request that carries `asked` and is
/// made in `around`: the scope it is made in, if that is the same work, with
/// the fields of the request on top; else that of the request.
context continued(const context& around, const context& asked);

/// The exception handler of every actor: the text reaches requesters and the
/// supervisor.
caf::error error_from_exception(caf::scheduled_actor*, std::exception_ptr& ptr);

/// The default handler of every actor: a message outside of its interface is a
/// WARNING with its type, never its content, and answered `unexpected_message`.
caf::result<caf::message> refuse_unexpected(caf::scheduled_actor* self,
                                            caf::message_view& x);

/// The down handler of every actor: nobody asked for it, so it is a WARNING.
void note_down(caf::scheduled_actor* self, caf::down_msg& x);

namespace detail {

/// Writes the exception being handled as an ERROR of `self`, with the type of
/// the message it came from, in the context in force.
void log_exception_in(const caf::local_actor& self,
                      const caf::type_erased_tuple& content) noexcept;

template <class F>
struct scoped_continuation;

/// Calls `f` inside the scope of `ctx`; CAF reads the arguments off its type.
template <class R, class... Ts>
struct scoped_continuation<R(Ts...)> {
  template <class F>
  static auto make(const context& ctx, F f) {
    return [ctx, f](Ts... xs) {
      log_context scope{ctx};
      f(std::forward<Ts>(xs)...);
    };
  }
};

/// @returns `f`, called inside the scope of `ctx`.
template <class F>
auto in_scope(const context& ctx, F f) {
  using signature = typename caf::detail::get_callable_trait<F>::fun_sig;
  return scoped_continuation<signature>::make(ctx, std::move(f));
}

/// @returns the context of a message, or none.
template <class Message>
const context& context_in(const Message& message) {
  if constexpr (requires { message.ctx; })
    return message.ctx;
  else
    return current_context(); // A hint is sent for the work at hand.
}

} // namespace detail

/// Adds the log scope of the message to `Base`.
template <class Base>
struct traced : Base {
  template <class... Ts>
  explicit traced(Ts&&... xs) : Base(std::forward<Ts>(xs)...) {
    this->set_exception_handler(error_from_exception);
    this->set_default_handler(refuse_unexpected);
    this->set_down_handler(note_down);
  }

  caf::invoke_message_result consume(caf::mailbox_element& x) override {
    log_context scope{context_of(x.content())};
    try {
      return Base::consume(x);
    } catch (...) {
      // Said here, where it is known whose work it was.
      detail::log_exception_in(*this, x.content());
      throw;
    }
  }

  /// Sends `message` as a request. One of `then(answer)` and `fail(error)` is
  /// called, inside the scope that this call is made in (`continued`), at the
  /// latest after `timeout`; neither if this actor ends first.
  template <class Handle, class Message, class Then, class Else>
  void ask(const Handle& to, caf::timespan timeout, const Message& message,
           Then then, Else fail) {
    const auto ctx = continued(current_context(), detail::context_in(message));
    this->request(to, timeout, message)
      .then(detail::in_scope(ctx, then), detail::in_scope(ctx, fail));
  }
};

/// What an actor's behaviour and state know of themselves.
template <class Handle, class State>
using pointer = caf::stateful_actor<State, traced<typename Handle::base>>*;

} // namespace tunerd
