// UnnamedFile: a file that has no name until it is whole (open(2), O_TMPFILE): whatever ends the process
// before that, nothing of it is left. The file system must know O_TMPFILE (ext4, xfs, btrfs, tmpfs and
// overlayfs do). One thread.

#pragma once

#include <cstdint>
#include <string>

#include "lib/io/byte_stream.h"
#include "lib/io/unique_fd.h"

namespace hashpost::io {

class UnnamedFile final : public ByteSink {
 public:
  // In `folder`, an open folder that lives longer than this; mode 0640, less the umask. Throws
  // std::system_error, as all of this class.
  explicit UnnamedFile(int folder);

  // Appends `bytes`.
  void Write(std::string_view bytes) override;

  // Forces what was written to the disk.
  void Sync();

  // After Sync: the file gets `name` in its folder, at once and in place of the file that has it, and this is
  // on the disk on return. If the name is taken the file is called `aside` for a moment, which is replaced,
  // too: two threads or processes may not use the same `aside` at once. A process that is killed then may
  // leave `aside` behind.
  void Publish(const std::string& name, const std::string& aside);

  // For reading; valid as long as this object.
  [[nodiscard]] int fd() const { return file_.get(); }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  [[nodiscard]] bool Link(const std::string& name) const;

  const int folder_;
  UniqueFd file_;
  std::uint64_t size_ = 0;
};

}  // namespace hashpost::io
