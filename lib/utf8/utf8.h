// UTF-8 (RFC 3629): whether text is valid, and what of it can be shown to people. Thread-safe: no state.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hashpost::utf8 {

// Whether `text` is UTF-8 as RFC 3629 defines it: no overlong form, no surrogate, nothing above U+10FFFF.
[[nodiscard]] bool IsValid(std::string_view text);

// Whether `utf8` (valid UTF-8) has a character in it that a terminal or an editor obeys instead of showing
// it: control characters, and those of no width or that turn the direction of writing; but for U+200C and
// U+200D, which words of some languages need.
[[nodiscard]] bool HasHiddenCharacter(std::string_view utf8);

// `text` with U+FFFD for each run of bytes that is not UTF-8 or of characters that a terminal obeys instead
// of showing them (control characters, and those of no width or that turn the direction of writing), cut to
// at most `max_bytes` at a character border: safe to quote in an error and in a log.
[[nodiscard]] std::string Printable(std::string_view text, std::size_t max_bytes);

}  // namespace hashpost::utf8
