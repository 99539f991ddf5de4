#include "lib/config/settings_reader.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <sstream>

namespace hashpost {
namespace {

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

// "a,b,c" as "a, b or c".
std::string Words(std::string_view choices) {
  std::string words;
  for (std::size_t at = 0; at < choices.size();) {
    const std::size_t end = std::min(choices.find(',', at), choices.size());
    if (at > 0) words += end == choices.size() ? " or " : ", ";
    words += choices.substr(at, end - at);
    at = end + 1;
  }
  return words;
}

}  // namespace

void SettingsReader::Refuse(const std::string& name, std::string_view value, const std::string& allowed) {
  throw ConfigError(name + " is \"" + std::string(value) + "\", but must be " + allowed + ".");
}

bool SettingsReader::IsSet(const char* name) const {
  const char* value = environment_(name);
  return value != nullptr && *value != '\0';
}

std::string SettingsReader::Text(const Setting& setting) const {
  if (IsSet(setting.name)) return environment_(setting.name);
  const std::string_view fallback = setting.fallback;
  if (!fallback.starts_with('$')) return std::string(fallback);
  const std::size_t end = std::min(fallback.find('/'), fallback.size());
  const std::string other(fallback.substr(1, end - 1));
  const bool is_fact = std::islower(static_cast<unsigned char>(other.front())) != 0;  // of the shell code
  if (is_fact || !IsSet(other.c_str())) {
    throw ConfigError(std::string(setting.name) + " is not set, and has no default here: set it. " +
                      setting.meaning);
  }
  return environment_(other.c_str()) + std::string(fallback.substr(end));
}

void SettingsReader::operator()(const Setting& setting, std::string& value) const {
  value = Text(setting);
  if (setting.kind != Setting::Kind::kChoice) return;
  const std::string list = std::string(",") + setting.choices + ",";
  if (value.find(',') != std::string::npos || list.find("," + value + ",") == std::string::npos) {
    Refuse(setting.name, value, Words(setting.choices));
  }
}

void SettingsReader::operator()(const Setting& setting, std::uint64_t& value) const {
  const bool suffixes = setting.kind == Setting::Kind::kBytes;
  const std::string text = Text(setting);
  const std::string range = std::to_string(setting.low) + " to " + std::to_string(setting.high);
  const std::string allowed = suffixes
                                  ? "a number of bytes from " + range + ", or one with K, M, G or T behind it"
                                  : "a whole number from " + range;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::uint64_t factor = suffixes || suffix.empty() ? Factor(suffix) : 0;
  if (error != std::errc{} || factor == 0 || number > std::numeric_limits<std::uint64_t>::max() / factor ||
      number * factor < setting.low || number * factor > setting.high) {
    Refuse(setting.name, text, allowed);
  }
  value = number * factor;
}

void SettingsReader::operator()(const Setting& setting, std::chrono::seconds& value) const {
  std::uint64_t number = 0;
  (*this)(setting, number);
  value = std::chrono::seconds(number);
}

void SettingsReader::operator()(const Setting& setting, bool& value) const {
  const std::string text = Text(setting);
  if (text != "yes" && text != "no") Refuse(setting.name, text, "yes or no");
  value = text == "yes";
}

void SettingsReader::operator()(const Setting& setting, log::Level& value) const {
  const std::string text = Text(setting);
  const auto level = log::ParseLevel(text);
  if (!level) Refuse(setting.name, text, "debug, info, warning or error");
  value = *level;
}

// Files are data: their owner can write them, and nobody may execute them.
void SettingsReader::operator()(const Setting& setting, mode_t& value) const {
  const std::string text = Text(setting);
  const std::string_view digits =
      std::string_view(text).substr(text.size() == 4 && text.front() == '0' ? 1 : 0);
  if (digits.size() != 3 || digits.front() != '6' ||
      digits.find_first_not_of("046") != std::string_view::npos) {
    Refuse(setting.name, text, "0600, 0640, 0660, 0644 or the like, in octal");
  }
  value = static_cast<mode_t>(std::stoul(text, nullptr, 8));
}

std::string Shown(const std::string& value) {
  return value;
}
std::string Shown(std::uint64_t value) {
  return std::to_string(value);
}
std::string Shown(std::chrono::seconds value) {
  return std::to_string(value.count());
}
std::string Shown(bool value) {
  return value ? "yes" : "no";
}

std::string Shown(log::Level value) {
  switch (value) {
    case log::Level::kDebug:
      return "debug";
    case log::Level::kInfo:
      return "info";
    case log::Level::kWarning:
      return "warning";
    case log::Level::kError:
      break;
  }
  return "error";
}

std::string Shown(mode_t value) {
  std::ostringstream text;
  text << '0' << std::oct << value;
  return text.str();
}

}  // namespace hashpost
