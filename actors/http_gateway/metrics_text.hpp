#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace tunerd {

/// Writes a page in Prometheus' text format 0.0.4, a family at a time:
///
///     metrics_text page;
///     page.gauge("tunerd_subscribers", "Open event streams", 3);
///     page.family("tunerd_worker_restarts_total", "counter", "Crashes");
///     page.sample("worker", "store", 2);
///
/// Values of labels are escaped; names are ours and are not.
class metrics_text {
public:
  static constexpr const char* content_type
    = "text/plain; version=0.0.4; charset=utf-8";

  /// Begins a family, whose samples follow.
  /// @param type counter or gauge.
  void family(std::string_view name, std::string_view type,
              std::string_view help);

  template <class T>
  void sample(const T& value) {
    write({}, {}, number(value));
  }

  template <class T>
  void sample(std::string_view label, std::string_view label_value,
              const T& value) {
    write(label, label_value, number(value));
  }

  /// A family of one sample.
  template <class T>
  void gauge(std::string_view name, std::string_view help, const T& value) {
    family(name, "gauge", help);
    sample(value);
  }

  template <class T>
  void counter(std::string_view name, std::string_view help, const T& value) {
    family(name, "counter", help);
    sample(value);
  }

  const std::string& text() const noexcept {
    return text_;
  }

private:
  static std::string number(std::integral auto value) {
    return std::to_string(value);
  }
  static std::string number(double value);

  void write(std::string_view label, std::string_view label_value,
             std::string_view value);

  std::string text_ = {};
  std::string name_ = {};
};

} // namespace tunerd
