// TokenReader: the text of a token becomes its bytes, piece by piece, in about 230 KiB of memory. It checks
// base64url and lengths, and tells what is signed from the code behind it; it knows no key and no field.
// Only for lib/crypto. One thread.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace hashpost::fernet {

class TokenReader {
 public:
  TokenReader();

  // Where the next text goes; 1 byte or more unless the reader is full.
  [[nodiscard]] std::span<char> Room();
  // That many bytes were put there.
  void Filled(std::size_t bytes) { text_size_ += bytes; }
  [[nodiscard]] bool Full() const;

  // When full: decodes, makes room, and returns the next signed bytes (more than a header); holds some back
  // for TakeLast. Valid until the next call. Throws TokenError kNotBase64.
  [[nodiscard]] std::string_view Take();

  // When all text was put: the rest of the signed bytes, the last two blocks or more (of the smallest token:
  // its header and its block). Valid as long as this object. Throws TokenError kEmpty, kNotBase64, kTooShort
  // or kCut.
  [[nodiscard]] std::string_view TakeLast();

  // After TakeLast: the code, and how many bytes were decoded, the code included. Valid as long as this
  // object.
  [[nodiscard]] std::string_view Code() const { return {raw_.get() + kept_at_, kept_size_}; }
  [[nodiscard]] std::uint64_t Bytes() const { return raw_bytes_; }

 private:
  char* MoveKept();
  std::string_view Return(std::size_t decoded, std::size_t keep);

  std::unique_ptr<char[]> text_;
  std::size_t text_size_ = 0;
  // Decoded: signed bytes that were returned, and behind them those that are kept.
  std::unique_ptr<char[]> raw_;
  std::size_t kept_at_ = 0;
  std::size_t kept_size_ = 0;
  std::uint64_t raw_bytes_ = 0;
};

}  // namespace hashpost::fernet
