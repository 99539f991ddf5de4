// Reads JSON texts and tells the outcomes in words, for tables of cases. For tests of lib/json.

#pragma once

#include <cppunit/TestAssert.h>

#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "lib/json/json.h"
#include "tests/unit/lib/json/memory_streams.h"

namespace hashpost::json {

using Outcome = std::variant<std::string, ParseFault>;

inline constexpr Limits kLimits{.max_value_bytes = 1000, .max_depth = 64};

// Texts may hold NULs; a literal's array knows its length.
template <std::size_t N>
std::string Text(const char (&literal)[N]) {
  return std::string(literal, N - 1);
}

inline Outcome Read(std::string_view text, const Limits& limits = kLimits, std::size_t piece = SIZE_MAX) {
  io::MemorySource source(text, piece);
  return ReadStringMember(source, "message", limits);
}

inline std::string Show(const Outcome& outcome) {
  if (const auto* value = std::get_if<std::string>(&outcome)) return "value: " + *value;
  const auto& fault = std::get<ParseFault>(outcome);
  static const std::map<Fault, std::string> names = {
      {Fault::kMalformed, "malformed"}, {Fault::kNotUtf8, "not UTF-8"},      {Fault::kTooDeep, "too deep"},
      {Fault::kMissing, "missing"},     {Fault::kNotAnObject, "no object"},  {Fault::kDuplicate, "duplicate"},
      {Fault::kTooLong, "too long"},    {Fault::kNotAString, "not a string"}};
  return names.at(fault.fault);
}

// Each text is read whole and in pieces of one byte: where the pieces end must not matter.
inline void Check(const std::vector<std::pair<std::string, std::string>>& expected_by_text) {
  for (const auto& [text, expected] : expected_by_text) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(text, expected, Show(Read(text)));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(text + " in pieces", expected, Show(Read(text, kLimits, 1)));
  }
}

inline void CheckAll(const std::vector<std::string>& texts, const std::string& expected) {
  std::vector<std::pair<std::string, std::string>> cases;
  for (const std::string& text : texts) cases.emplace_back(text, expected);
  Check(cases);
}

}  // namespace hashpost::json
