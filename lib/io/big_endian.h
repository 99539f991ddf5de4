// Numbers of 8 bytes, big-endian, as files and tokens have them.

#pragma once

#include <endian.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace hashpost::io {

// The number at the front of `bytes` (8 or more).
[[nodiscard]] inline std::uint64_t FromBigEndian(std::string_view bytes) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  return be64toh(number);
}

[[nodiscard]] inline std::array<char, 8> ToBigEndian(std::uint64_t number) {
  return std::bit_cast<std::array<char, 8>>(htobe64(number));
}

}  // namespace hashpost::io
