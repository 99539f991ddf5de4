#include "lib/config/settings_reader.h"

#include <charconv>
#include <limits>

namespace hashpost {
namespace {

std::string Words(const SettingsReader::Range& range) {
  return std::to_string(range.low) + " to " + std::to_string(range.high);
}

// The factor of a suffix K, M, G or T; 0 for any other text.
std::uint64_t Factor(std::string_view suffix) {
  constexpr std::uint64_t kKiB = 1024;
  if (suffix.empty()) return 1;
  if (suffix == "K") return kKiB;
  if (suffix == "M") return kKiB * kKiB;
  if (suffix == "G") return kKiB * kKiB * kKiB;
  if (suffix == "T") return kKiB * kKiB * kKiB * kKiB;
  return 0;
}

}  // namespace

void SettingsReader::Refuse(const std::string& name, std::string_view value, const std::string& allowed) {
  throw ConfigError(name + " is \"" + std::string(value) + "\", but must be " + allowed + ".");
}

std::string SettingsReader::Text(const char* name, const char* fallback) const {
  const char* value = environment_(name);
  return value == nullptr || *value == '\0' ? fallback : value;
}

std::string SettingsReader::Required(const char* name, const std::string& allowed) const {
  std::string text = Text(name, "");
  if (text.empty()) Refuse(name, "", allowed);
  return text;
}

std::uint64_t SettingsReader::Number(const char* name, std::uint64_t fallback, const Range& range) const {
  return Parse(name, fallback, range, /*suffixes=*/false);
}

std::uint64_t SettingsReader::Bytes(const char* name, std::uint64_t fallback, const Range& range) const {
  return Parse(name, fallback, range, /*suffixes=*/true);
}

log::Level SettingsReader::LogLevel() const {
  const std::string text = Text("LOG_LEVEL", "info");
  const auto level = log::ParseLevel(text);
  if (!level) Refuse("LOG_LEVEL", text, "debug, info, warning or error");
  return *level;
}

std::uint64_t SettingsReader::Parse(const char* name, std::uint64_t fallback, const Range& range,
                                    bool suffixes) const {
  const std::string text = Text(name, "");
  if (text.empty()) return fallback;
  const std::string allowed =
      suffixes ? "a number of bytes from " + Words(range) + ", or one with K, M, G or T behind it"
               : "a whole number from " + Words(range);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::uint64_t factor = suffixes || suffix.empty() ? Factor(suffix) : 0;
  if (error != std::errc{} || factor == 0 || number > std::numeric_limits<std::uint64_t>::max() / factor) {
    Refuse(name, text, allowed);
  }
  number *= factor;
  if (number < range.low || number > range.high) Refuse(name, text, allowed);
  return number;
}

}  // namespace hashpost
