// Log lines on standard error, one write(2) each, in the form
//   [2026-11-21T09:00:00.123Z] - [INFO] - [source] - message
// Thread-safe. Never give it message content, keys or tokens: whoever calls it keeps that promise.

#pragma once

#include <optional>
#include <string_view>

namespace hashpost::log {

enum class Level { kDebug, kInfo, kWarning, kError };

// "debug", "info", "warning" or "error" in any case ("warn" too); nullopt for anything else.
[[nodiscard]] std::optional<Level> ParseLevel(std::string_view name);

// Lines below `level` are dropped from now on; kInfo at the start.
void SetLevel(Level level);

// Whether a line of `level` is written, for whoever would have to make one.
[[nodiscard]] bool IsOn(Level level);

// `source` says which part speaks ("store", "server"); control characters in `message` become spaces, and
// what utf8::Printable replaces is replaced.
void Write(Level level, std::string_view source, std::string_view message);

inline void Debug(std::string_view source, std::string_view message) {
  Write(Level::kDebug, source, message);
}
inline void Info(std::string_view source, std::string_view message) {
  Write(Level::kInfo, source, message);
}
inline void Warning(std::string_view source, std::string_view message) {
  Write(Level::kWarning, source, message);
}
inline void Error(std::string_view source, std::string_view message) {
  Write(Level::kError, source, message);
}

}  // namespace hashpost::log
