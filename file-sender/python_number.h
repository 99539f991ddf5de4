// PythonNumber: a number of JSON as Python 3 prints it after json.loads, which is how the XML form has it.
// Thread-safe.

#pragma once

#include <string>
#include <string_view>

namespace hashpost::sender {

// `json`: as RFC 8259 §6 has it, or NaN, Infinity, -Infinity. True if Python makes a float of it, not an int.
[[nodiscard]] bool IsPythonFloat(std::string_view json);

// Returns a view of `json` or of `scratch`, valid as long as both are unchanged.
// ints: as written, of any length; but 0 for -0.
// floats: the fewest digits that name the same IEEE 754 double, with an exponent from 1e+16 on and below
// 1e-04 (repr); inf, -inf for what is too big for a double, and nan.
[[nodiscard]] std::string_view PythonNumber(std::string_view json, std::string& scratch);

}  // namespace hashpost::sender
