#include "store/record.h"

#include <algorithm>

#include "lib/io/big_endian.h"

namespace hashpost::store {

std::optional<Record> ParseRecord(std::string_view value) {
  if (value.size() < kRecordHeader) return std::nullopt;
  return Record{static_cast<std::int64_t>(io::FromBigEndian(value)), value.substr(kRecordHeader)};
}

void WriteRecord(char* place, std::int64_t created_ms, std::string_view bytes) {
  std::ranges::copy(io::ToBigEndian(static_cast<std::uint64_t>(created_ms)), place);
  std::ranges::copy(bytes, place + kRecordHeader);
}

}  // namespace hashpost::store
