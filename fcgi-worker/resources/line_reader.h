// LineReader: splits a request's content into its lines (https://github.com/ndjson/ndjson-spec) while it
// comes, with one buffer however long a line is. "\n" ends a line, and so does the end of content that came
// whole. (A "\r" before it is white space to JSON.) One thread.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/http/request.h"
#include "lib/io/byte_stream.h"
#include "lib/memory/budget.h"

namespace hashpost::resources {

// From the line that is told this on, no line of the upload is taken.
class UploadEnds : public http::HttpError {
 public:
  using http::HttpError::HttpError;
};

struct LineLimits {
  std::size_t max_message_bytes;    // which bounds a line, too (message_json.h)
  std::uint64_t max_content_bytes;  // 0: any number
};

class LineReader {
 public:
  // `on_pause` is called, within Next and the reading of a line, before a wait for a client that has sent
  // nothing for a moment. Both references must outlive the object.
  LineReader(http::BodyReader& body, memory::Budget& budget, const LineLimits& limits,
             std::function<void()> on_pause);

  // Goes to the next line, whatever was read of the present one. False: all has been read.
  // Throws http::BodyIncomplete, and UploadEnds if the content is longer than LineLimits::max_content_bytes.
  [[nodiscard]] bool Next();

  // Reads and forgets what is left of the content: so much of it, for so long. (Many clients see no end of a
  // response before they have sent everything.)
  void PassOver(const http::PassOverLimits& limits) noexcept { http::PassOver(body_, limits); }

  // The present line without its end; valid until Next. Its Read also throws HttpError: 413 for a line that
  // is too long, 503 if there is not enough memory for a long one now.
  [[nodiscard]] io::ByteSource& line() { return line_; }

  // What was taken of the budget for the present line, if it is long.
  [[nodiscard]] memory::Budget::Share TakeShare() { return std::move(share_); }

  // Of the present line, from 1.
  [[nodiscard]] std::uint64_t number() const { return number_; }

 private:
  class LineSource : public io::ByteSource {
   public:
    explicit LineSource(LineReader& reader) : reader_(reader) {}
    [[nodiscard]] std::size_t Read(std::span<char> buffer) override;

   private:
    LineReader& reader_;
  };
  [[nodiscard]] std::size_t Take(std::size_t most, const char*& piece);
  [[nodiscard]] bool Refill();
  void Admit();

  http::BodyReader& body_;
  memory::Budget& budget_;
  const LineLimits limits_;
  const std::function<void()> on_pause_;
  std::vector<char> buffer_;
  std::size_t at_ = 0;   // what is before it was handed out
  std::size_t end_ = 0;  // of what was read
  std::uint64_t left_;   // of max_content_bytes
  bool past_limit_ = false;
  bool ended_ = false;
  bool in_line_ = false;
  std::uint64_t number_ = 0;
  std::size_t line_bytes_ = 0;  // taken of the present line
  std::size_t admitted_ = 0;    // bytes of it that share_ is for
  memory::Budget::Share share_;
  LineSource line_{*this};
};

}  // namespace hashpost::resources
