// Sealer: plaintext goes in, piece by piece, and the token (layout.h) comes out as it grows, for any size in
// about 330 KiB of memory. The size of the token is known beforehand: TokenBytes. An object makes one token
// and belongs to one thread at a time.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "lib/crypto/aes_cbc.h"
#include "lib/crypto/hmac_sha256.h"
#include "lib/fernet/key.h"
#include "lib/fernet/layout.h"
#include "lib/io/byte_stream.h"

namespace hashpost::fernet {

// What makes two tokens of the same plaintext and key differ. An IV must be unpredictable and used once: only
// tests choose one.
struct Stamp {
  std::uint64_t time = 0;  // seconds since the epoch
  std::array<char, kIvBytes> iv{};

  // The system's clock, and an IV from OpenSSL's random generator (std::runtime_error if it has no entropy).
  [[nodiscard]] static Stamp Now();
};

class Sealer final : public io::ByteSink {
 public:
  // Writes base64url to `token`, in pieces of 128 KiB but for the last; nothing before the first Write.
  // `token` lives until Finish; `key` is copied.
  Sealer(const Key& key, io::ByteSink& token, const Stamp& stamp = Stamp::Now());

  // Takes the next piece of plaintext. Throws what the sink throws; then this object and its token are to be
  // thrown away.
  void Write(std::string_view plaintext) override;

  // Writes the end of the token, no line break behind it. Returns how many bytes the whole token has. Nothing
  // may be written afterwards. Throws as Write.
  std::uint64_t Finish();

 private:
  void Encrypt(std::string_view plaintext);
  void Emit();

  crypto::AesCbc cipher_;
  crypto::HmacSha256 hmac_;
  io::ByteSink& token_;
  std::uint64_t token_bytes_ = 0;
  // Plaintext gathered from small pieces; bytes of the token that are not written yet; their digits.
  std::unique_ptr<char[]> plain_;
  std::size_t plain_size_ = 0;
  std::unique_ptr<char[]> raw_;
  std::size_t raw_size_ = 0;
  std::unique_ptr<char[]> text_;
};

}  // namespace hashpost::fernet
