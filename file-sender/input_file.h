// InputFile: one file of INPUT_DIR, open for reading, and what can be said of its being the same all the
// time. One thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>

#include "file-sender/file_record.h"
#include "lib/crypto/sha256.h"
#include "lib/io/file_reader.h"
#include "lib/io/unique_fd.h"

namespace hashpost::sender {

// Nothing to read under this name.
struct NoInput {
  enum class Why {
    kGone,      // there is no such file (any more)
    kNotAFile,  // a folder, a link that leads nowhere, a file that may not be read
    kFailed,    // it may work later
  };
  Why why;
  FileStamp stamp;       // of what is there
  std::string sentence;  // what is wrong, what to do
};

// The sender is to end; nothing was made of the file.
struct Stopped {};

// The bytes of a file until `stop`: then reading throws Stopped.
class StoppableContent final : public io::RandomAccess {
 public:
  StoppableContent(int fd, std::stop_token stop) : content_(fd), stop_(std::move(stop)) {}
  [[nodiscard]] std::size_t ReadAt(std::uint64_t offset, std::span<char> buffer) override {
    if (stop_.stop_requested()) throw Stopped();
    return content_.ReadAt(offset, buffer);
  }

 private:
  io::FileReader content_;
  std::stop_token stop_;
};

class InputFile {
 public:
  // Follows symbolic links; never waits (for the writer of a FIFO, say) and never changes anything. At `stop`
  // this and all that reads the content throws Stopped.
  [[nodiscard]] static std::variant<InputFile, NoInput> Open(const std::string& path,
                                                             const std::stop_token& stop = {});

  [[nodiscard]] const FileStamp& stamp() const { return stamp_; }   // when it was opened
  [[nodiscard]] std::uint64_t read_at() const { return read_at_; }  // then, nanoseconds since the epoch
  [[nodiscard]] const crypto::Sha256Digest& digest() const { return digest_; }  // of its bytes
  [[nodiscard]] io::RandomAccess& content() { return content_; }

  // Whether its bytes are those that digest() was made of, and were all the time. Throws std::system_error.
  [[nodiscard]] bool IsUnchanged() const;

 private:
  // Reads all of it; throws std::system_error.
  InputFile(io::UniqueFd fd, const FileStamp& stamp, const std::stop_token& stop);

  io::UniqueFd fd_;
  FileStamp stamp_;
  std::uint64_t read_at_;
  mutable StoppableContent content_;  // (it has no position)
  crypto::Sha256Digest digest_;
};

// The stamp of the file `name` in the folder `folder` (AT_FDCWD: a path), links followed; all zero if there
// is none.
[[nodiscard]] FileStamp StampAt(int folder, const std::string& name);

// The system's clock in nanoseconds since the epoch.
[[nodiscard]] std::uint64_t Now();

}  // namespace hashpost::sender
