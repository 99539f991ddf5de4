// The layout of a message's value in LMDB (docs/store-format.md): 8 bytes creation time, big-endian
// milliseconds since the epoch, then the message's bytes. Thread-safe: no state.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hashpost::store {

inline constexpr std::size_t kRecordHeader = 8;

struct Record {
  std::int64_t created_ms;
  std::string_view bytes;  // into the value that was parsed
};

// nullopt if `value` is too short to be a record.
[[nodiscard]] std::optional<Record> ParseRecord(std::string_view value);

// Writes kRecordHeader + bytes.size() bytes at `place`.
void WriteRecord(char* place, std::int64_t created_ms, std::string_view bytes);

}  // namespace hashpost::store
