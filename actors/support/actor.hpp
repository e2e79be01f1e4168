#pragma once

#include "actors/support/log.hpp"
#include "messages/error.hpp"

#include <caf/mailbox_element.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <exception>

// The base of every actor. It puts each handler into the log scope of its
// message and each continuation into the scope it was made in, in one place,
// so that no handler can forget and no context leaks into the next message.

namespace tunerd {

/// @returns the context of the message in `content`, or an empty one for hints
/// and self-messages.
context context_of(const caf::type_erased_tuple& content);

/// The exception handler of every actor: the text reaches requesters and the
/// supervisor.
caf::error error_from_exception(caf::scheduled_actor*, std::exception_ptr& ptr);

namespace detail {

template <class F>
using first_argument = caf::detail::tl_head_t<
  typename caf::detail::get_callable_trait<F>::arg_types>;

/// @returns `f`, called inside the scope of `ctx`.
template <class F>
auto in_scope(const context& ctx, F f) {
  return [ctx, f](first_argument<F> x) {
    log_context scope{ctx};
    f(x);
  };
}

} // namespace detail

/// Adds the log scope of the message to `Base`.
template <class Base>
struct traced : Base {
  template <class... Ts>
  explicit traced(Ts&&... xs) : Base(std::forward<Ts>(xs)...) {
    this->set_exception_handler(error_from_exception);
  }

  caf::invoke_message_result consume(caf::mailbox_element& x) override {
    log_context scope{context_of(x.content())};
    return Base::consume(x);
  }

  /// Sends `message` as a request. One of `then(answer)` and `fail(error)` is
  /// called, inside the scope of `message.ctx`, at the latest after `timeout`;
  /// neither if this actor ends first.
  template <class Handle, class Message, class Then, class Else>
  void ask(const Handle& to, caf::timespan timeout, const Message& message,
           Then then, Else fail) {
    this->request(to, timeout, message)
      .then(detail::in_scope(message.ctx, then),
            detail::in_scope(message.ctx, fail));
  }
};

/// What an actor's behaviour and state know of themselves.
template <class Handle, class State>
using pointer = caf::stateful_actor<State, traced<typename Handle::base>>*;

} // namespace tunerd
