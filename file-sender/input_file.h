// InputFile: one file of INPUT_DIR, open for reading, and what can be said of its being the same all the
// time. One thread.

#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "file-sender/file_stamp.h"
#include "lib/crypto/sha256.h"
#include "lib/io/random_access.h"
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

class InputFile {
 public:
  // Follows symbolic links; never waits (for the writer of a FIFO, say) and never changes anything.
  [[nodiscard]] static std::variant<InputFile, NoInput> Open(const std::string& path);

  [[nodiscard]] const FileStamp& stamp() const { return stamp_; }   // when it was opened
  [[nodiscard]] std::uint64_t read_at() const { return read_at_; }  // then, nanoseconds since the epoch
  [[nodiscard]] const crypto::Sha256Digest& digest() const { return digest_; }  // of its bytes
  [[nodiscard]] io::RandomAccess& content() { return content_; }

  // Whether its bytes are those that digest() was made of, and were all the time. Throws std::system_error.
  [[nodiscard]] bool IsUnchanged() const;

 private:
  InputFile(io::UniqueFd fd, const FileStamp& stamp);  // reads all of it; throws std::system_error

  io::UniqueFd fd_;
  FileStamp stamp_;
  std::uint64_t read_at_;
  crypto::Sha256Digest digest_;
  io::FileContent content_;
};

// The stamp of the file `name` in the folder `folder` (AT_FDCWD: a path), links followed; all zero if there
// is none.
[[nodiscard]] FileStamp StampAt(int folder, const std::string& name);

// The system's clock in nanoseconds since the epoch.
[[nodiscard]] std::uint64_t Now();

}  // namespace hashpost::sender
