// The layout of a Fernet token (the public Fernet specification):
//   base64url, with padding, of
//   0x80 ‖ seconds since the epoch (8 bytes, big-endian) ‖ IV (16) ‖ AES-128-CBC with PKCS #7 ‖ HMAC-SHA256
//   (32)
// The HMAC is over all that stands before it.

#pragma once

#include <cstddef>
#include <cstdint>

namespace hashpost::fernet {

inline constexpr char kVersionByte = '\x80';
inline constexpr std::size_t kTimeAt = 1;
inline constexpr std::size_t kTimeBytes = 8;
inline constexpr std::size_t kIvAt = kTimeAt + kTimeBytes;
inline constexpr std::size_t kIvBytes = 16;
inline constexpr std::size_t kHeaderBytes = kIvAt + kIvBytes;
inline constexpr std::size_t kBlockBytes = 16;
inline constexpr std::size_t kCodeBytes = 32;
inline constexpr std::size_t kSmallestBytes = kHeaderBytes + kBlockBytes + kCodeBytes;

// How many bytes the token of `plaintext_bytes` (up to 2^60) has as text: 100 for nothing, about 4/3 of much.
constexpr std::uint64_t TokenBytes(std::uint64_t plaintext_bytes) {
  const std::uint64_t blocks = plaintext_bytes / kBlockBytes + 1;
  return (kHeaderBytes + blocks * kBlockBytes + kCodeBytes + 2) / 3 * 4;
}

}  // namespace hashpost::fernet
