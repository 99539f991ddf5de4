// Feeds arbitrary bytes to the reader of the sender's records: what it takes is written and read back as the
// same, and what is cut is refused. Corpus: corpus/file_record_fuzz.

#include "file-sender/file_record.h"
#include "tests/fuzz/require.h"

using namespace hashpost;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = Text(data, size);
  const auto record = sender::Decode(bytes);
  if (!record) return 0;
  const std::string written = sender::Encode(*record);
  Require(written.size() == bytes.size() && sender::Decode(written) == record);
  const std::size_t fixed = written.size() - record->reason.size();
  Require(!sender::Decode(bytes.substr(0, fixed - 1 - size % fixed)));
  Require(sender::Decode(bytes.substr(0, fixed)).has_value());
  (void)record->IsSettled(record->stamp, record->settings);
  return 0;
}
