#include "file-sender/python_number.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace hashpost::sender {
namespace {

// `json` is a float, and no name.
double ToDouble(std::string_view json, std::string& scratch) {
  double value = 0;
  const auto result = std::from_chars(json.data(), json.data() + json.size(), value);
  if (result.ec == std::errc()) return value;
  // from_chars does not say whether it is too big or too small.
  scratch = json;
  return std::strtod(scratch.c_str(), nullptr);
}

// The decimal exponent at the end of what to_chars writes in scientific format: d.ddde+XX.
int Exponent(std::string_view scientific) {
  std::string_view digits = scientific.substr(scientific.rfind('e') + 1);
  const bool negative = digits.front() == '-';
  digits.remove_prefix(1);
  int exponent = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  return negative ? -exponent : exponent;
}

void AppendRepr(std::string& out, double value) {
  std::array<char, 64> buffer;
  const auto write = [&buffer, value](std::chars_format format) {
    const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format);
    return std::string_view(buffer.data(), static_cast<std::size_t>(result.ptr - buffer.data()));
  };
  const std::string_view scientific = write(std::chars_format::scientific);
  const int exponent = Exponent(scientific);
  if (exponent < -4 || exponent >= 16) {
    out += scientific;
    return;
  }
  const std::string_view fixed = write(std::chars_format::fixed);
  out += fixed;
  if (fixed.find('.') == std::string_view::npos) out += ".0";
}

}  // namespace

bool IsPythonFloat(std::string_view json) {
  // (All but integers have one of these.)
  return json.find_first_of(".eEIN") != std::string_view::npos;
}

std::string_view PythonNumber(std::string_view json, std::string& scratch) {
  if (!IsPythonFloat(json)) return json == "-0" ? "0" : json;
  if (json == "NaN") return "nan";
  if (json == "Infinity") return "inf";
  if (json == "-Infinity") return "-inf";
  const double value = ToDouble(json, scratch);
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  scratch.clear();
  AppendRepr(scratch, value);
  return scratch;
}

}  // namespace hashpost::sender
