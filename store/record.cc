#include "store/record.h"

#include <endian.h>

#include <cstring>

namespace hashpost::store {

std::optional<Record> ParseRecord(std::string_view value) {
  if (value.size() < kRecordHeader) return std::nullopt;
  std::uint64_t created = 0;
  std::memcpy(&created, value.data(), sizeof created);
  return Record{static_cast<std::int64_t>(be64toh(created)), value.substr(kRecordHeader)};
}

void WriteRecord(char* place, std::int64_t created_ms, std::string_view bytes) {
  const std::uint64_t created = htobe64(static_cast<std::uint64_t>(created_ms));
  std::memcpy(place, &created, sizeof created);
  if (!bytes.empty()) std::memcpy(place + kRecordHeader, bytes.data(), bytes.size());
}

}  // namespace hashpost::store
