// MessageStore: immutable messages by the SHA-256 digest of their bytes (FIPS 180-4). Formats:
// docs/store-format.md. Every store passes the same conformance tests (tests/unit/store/conformance.h).
// Thread-safe. Many processes may use one store at once.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "lib/crypto/sha256.h"

namespace hashpost::store {

using Digest = crypto::Sha256Digest;

// Infrastructure failed; what() is a sentence for the operator. Unless it says so, nothing was stored.
class StoreError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The disk or the configured limit is full: reads go on, and so do writes once there is room again.
class StoreFull : public StoreError {
  using StoreError::StoreError;
};

// The store cannot answer now, and may soon: trying again is safe.
class StoreUnavailable : public StoreError {
  using StoreError::StoreError;
};

// Nothing can be stored or deleted until the operator has acted; reads go on.
class StoreReadOnly : public StoreUnavailable {
  using StoreUnavailable::StoreUnavailable;
};

// The store cannot be trusted any more by this process (a failed sync, a damaged page): it must end.
class StoreBroken : public StoreError {
  using StoreError::StoreError;
};

// Pages of the store are damaged, so it cannot be said whether the message was ever stored, or writing could
// destroy more. What can be found is right, and is served.
class StoreDamaged : public StoreError {
  using StoreError::StoreError;
};

// One record does not hash to its digest. The others may be fine.
class RecordDamaged : public StoreError {
  using StoreError::StoreError;
};

struct StoredMessage {
  std::int64_t created_ms;  // since the epoch
  std::string bytes;
};

// What is known of a message without reading it.
struct MessageInfo {
  std::int64_t created_ms;  // since the epoch
  std::size_t size;         // bytes
};

// One change. `message` (any bytes, any size that fits the store) is stored under `digest`, which must be its
// SHA-256; without a message the digest is deleted. The view must stay valid during the call.
struct Change {
  Digest digest;
  std::optional<std::string_view> message;
};

enum class Outcome {
  kCreated,  // was not there, is stored
  kExisted,  // was there: nothing written
  kDeleted,  // was there, is gone
  kAbsent,   // was not there to delete
};

// Asked with a message's size before its bytes are copied; may throw to refuse, and Get then throws that.
using Admit = std::function<void(std::size_t bytes)>;

class MessageStore {
 public:
  virtual ~MessageStore() = default;

  // The right to make the next commit, held until it is used or destroyed, on the thread that got it.
  class CommitTurn {
   public:
    virtual ~CommitTurn() = default;
    // As MessageStore::Apply; once.
    [[nodiscard]] virtual std::vector<Outcome> Apply(std::span<const Change> changes) = 0;
  };

  // Waits until it is the caller's turn to commit, among threads and processes. Take queued writes only when
  // it has returned, so that those that came meanwhile are included. Throws StoreUnavailable or StoreBroken.
  [[nodiscard]] virtual std::unique_ptr<CommitTurn> AwaitTurn() = 0;

  // The same for bulk uploads, which write without a pause: those of all processes take it one at a time, and
  // other writes that come meanwhile go first.
  [[nodiscard]] virtual std::unique_ptr<CommitTurn> AwaitBulkTurn() { return AwaitTurn(); }

  // Whether a bulk upload, in any process, has its turn: others may have to wait for a large commit.
  [[nodiscard]] virtual bool BulkHasTurn() { return false; }

  // Makes all `changes` in one durable commit, as if in order; on return each outcome is on disk. A record
  // whose bytes are not the message any more (a damaged one) is replaced, which counts as kCreated. Throws
  // StoreFull, StoreUnavailable, StoreDamaged or StoreBroken: then none of them was made.
  [[nodiscard]] std::vector<Outcome> Apply(std::span<const Change> changes) {
    return AwaitTurn()->Apply(changes);
  }

  // The message, whose bytes have been hashed again and are right; nullopt if it is not there.
  // Throws StoreDamaged if it may have been stored and cannot be found, RecordDamaged, StoreUnavailable,
  // StoreBroken, or what `admit` throws.
  [[nodiscard]] virtual std::optional<StoredMessage> Get(const Digest& digest, const Admit& admit) = 0;

  // Whether `message`, which hashes to `digest`, is there, durable and byte for byte.
  // Throws StoreUnavailable or StoreBroken.
  [[nodiscard]] virtual bool Holds(const Digest& digest, std::string_view message) = 0;

  // What is known of a durable message, without reading it; nullopt if it is not there.
  // Throws StoreDamaged as Get does, RecordDamaged, StoreUnavailable or StoreBroken.
  [[nodiscard]] virtual std::optional<MessageInfo> Find(const Digest& digest) = 0;

  // Throws StoreFull, StoreUnavailable, StoreDamaged or StoreBroken, with the reason, if a write would fail.
  virtual void CheckWritable() = 0;

  // What is known to be damaged, as a sentence for the operator; nullopt: nothing.
  [[nodiscard]] virtual std::optional<std::string> KnownDamage() { return std::nullopt; }

  // Periodic housekeeping (every minute or so); throws nothing that matters to a request.
  virtual void Maintain() = 0;
};

}  // namespace hashpost::store
