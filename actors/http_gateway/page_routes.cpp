#include "actors/http_gateway/http_gateway.hpp"
#include "actors/http_gateway/page.hpp"

// The operator's page and its files.

namespace tunerd {

void http_gateway_state::show_page_file(const call& x) {
  const auto wanted = x->parameters.find("name");
  const auto* file = rest::find_page_file(
    wanted == x->parameters.end() ? "index.html" : wanted->second);
  if (file == nullptr)
    return refuse(x, {.status = 404,
                      .error = "not_found",
                      .message = "the page has no such file"});
  finish(x,
         rest::to_reply(*file, header(x->headers, "if-none-match"),
                        x->ctx.correlation_id),
         {});
}

} // namespace tunerd
