// Feeds arbitrary bytes to the reader of the sender's records: what it takes is written and read back as the
// same, and what is cut is refused. Corpus: corpus/file_record_fuzz.

#include <optional>
#include <stdexcept>

#include "file-sender/file_record.h"
#include "tests/fuzz/require.h"

namespace {

using namespace hashpost;

std::optional<sender::FileRecord> Read(std::string_view bytes) {
  try {
    return sender::Decode(bytes);
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = Text(data, size);
  const auto record = Read(bytes);
  if (!record) return 0;
  const std::string written = sender::Encode(*record);
  Require(written.size() == bytes.size() && Read(written) == record);
  const std::size_t fixed = written.size() - record->reason.size();
  Require(!Read(bytes.substr(0, fixed - 1 - size % fixed)));
  Require(Read(bytes.substr(0, fixed)).has_value());
  (void)record->IsSettled(record->stamp, record->settings);
  return 0;
}
