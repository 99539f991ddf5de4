// What all harnesses share: the input as text, and a check that libFuzzer reports.

#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace hashpost {

inline void Require(bool holds) {
  if (!holds) std::abort();
}

inline std::string_view Text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace hashpost
