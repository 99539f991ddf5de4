// multipart/form-data (RFC 7578, RFC 2046 §5.1) with exactly one part, as a stream: the way in which files
// are uploaded. Memory: 64 KiB, whatever the size of the part. One thread uses one object.

#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "lib/io/byte_stream.h"

namespace hashpost::drop {

// The boundary that a Content-Type value names: 1 to 70 of the characters of RFC 2046. Throws
// http::HttpError: 415 for another media type, 400 for a boundary that is missing, given twice or none.
[[nodiscard]] std::string FormBoundary(std::string_view content_type);

// The content of the only part of a form.
class FormFile final : public io::ByteSource {
 public:
  static constexpr std::size_t kMaxHeadBytes =
      8192;  // of a part's header fields; of what stands around the parts

  // Reads `body` up to the content of the part, whose name must be `name`. `body` must outlive this. Throws
  // http::HttpError (400, slug bad-form) and what `body` throws.
  FormFile(io::ByteSource& body, std::string_view boundary, std::string_view name);

  // 0: the part has ended, the closing boundary came, and `body` was read to its end. Throws as the
  // constructor does; so what was read is the whole part only once 0 was returned.
  [[nodiscard]] std::size_t Read(std::span<char> buffer) override;

 private:
  static constexpr std::size_t kBehindDelimiter = 8;  // two hyphens, line breaks
  static constexpr std::size_t kBufferBytes = std::size_t{64} * 1024;

  [[nodiscard]] bool Fill();
  [[nodiscard]] std::size_t ContentAhead();
  [[noreturn]] void RefuseEnd() const;
  [[nodiscard]] char Next();
  void SkipPreamble();
  [[nodiscard]] bool TakeDelimiter();
  [[nodiscard]] std::string TakeLine(std::size_t& allowance);
  void TakeHead(std::string_view name);
  void TakeEpilogue();

  io::ByteSource& body_;
  const std::string delimiter_;  // with the line break before it, which belongs to it
  std::unique_ptr<std::array<char, kBufferBytes>> buffer_;
  std::size_t begin_ = 0;  // of what was read from the body and not handed out
  std::size_t end_ = 0;
  std::size_t content_ = 0;  // so much of it is known to be content
  std::string tail_;         // the last bytes of what was content so far
  bool ended_ = false;
};

}  // namespace hashpost::drop
