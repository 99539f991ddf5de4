// SealedFile: what is sealed waits here, complete, until it is sent: a file without a name, so that nothing
// is left of it however the sender ends. One thread.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/io/byte_stream.h"
#include "lib/io/unique_fd.h"
#include "lib/io/unnamed_file.h"

namespace hashpost::sender {

class SealedFile final : public io::ByteSink {
 public:
  // What does not fit into memory goes to the file system of `folder`. Throws std::system_error.
  explicit SealedFile(std::string folder);

  // Throws std::system_error, such as for a full disk; then this is to be thrown away.
  void Write(std::string_view bytes) override;

  [[nodiscard]] int fd() const { return file_ ? file_->fd() : memory_.get(); }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  void WriteToDisk(std::string_view bytes);
  void MoveToDisk();

  const std::string folder_;
  io::UniqueFd memory_;
  io::UniqueFd folder_fd_;
  std::optional<io::UnnamedFile> file_;  // instead of memory_, once that would be too small
  std::uint64_t size_ = 0;
};

}  // namespace hashpost::sender
