// Spool: bytes that wait, complete, until they may leave: up to 512 KiB in memory, more in a file without a
// name, so that nothing is left of them however the process ends. One thread.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lib/io/byte_stream.h"
#include "lib/io/unique_fd.h"
#include "lib/io/unnamed_file.h"

namespace hashpost::io {

class Spool final : public ByteSink {
 public:
  // The file is made in `folder`, which has to be there only then.
  explicit Spool(std::string folder) : folder_(std::move(folder)) {}

  // Throws std::system_error, such as for a full disk; then this is to be thrown away.
  void Write(std::string_view bytes) override;

  // For reading from offset 0 (pread(2)); -1 before the first Write, and valid until the next one.
  [[nodiscard]] int fd() const { return file_ ? file_->fd() : memory_.get(); }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  void WriteToMemory(std::string_view bytes);
  void WriteToDisk(std::string_view bytes);
  void MoveToDisk();

  const std::string folder_;
  UniqueFd memory_;  // an anonymous file (memfd_create(2))
  UniqueFd folder_fd_;
  std::optional<UnnamedFile> file_;  // instead of memory_, once that would be too small
  std::uint64_t size_ = 0;
};

}  // namespace hashpost::io
