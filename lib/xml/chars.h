// What XML 1.0 (fourth edition) can hold, by libxml2's tables. The fourth edition's names are the ones that
// every parser knows: expat, and with it Python, never took up the wider ones of the fifth.
// All texts are valid UTF-8. Thread-safe.

#pragma once

#include <cstddef>
#include <string_view>

namespace hashpost::xml {

// Whether `text` is a name without colon (Namespaces in XML 1.0, NCName), so one for an element or attribute.
[[nodiscard]] bool IsName(std::string_view text);

// Whether `text` has nothing but digits (production Digit, of any script), and at least one.
[[nodiscard]] bool IsDigits(std::string_view text);

// Where the first character of `text` is that XML cannot hold, not even as &#…; (production Char: control
// characters but tab, line feed and carriage return; U+FFFE; U+FFFF), or a byte 0xFF, which UTF-8 does not
// have; its size if there is none.
[[nodiscard]] std::size_t FindNonXml(std::string_view text);

}  // namespace hashpost::xml
