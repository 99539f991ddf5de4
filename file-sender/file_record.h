// FileRecord: what the sender knows of a file, by its name, and its bytes in the state (docs/file-drop.md).
// Plain value.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "file-sender/file_stamp.h"
#include "lib/crypto/sha256.h"

namespace hashpost::sender {

enum class RecordKind : std::uint8_t {
  kDelivered = 1,  // the receiver has the file as it is
  kSetAside = 2,   // it cannot be delivered until something changes
  kPending = 3,    // it is to be delivered, and was tried
};

struct FileRecord {
  RecordKind kind = RecordKind::kPending;
  // SHA-256 of the JSON that the receiver has for certain under this name, if there is one.
  std::optional<crypto::Sha256Digest> delivered;
  // SHA-256 of the JSON that `kind` speaks of; all zero if it was not read.
  crypto::Sha256Digest content;
  FileStamp stamp;  // of the file then
  // When it was read, nanoseconds since the epoch; later, if the clock of its file system is ahead (AddsTo).
  std::uint64_t read_at = 0;
  std::uint64_t token_time = 0;  // of the newest token that may have been sent, seconds since the epoch
  std::uint64_t since = 0;       // since when it is of this kind, seconds since the epoch
  std::uint64_t settings = 0;    // kSetAside: with which receiver and key (SettingsId)
  std::string reason;            // kSetAside and kPending: a sentence

  friend bool operator==(const FileRecord&, const FileRecord&) = default;

  // Whether there is something to write: this differs from `before`, the record on the disk, in more than the
  // time of reading, or that time makes a stamp certain now. A file whose ctime lies in the future is certain
  // when it was read twice with the same stamp, 2 s or more apart: what is written after that has another
  // ctime, whatever clock it comes from. Then `read_at` is set to a time that says so.
  [[nodiscard]] bool AddsTo(const FileRecord& before);

  // Whether a file with this stamp need not be looked at: it is delivered, or it would be set aside again.
  [[nodiscard]] bool IsSettled(const FileStamp& now, std::uint64_t settings_now) const;
};

[[nodiscard]] std::string Encode(const FileRecord& record);

// nullopt if `bytes` are not a record. (Another format is to have another database, so these are damaged.)
[[nodiscard]] std::optional<FileRecord> Decode(std::string_view bytes);

}  // namespace hashpost::sender
