// SettingsReader: settings from environment variables, each checked as it is read. What is wrong is said in
// one sentence that names the variable, its value and what is allowed. Which settings there are says
// service/settings.table: settings_struct.awk makes a struct of it for each program. Immutable; any thread.

#pragma once

#include <sys/types.h>

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

// A line of the table. All text is static.
struct Setting {
  enum class Kind { kNumber, kBytes, kYesNo, kChoice, kLevel, kMode, kText };

  const char* name;
  Kind kind;
  const char* fallback;  // "$NAME…": begins with the value of that variable
  const char* choices;   // of kChoice, separated by commas
  std::uint64_t low;     // of kNumber and kBytes
  std::uint64_t high;
  const char* meaning;
};

class SettingsReader {
 public:
  // `environment` lives longer than this.
  explicit SettingsReader(const Environment& environment) : environment_(environment) {}

  // Sets `value` to what the setting is in the environment, else to its default. An empty variable counts as
  // not set. Throws ConfigError if it is not allowed, or is not set and has no default here.
  void operator()(const Setting& setting, std::string& value) const;
  void operator()(const Setting& setting, std::uint64_t& value) const;
  void operator()(const Setting& setting, std::chrono::seconds& value) const;
  void operator()(const Setting& setting, bool& value) const;
  void operator()(const Setting& setting, log::Level& value) const;
  void operator()(const Setting& setting, mode_t& value) const;

  [[nodiscard]] bool IsSet(const char* name) const;

  // Throws the ConfigError: `name` is `value`, but must be `allowed`.
  [[noreturn]] static void Refuse(const std::string& name, std::string_view value,
                                  const std::string& allowed);

 private:
  [[nodiscard]] std::string Text(const Setting& setting) const;

  const Environment& environment_;
};

// Reads a struct that settings_struct.awk has made. Throws ConfigError.
template <typename Settings>
void ReadSettings(const Environment& environment, Settings& settings) {
  Settings::ForEach(settings, SettingsReader(environment));
}

// The value as the environment would have it.
[[nodiscard]] std::string Shown(const std::string& value);
[[nodiscard]] std::string Shown(std::uint64_t value);
[[nodiscard]] std::string Shown(std::chrono::seconds value);
[[nodiscard]] std::string Shown(bool value);
[[nodiscard]] std::string Shown(log::Level value);
[[nodiscard]] std::string Shown(mode_t value);

// One line "NAME=value" for each setting of such a struct.
template <typename Settings>
[[nodiscard]] std::string DescribeSettings(const Settings& settings) {
  std::string text;
  Settings::ForEach(settings, [&](const Setting& setting, const auto& value) {
    text.append(setting.name).append("=").append(Shown(value)).append("\n");
  });
  return text;
}

// For --help: each setting with its default and meaning.
template <typename Settings>
[[nodiscard]] std::string ListSettings() {
  std::string text = "Settings (environment variables; docs/settings.md has them all):\n";
  const Settings none{};
  Settings::ForEach(none, [&](const Setting& setting, const auto& /*value*/) {
    text.append("  ").append(setting.name);
    if (*setting.fallback != '\0') text.append(" (").append(setting.fallback).append(")");
    text.append("\n      ").append(setting.meaning).append("\n");
  });
  return text;
}

}  // namespace hashpost
