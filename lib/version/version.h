// The version of all programs, and of packages: the Makefile reads it here.
#pragma once

#include <string_view>

namespace hashpost {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace hashpost
