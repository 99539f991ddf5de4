// Ledger: what the file drop remembers of each name, so that a token that was recorded on the way and is
// sent again later cannot put old content back (docs/security.md). An LMDB environment of its own; the format
// is in docs/file-drop.md. Thread-safe, and shared by the workers; but calls about one name must not overlap:
// hold its NameLock. Do not use after fork().

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/crypto/sha256.h"
#include "lib/lmdb/file_guard.h"
#include "lib/lmdb/lmdb.h"

namespace hashpost::drop {

// An authentic token, as far as it matters here.
struct ReceivedToken {
  std::uint64_t time;            // when it was sealed, seconds since the epoch: its maker's clock
  std::string_view tag;          // its code (HMAC-SHA256), kTagBytes; tells tokens of one second apart
  crypto::Sha256Digest content;  // of the plaintext
};

enum class Verdict {
  kTaken,     // not older than the newest, or of the content that the name holds: put it in place
  kReplayed,  // older than what the name holds, and of other content
  kTooMany,   // there are kMaxTags tokens of this second: which came first could not be told later
};

class Ledger {
 public:
  static constexpr std::size_t kTagBytes = 32;
  static constexpr std::size_t kMaxTags = 64;
  static constexpr std::size_t kMaxNameBytes = 255;

  // Opens or creates it in `folder`, which must exist, and forces it to the disk. Throws store::StoreError.
  explicit Ledger(const std::string& folder);

  // Decides about a token for `name` (1 to kMaxNameBytes bytes). On kTaken a token that is new is
  // remembered, on the disk. Throws store::StoreFull, store::StoreBroken (a sync failed) or another
  // store::StoreError; then nothing was remembered.
  [[nodiscard]] Verdict Admit(std::string_view name, const ReceivedToken& token);

 private:
  Verdict Decide(std::string_view name, const ReceivedToken& token);

  lmdb::Env env_;
  lmdb::FileGuard guard_;
  lmdb::Database names_ = 0;
};

}  // namespace hashpost::drop
