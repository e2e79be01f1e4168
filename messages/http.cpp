#include "messages/http.hpp"

namespace tunerd {

std::string header(const http_headers& headers, const std::string& name) {
  for (const auto& [key, value] : headers)
    if (key == name)
      return value;
  return {};
}

} // namespace tunerd
