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

  // After Sync: the file appears as `name` in `folder`, an open folder of the same file system, by one
  // rename(2), in place of the file that has the name; this is on the disk on return. Before that it is
  // called `aside` for a moment in its own folder, where that is replaced: two threads or processes may not
  // use the same `aside` at once, and a process that is killed then may leave it behind. Who watches `folder`
  // (inotify(7)) is told moved_to, then close_write, of `name`, and never of anything else.
  void Publish(int folder, const std::string& name, const std::string& aside);

  // For reading; valid as long as this object.
  [[nodiscard]] int fd() const { return file_.get(); }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  void Link(const std::string& name) const;

  const int folder_;
  UniqueFd file_;
  std::uint64_t size_ = 0;
};

}  // namespace hashpost::io
