// SettingsReader: settings from environment variables, each checked as it is read. What is wrong is said in
// one sentence that names the variable, its value and what is allowed. Immutable; any thread.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "lib/log/log.h"

namespace hashpost {

// A setting is wrong; what() is that sentence.
class ConfigError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The value of an environment variable, or nullptr; getenv outside tests.
using Environment = std::function<const char*(const char* name)>;

class SettingsReader {
 public:
  struct Range {
    std::uint64_t low;
    std::uint64_t high;
  };

  // `environment` lives longer than this.
  explicit SettingsReader(const Environment& environment) : environment_(environment) {}

  // The value, or `fallback` if the variable is not set or empty.
  [[nodiscard]] std::string Text(const char* name, const char* fallback) const;

  // The same for a setting that has no default. Throws ConfigError with `allowed` if it is not set.
  [[nodiscard]] std::string Required(const char* name, const std::string& allowed) const;

  // A whole number. These throw ConfigError.
  [[nodiscard]] std::uint64_t Number(const char* name, std::uint64_t fallback, const Range& range) const;

  // A number of bytes, which may have K, M, G or T behind it (1024-based).
  [[nodiscard]] std::uint64_t Bytes(const char* name, std::uint64_t fallback, const Range& range) const;

  [[nodiscard]] std::chrono::seconds Seconds(const char* name, std::uint64_t fallback,
                                             const Range& range) const {
    return std::chrono::seconds(Number(name, fallback, range));
  }

  [[nodiscard]] log::Level LogLevel() const;  // LOG_LEVEL

  // Throws the ConfigError: `name` is `value`, but must be `allowed`.
  [[noreturn]] static void Refuse(const std::string& name, std::string_view value,
                                  const std::string& allowed);

 private:
  [[nodiscard]] std::uint64_t Parse(const char* name, std::uint64_t fallback, const Range& range,
                                    bool suffixes) const;

  const Environment& environment_;
};

}  // namespace hashpost
