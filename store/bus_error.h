// A page of the memory map that cannot be read from the disk arrives as SIGBUS, not as an error code. This
// says which message was being read, and ends the process so that a fresh one is started.

#pragma once

#include "lib/crypto/sha256.h"

namespace hashpost::store {

// Installs the handler, once for the process.
void InstallBusErrorHandler();

// While it lives, the calling thread reads the record of `digest` from the map. Does not nest.
class ReadingRecord {
 public:
  explicit ReadingRecord(const crypto::Sha256Digest& digest);
  ~ReadingRecord();
  ReadingRecord(const ReadingRecord&) = delete;
  ReadingRecord& operator=(const ReadingRecord&) = delete;
};

}  // namespace hashpost::store
