// SHA-256 (FIPS 180-4) by OpenSSL, and the digest as a value type: 32 bytes that came from hashing or from
// exactly 64 hexadecimal digits, never a string that might be something else.
// Sha256Digest is a plain value. A Sha256 object belongs to one thread at a time.

#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/crypto/context.h"

namespace hashpost::crypto {

class Sha256Digest {
 public:
  static constexpr std::size_t kSize = 32;

  Sha256Digest() = default;  // all zero
  explicit Sha256Digest(const std::array<std::uint8_t, kSize>& bytes) : bytes_(bytes) {}

  // The digest that `hex` spells: exactly 64 digits in either case; anything else is nullopt.
  [[nodiscard]] static std::optional<Sha256Digest> FromHex(std::string_view hex);

  // 64 lower-case digits.
  [[nodiscard]] std::string Hex() const;

  // The 32 raw bytes; the view is valid as long as this object.
  [[nodiscard]] std::string_view Bytes() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

  friend auto operator<=>(const Sha256Digest&, const Sha256Digest&) = default;

 private:
  std::array<std::uint8_t, kSize> bytes_{};
};

// Hashes a stream piece by piece. Throws std::runtime_error if OpenSSL refuses (it does not in practice).
class Sha256 {
 public:
  Sha256();

  void Update(std::string_view bytes);

  // The digest of all that was given; the object starts afresh afterwards.
  [[nodiscard]] Sha256Digest Finish();

 private:
  friend Sha256Digest HashSha256(std::string_view bytes);
  void Start();
  Context<evp_md_ctx_st> context_;
};

// The digest of `bytes` in one call; reuses one context per thread.
[[nodiscard]] Sha256Digest HashSha256(std::string_view bytes);

}  // namespace hashpost::crypto
