// HeldAnswer: the content of an answer that may not leave yet, of any size: in memory while it is small, then
// in a file that has no name. For a web server that cannot pass on an answer while it still takes content.
// One thread at a time.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/io/byte_stream.h"
#include "lib/io/unique_fd.h"
#include "lib/io/unnamed_file.h"

namespace hashpost::fcgi {

class HeldAnswer final : public io::ByteSink {
 public:
  // The file is made in `folder`, which may be used as long as this object.
  explicit HeldAnswer(const std::string& folder) : folder_(folder) {}

  // Throws std::system_error: no file can be made, or the disk is full. Then the object may only be
  // destroyed.
  void Write(std::string_view bytes) override;

  [[nodiscard]] std::uint64_t Size() const { return memory_.size() + (file_ ? file_->size() : 0); }

  // Writes to `out` what is held. Throws std::system_error.
  void WriteTo(io::ByteSink& out) const;

 private:
  const std::string folder_;
  std::string memory_;
  io::UniqueFd folder_fd_;
  std::optional<io::UnnamedFile> file_;  // what came before memory_
};

}  // namespace hashpost::fcgi
