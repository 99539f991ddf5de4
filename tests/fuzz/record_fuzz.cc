// Feeds arbitrary bytes to the reader of a message's value in the store, and writes them as one. Corpus:
// corpus/record_fuzz.

#include <string>

#include "store/record.h"
#include "tests/fuzz/require.h"

using namespace hashpost;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view value = Text(data, size);
  const auto record = store::ParseRecord(value);
  Require(record.has_value() == (size >= store::kRecordHeader));
  if (!record) return 0;
  Require(record->bytes == value.substr(store::kRecordHeader));
  std::string again(size, '\0');
  store::WriteRecord(again.data(), record->created_ms, record->bytes);
  Require(again == value);
  return 0;
}
