#include "lib/fernet/reader.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "lib/base64/base64.h"
#include "lib/fernet/layout.h"
#include "lib/fernet/open.h"

namespace hashpost::fernet {
namespace {

// A last group with its padding, and the line break that may follow a token: never decoded before the end is
// known.
constexpr std::size_t kHeldText = 6;
// Much for each call, yet all of it stays in a processor's cache; ready is a whole number of groups.
constexpr std::size_t kReadyText = std::size_t{128} * 1024;
constexpr std::size_t kTextBytes = kReadyText + 8;
static_assert(kTextBytes - kHeldText >= kReadyText && kReadyText % 4 == 0);

constexpr std::size_t kHeldRaw = kCodeBytes + 2 * kBlockBytes;
constexpr std::size_t kRawBytes = kHeldRaw + kTextBytes / 4 * 3;

[[noreturn]] void ThrowNotBase64() {
  throw TokenError(
      TokenFault::kNotBase64,
      "The token is not base64url with its padding (RFC 4648, section 5): it was cut or changed on the "
      "way, or is no Fernet token.");
}

std::string_view WithoutLineBreak(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(text.ends_with("\r\n") ? 2 : 1);
  return text;
}

}  // namespace

TokenReader::TokenReader() : text_(new char[kTextBytes]), raw_(new char[kRawBytes]) {}

std::span<char> TokenReader::Room() {
  return {text_.get() + text_size_, kTextBytes - text_size_};
}

bool TokenReader::Full() const {
  return text_size_ == kTextBytes;
}

std::string_view TokenReader::Take() {
  char* const decoded = MoveKept();
  if (!base64::DecodeGroups({text_.get(), kReadyText}, base64::Alphabet::kUrlSafe, decoded)) ThrowNotBase64();
  text_size_ -= kReadyText;
  std::memmove(text_.get(), text_.get() + kReadyText, text_size_);
  return Return(kReadyText / 4 * 3, kHeldRaw);
}

std::string_view TokenReader::TakeLast() {
  const std::string_view text = WithoutLineBreak({text_.get(), text_size_});
  if (text.empty() && raw_bytes_ == 0) {
    throw TokenError(TokenFault::kEmpty, "The token is empty: there is nothing to open.");
  }
  const std::optional<std::string> bytes = base64::Decode(text, base64::Alphabet::kUrlSafe);
  if (!bytes) ThrowNotBase64();
  std::copy(bytes->begin(), bytes->end(), MoveKept());
  const std::string_view rest = Return(bytes->size(), kCodeBytes);
  if (raw_bytes_ < kSmallestBytes) {
    throw TokenError(TokenFault::kTooShort, "The token has " + std::to_string(raw_bytes_) +
                                                " bytes, and the shortest that there is has " +
                                                std::to_string(kSmallestBytes) + ": it was cut.");
  }
  if ((raw_bytes_ - kSmallestBytes) % kBlockBytes != 0) {
    throw TokenError(
        TokenFault::kCut,
        "What the token seals is not a whole number of blocks: it was cut, or is no Fernet token.");
  }
  return rest;
}

char* TokenReader::MoveKept() {
  std::memmove(raw_.get(), raw_.get() + kept_at_, kept_size_);
  return raw_.get() + kept_size_;
}

// Returns what was kept before and `decoded` bytes behind it, but for the last `keep`.
std::string_view TokenReader::Return(std::size_t decoded, std::size_t keep) {
  const std::size_t total = kept_size_ + decoded;
  kept_size_ = std::min(total, keep);
  kept_at_ = total - kept_size_;
  raw_bytes_ += decoded;
  return {raw_.get(), kept_at_};
}

}  // namespace hashpost::fernet
