// AES-128 in CBC mode (NIST SP 800-38A) with PKCS #7 padding (RFC 5652 §6.3) by OpenSSL, piece by piece.
// Secret only: whoever uses it authenticates what was encrypted (HMAC) before decrypting it.
// An object belongs to one thread at a time.

#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "lib/crypto/context.h"

namespace hashpost::crypto {

class AesCbc {
 public:
  static constexpr std::size_t kKeySize = 16;
  static constexpr std::size_t kBlockSize = 16;
  // What one Update takes at most.
  static constexpr std::size_t kMaxPiece = std::size_t{1} << 30;

  // `key` and `iv` have 16 bytes each and are copied; OpenSSL wipes its copies when the object ends.
  // Throws std::runtime_error if OpenSSL refuses (it does not in practice), as do the others.
  [[nodiscard]] static AesCbc Encryptor(std::string_view key, std::string_view iv);
  [[nodiscard]] static AesCbc Decryptor(std::string_view key, std::string_view iv);

  // Writes what is ready of `bytes` (up to kMaxPiece) and of what was given before to `out`, which has room
  // for bytes.size() + kBlockSize and does not overlap; returns how many bytes.
  [[nodiscard]] std::size_t Update(std::string_view bytes, char* out);

  // Writes the last of it, 0 to kBlockSize bytes, and returns how many; nullopt if what was decrypted is not
  // a whole number of blocks or not padded as it should be. Nothing may follow.
  [[nodiscard]] std::optional<std::size_t> Finish(char* out);

 private:
  AesCbc(std::string_view key, std::string_view iv, bool encrypt);
  Context<evp_cipher_ctx_st> context_;
};

}  // namespace hashpost::crypto
