// The public headers of logging stand alone: they compile by themselves, in any
// order, and bring in neither CAF nor libcurl nor JSON.

#include "runtime/client.hpp"
#include "runtime/logging.hpp"

#ifdef CAF_VERSION
#  error "a public header includes CAF, which its users need not have"
#endif
#ifdef LIBCURL_VERSION
#  error "a public header includes libcurl, which its users need not have"
#endif
#ifdef NLOHMANN_JSON_VERSION_MAJOR
#  error "a public header includes JSON, which its users need not have"
#endif

#include <type_traits>

namespace {

/// Everything the document shows, by its names.
[[maybe_unused]] void use_all() {
  tunerd::configure_structured_logging(
    {.level = "INFO",
     .json_output = true,
     .log_file = "/var/log/simpletuner/cloud.log",
     .include_stack_info = false});
  tunerd::init_from_env();
  const auto logger = tunerd::get_logger("simpletuner.cloud.jobs");
  tunerd::log_context scope{{"job_id", "1"}, {"provider", "replicate"}};
  logger.info("Starting job processing");
  const std::string id = tunerd::get_correlation_id();
  tunerd::set_correlation_id("request-abc-123");
  tunerd::clear_correlation_id();
  const tunerd::captured_context context = tunerd::capture_context();
  const auto restored = context.restore();
  const auto client = tunerd::get_client();
  const tunerd::client::response response = client.get("https://example.com/");
  static_cast<void>(response);
}

static_assert(!std::is_copy_constructible_v<tunerd::log_context>);
static_assert(std::is_base_of_v<std::runtime_error, tunerd::call_failed>);

} // namespace
