// FileRecord: what the sender knows of a file, by its name, and its bytes in the state (docs/file-drop.md);
// FileStamp: what stat(2) says of a file's content without reading it. Plain values.

#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/crypto/sha256.h"

namespace hashpost::sender {

inline constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;  // parts of a second

struct FileStamp {
  std::uint64_t size = 0;   // bytes
  std::uint64_t mtime = 0;  // nanoseconds since the epoch
  std::uint64_t ctime = 0;  // the same; no program can set it to what it likes
  std::uint64_t inode = 0;

  // File systems count time in steps: of some milliseconds mostly, of up to 2 s in the worst case.
  static constexpr std::uint64_t kCoarsest = 2 * kNanosecondsPerSecond;

  FileStamp() = default;  // of no file
  explicit FileStamp(const struct stat& status)
      : size(static_cast<std::uint64_t>(status.st_size)),
        mtime(Nanoseconds(status.st_mtim)),
        ctime(Nanoseconds(status.st_ctim)),
        inode(status.st_ino) {}

  friend bool operator==(const FileStamp&, const FileStamp&) = default;

  // Whether a file that had this stamp at the time `read_at` (nanoseconds since the epoch) and has it now is
  // certainly unchanged. A write within the same step of the clock may leave the stamp as it is.
  [[nodiscard]] bool IsCertainAt(std::uint64_t read_at) const { return ctime + kCoarsest < read_at; }

 private:
  static std::uint64_t Nanoseconds(const timespec& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * kNanosecondsPerSecond +
           static_cast<std::uint64_t>(time.tv_nsec);
  }
};

enum class RecordKind : std::uint8_t {
  kDelivered = 1,    // the receiver has the file as it is
  kQuarantined = 2,  // it cannot be delivered until something changes
  kPending = 3,      // it is to be delivered, and was tried
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
  std::uint64_t settings = 0;    // SettingsId when this was recorded: it counts for kQuarantined
  std::string reason;            // kQuarantined and kPending: a sentence

  friend bool operator==(const FileRecord&, const FileRecord&) = default;

  // Whether there is something to write: this differs from `before`, the record on the disk, in more than the
  // time of reading, or that time makes a stamp certain now. A file whose ctime lies in the future is certain
  // when it was read twice with the same stamp, 2 s or more apart: what is written after that has another
  // ctime, whatever clock it comes from. Then `read_at` is set to a time that says so.
  [[nodiscard]] bool AddsTo(const FileRecord& before);

  // Whether a file with this stamp need not be looked at: it is delivered, or it would be quarantined again.
  [[nodiscard]] bool IsSettled(const FileStamp& now, std::uint64_t settings_now) const;
};

[[nodiscard]] std::string Encode(const FileRecord& record);

// nullopt if `bytes` are not a record. (Another format is to have another database, so these are damaged.)
[[nodiscard]] std::optional<FileRecord> Decode(std::string_view bytes);

}  // namespace hashpost::sender
