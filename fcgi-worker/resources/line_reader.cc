#include "fcgi-worker/resources/line_reader.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/resources/message_json.h"

namespace hashpost::resources {
namespace {

constexpr std::size_t kBufferBytes = 64U << 10U;
// A client that sends all the time leaves no gap as long as this.
constexpr std::chrono::milliseconds kPause{5};

[[noreturn]] void EndTooLarge(std::uint64_t max_content_bytes) {
  throw UploadEnds({413, "too-large", "Upload too large",
                    "An upload may have at most " + std::to_string(max_content_bytes) +
                        " bytes, so nothing from this line on was taken: send the rest in further uploads."});
}

}  // namespace

LineReader::LineReader(http::BodyReader& body, memory::Budget& budget, const LineLimits& limits,
                       std::function<void()> on_pause)
    : body_(body),
      budget_(budget),
      limits_(limits),
      on_pause_(std::move(on_pause)),
      buffer_(kBufferBytes),
      left_(limits.max_content_bytes > 0 ? limits.max_content_bytes
                                         : std::numeric_limits<std::uint64_t>::max()) {}

// False: the content has ended.
bool LineReader::Refill() {
  if (ended_) return false;  // what lies behind the content is nobody's here
  if (past_limit_) EndTooLarge(limits_.max_content_bytes);
  if (!body_.Ready(kPause)) on_pause_();
  const std::size_t got = body_.Read(buffer_);
  at_ = 0;
  end_ = static_cast<std::size_t>(std::min<std::uint64_t>(got, left_));
  past_limit_ = got > left_;
  left_ -= end_;
  if (past_limit_ && end_ == 0) EndTooLarge(limits_.max_content_bytes);
  ended_ = got == 0;
  return !ended_;
}

// The next piece of the line, of `most` bytes at most; 0 at its end.
std::size_t LineReader::Take(std::size_t most, const char*& piece) {
  if (!in_line_) return 0;
  if (at_ == end_ && !Refill()) {
    in_line_ = false;
    return 0;
  }
  piece = buffer_.data() + at_;
  const std::size_t size = std::min(most, end_ - at_);
  const void* const newline = std::memchr(piece, '\n', size);
  if (newline == nullptr) {
    at_ += size;
    return size;
  }
  in_line_ = false;
  const auto before = static_cast<std::size_t>(static_cast<const char*>(newline) - piece);
  at_ += before + 1;
  return before;
}

bool LineReader::Next() {
  const char* skipped = nullptr;
  while (Take(kBufferBytes, skipped) > 0) {
  }
  share_ = {};
  line_bytes_ = 0;
  admitted_ = memory::Budget::kFree;
  ++number_;
  if (at_ == end_ && !Refill()) return false;
  in_line_ = true;
  return true;
}

// A long line needs memory to be parsed. How long it will be is not known, so its share grows with it.
void LineReader::Admit() {
  const std::size_t longest = MaxJsonBytes(limits_.max_message_bytes);
  if (line_bytes_ > longest) throw http::HttpError(MessageTooLarge(limits_.max_message_bytes));
  admitted_ = std::min(2 * line_bytes_, longest);
  share_ = {};
  auto share = budget_.Take(JsonCost(admitted_, limits_.max_message_bytes));
  if (!share) throw http::HttpError(http::Busy());
  share_ = std::move(*share);
}

std::size_t LineReader::LineSource::Read(std::span<char> buffer) {
  const char* piece = nullptr;
  const std::size_t size = reader_.Take(buffer.size(), piece);
  if (size == 0) return 0;
  reader_.line_bytes_ += size;
  if (reader_.line_bytes_ > reader_.admitted_) reader_.Admit();
  std::memcpy(buffer.data(), piece, size);
  return size;
}

}  // namespace hashpost::resources
