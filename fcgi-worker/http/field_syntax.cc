// Common rules for field values (RFC 9110 §5.6).

#include "fcgi-worker/http/field_syntax.h"

#include <algorithm>
#include <array>
#include <utility>

namespace hashpost::http {
namespace {

constexpr std::array<bool, 256> MakeTokenTable() {
  std::array<bool, 256> table{};
  for (const unsigned char byte : std::string_view("!#$%&'*+-.^_`|~"
                                                   "0123456789"
                                                   "abcdefghijklmnopqrstuvwxyz"
                                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    table[byte] = true;
  }
  return table;
}

constexpr std::array<bool, 256> kTokenChars = MakeTokenTable();

char LowerOf(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
}

// What may stand between quotes, escaped or not: all but the control characters other than tab.
bool IsQuotable(char byte) {
  const auto value = static_cast<unsigned char>(byte);
  return byte == '\t' || (value >= 0x20 && value != 0x7F);
}

}  // namespace

bool IsTokenChar(char byte) {
  return kTokenChars[static_cast<unsigned char>(byte)];
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  for (char& byte : lower) byte = LowerOf(byte);
  return lower;
}

bool EqualsIgnoringCase(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return LowerOf(a) == LowerOf(b); });
}

bool FieldReader::Take(std::string_view expected) {
  if (!rest_.starts_with(expected)) return false;
  rest_.remove_prefix(expected.size());
  return true;
}

void FieldReader::SkipWhiteSpace() {
  TakeWhile([](char byte) { return byte == ' ' || byte == '\t'; });
}

std::optional<std::string> FieldReader::TakeQuotedString() {
  FieldReader ahead = *this;  // nothing is taken unless the whole is one
  std::string text;
  if (!ahead.Take("\"")) return std::nullopt;
  while (!ahead.Take("\"")) {
    ahead.Take("\\");
    if (ahead.AtEnd() || !IsQuotable(ahead.Peek())) return std::nullopt;
    text += ahead.Peek();
    ahead.rest_.remove_prefix(1);
  }
  *this = ahead;
  return text;
}

ParameterStep FieldReader::TakeParameter(FieldParameter& parameter, bool (*belongs)(char)) {
  do {
    SkipWhiteSpace();
    if (!Take(";")) return ParameterStep::kEnd;
    SkipWhiteSpace();
    parameter.name = TakeToken();
  } while (parameter.name.empty());
  if (!Take("=")) return ParameterStep::kFault;
  if (Peek() == '"') {
    std::optional<std::string> value = TakeQuotedString();
    if (!value) return ParameterStep::kFault;
    parameter.value = *std::move(value);
  } else {
    parameter.value = TakeWhile(belongs != nullptr ? belongs : IsTokenChar);
    if (parameter.value.empty() && belongs == nullptr) return ParameterStep::kFault;
  }
  return ParameterStep::kTaken;
}

bool FieldReader::SkipElement() {
  while (!AtEnd()) {
    TakeWhile([](char byte) { return byte != ',' && byte != '"'; });
    if (Take(",")) return true;
    // A quote that is never closed hides no commas.
    if (!TakeQuotedString()) Take("\"");
  }
  return false;
}

}  // namespace hashpost::http
