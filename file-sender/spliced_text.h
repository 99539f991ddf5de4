// SplicedText: a text read as if some of its stretches had been replaced by later ones, or left out.
// Memory: 24 bytes for each replacement that stands inside another. One thread; lives no longer than the text
// and the splices.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/io/byte_stream.h"
#include "lib/io/file_reader.h"

namespace hashpost::sender {

// Instead of the bytes from `at` (inclusive) to `resume` (exclusive) come those from `insert_begin` to
// `insert_end`, with the splices that lie inside these; all are positions in the text.
struct Splice {
  std::uint64_t at;
  std::uint64_t resume;                                       // > at
  std::uint64_t insert_begin = 0, insert_end = insert_begin;  // equal: none; else insert_begin >= resume
};

class SplicedText : public io::ByteSource {
 public:
  // `splices`: sorted by `at`, each once. Those inside a stretch that is not read have no effect.
  SplicedText(io::RandomAccess& text, std::span<const Splice> splices) : text_(text), splices_(splices) {}

  // Throws what `text` throws.
  [[nodiscard]] std::size_t Read(std::span<char> buffer) override;

 private:
  struct Stretch {
    std::uint64_t next;  // position
    std::uint64_t end;
  };

  void GoTo(std::uint64_t position);

  io::RandomAccess& text_;
  const std::span<const Splice> splices_;
  Stretch now_{0, UINT64_MAX};
  std::vector<Stretch> outer_;   // where it goes on after the insertion that is read now
  std::size_t next_splice_ = 0;  // the first that does not lie before now_.next
};

}  // namespace hashpost::sender
