// HMAC-SHA256 (RFC 2104, FIPS 198-1) by OpenSSL, piece by piece. A HmacSha256 belongs to one thread at a
// time.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "lib/crypto/context.h"

namespace hashpost::crypto {

class HmacSha256 {
 public:
  using Code = std::array<char, 32>;

  // The key, of any length from 1 byte, is copied; OpenSSL wipes its copy when the object ends.
  // Throws std::runtime_error if OpenSSL refuses (it does not in practice), as do the others.
  explicit HmacSha256(std::string_view key);

  void Update(std::string_view bytes);

  // The code of all that was given. Nothing may be given afterwards.
  [[nodiscard]] Code Finish();

 private:
  Context<evp_mac_ctx_st> context_;
};

// Whether the two are the same bytes, in a time that depends on their length only.
[[nodiscard]] bool EqualInConstantTime(std::string_view a, std::string_view b);

}  // namespace hashpost::crypto
