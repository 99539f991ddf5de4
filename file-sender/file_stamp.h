// FileStamp: what stat(2) says of a file's content without reading it. Plain value.

#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace hashpost::sender {

inline constexpr std::uint64_t kNanosecond = 1'000'000'000;  // parts of a second

struct FileStamp {
  std::uint64_t size = 0;   // bytes
  std::uint64_t mtime = 0;  // nanoseconds since the epoch
  std::uint64_t ctime = 0;  // the same; no program can set it to what it likes
  std::uint64_t inode = 0;

  // File systems count time in steps: of some milliseconds mostly, of up to 2 s in the worst case.
  static constexpr std::uint64_t kCoarsest = 2 * kNanosecond;

  FileStamp() = default;  // of no file
  explicit FileStamp(const struct stat& status)
      : size(static_cast<std::uint64_t>(status.st_size)),
        mtime(Nanoseconds(status.st_mtim)),
        ctime(Nanoseconds(status.st_ctim)),
        inode(status.st_ino) {}

  friend bool operator==(const FileStamp&, const FileStamp&) = default;

  // Whether a file that had this stamp at the time `read_at` (nanoseconds since the epoch) and has it now is
  // certainly unchanged. A write right after the last one, within the same step, may leave the stamp as it
  // is.
  [[nodiscard]] bool IsCertainAt(std::uint64_t read_at) const { return ctime + kCoarsest < read_at; }

 private:
  static std::uint64_t Nanoseconds(const timespec& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * kNanosecond + static_cast<std::uint64_t>(time.tv_nsec);
  }
};

}  // namespace hashpost::sender
