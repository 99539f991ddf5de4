#include "lib/log/log.h"

#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <utility>

#include "lib/utf8/utf8.h"

namespace hashpost::log {
namespace {

std::atomic<Level> threshold{Level::kInfo};

constexpr std::array<std::string_view, 4> kNames = {"DEBUG", "INFO", "WARNING", "ERROR"};

std::string Timestamp() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::time_t seconds = milliseconds / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(milliseconds % 1000));
  return std::string(text.data(), length) + fraction.data();
}

}  // namespace

std::optional<Level> ParseLevel(std::string_view name) {
  constexpr std::array<std::pair<const char*, Level>, 5> kLevels = {{{"debug", Level::kDebug},
                                                                     {"info", Level::kInfo},
                                                                     {"warning", Level::kWarning},
                                                                     {"warn", Level::kWarning},
                                                                     {"error", Level::kError}}};
  const std::string wanted(name);
  for (const auto& [text, level] : kLevels) {
    if (strcasecmp(text, wanted.c_str()) == 0) return level;
  }
  return std::nullopt;
}

void SetLevel(Level level) {
  threshold = level;
}

bool IsOn(Level level) {
  return level >= threshold.load(std::memory_order_relaxed);
}

void Write(Level level, std::string_view source, std::string_view message) {
  if (!IsOn(level)) return;
  std::string line = "[" + Timestamp() + "] - [";
  line.append(kNames[static_cast<std::size_t>(level)]).append("] - [").append(source).append("] - ");
  // Names of files and the like are anybody's text: nothing in a log may act on the terminal that shows it.
  std::string text(message);
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  line.append(utf8::Printable(text, text.size() * 3)).push_back('\n');
  // A log that cannot be written must not stop the service, so the result is not looked at.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace hashpost::log
