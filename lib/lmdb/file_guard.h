// FileGuard: keeps all processes of an environment on the same two files. LMDB goes on with what it has open
// when data.mdb or lock.mdb is removed or replaced, while the next process opens the new ones: then there are
// two write locks, and each side overwrites what the other has committed. How: each process holds a shared
// open file description lock (fcntl(2)) on the environment's folder, on a byte that follows from the inodes
// of both files; so whoever has other files open is seen, and a process that ends leaves nothing behind.
// Thread-safe. Do not use after fork().

#pragma once

#include <sys/types.h>

#include <stdexcept>
#include <string>

#include "lib/io/unique_fd.h"

namespace hashpost::lmdb {

// what() is a sentence for the operator, without its full stop.
class FilesReplaced : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

class FileGuard {
 public:
  // Call when the environment in `folder` was just opened, and before anything is written to it. On a file
  // system that is read-only there may be no lock.mdb. Throws FilesReplaced if another process has other
  // files open, else std::system_error.
  explicit FileGuard(std::string folder);

  // Whether a process holds a guard of this folder. Throws std::system_error.
  [[nodiscard]] static bool IsInUse(const std::string& folder);

  // Throws FilesReplaced unless both files are still those that were there at the start. Costs two stat(2).
  void Check() const;

 private:
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
  };
  [[nodiscard]] Identity Identify(const char* name) const;  // all 0 if there is no such file
  void Claim();

  const std::string folder_;
  const Identity data_;
  const Identity lock_;
  io::UniqueFd claim_;
};

}  // namespace hashpost::lmdb
