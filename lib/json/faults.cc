#include "lib/json/faults.h"

#include <string>

namespace hashpost::json {
namespace {

// What a reader's error code says, as the end of "The text is not valid JSON: …".
std::string_view Describe(rapidjson::ParseErrorCode code) {
  switch (code) {
    case rapidjson::kParseErrorDocumentEmpty:
      return "it is empty";
    case rapidjson::kParseErrorDocumentRootNotSingular:
      return "something follows the value";
    case rapidjson::kParseErrorObjectMissName:
      return "an object's member needs a name in double quotes";
    case rapidjson::kParseErrorObjectMissColon:
      return "a colon is missing after a member's name";
    case rapidjson::kParseErrorObjectMissCommaOrCurlyBracket:
      return "a comma or } is missing after an object's member";
    case rapidjson::kParseErrorArrayMissCommaOrSquareBracket:
      return "a comma or ] is missing after an array's element";
    case rapidjson::kParseErrorStringUnicodeEscapeInvalidHex:
      return "\\u needs four hexadecimal digits";
    case rapidjson::kParseErrorStringEscapeInvalid:
      return "a string has an unknown escape or a control character that is not escaped";
    case rapidjson::kParseErrorStringMissQuotationMark:
      return "a string has no closing quotation mark, or a NUL that is not escaped";
    case rapidjson::kParseErrorNumberMissFraction:
    case rapidjson::kParseErrorNumberMissExponent:
      return "a number lacks digits after its point or exponent";
    default:
      return "a value is expected";
  }
}

}  // namespace

ParseFault NotUtf8(std::string_view where, std::size_t offset) {
  return {Fault::kNotUtf8,
          "A string is not Unicode text (invalid UTF-8, or an escape for half a surrogate pair), " +
              std::string(where) + " byte " + std::to_string(offset) + "; send valid UTF-8.",
          offset};
}

ParseFault TooDeep(int max_depth, std::size_t offset) {
  return {Fault::kTooDeep,
          "The JSON is nested more than " + std::to_string(max_depth) + " levels deep (before byte " +
              std::to_string(offset) + "); send it flatter.",
          offset};
}

std::optional<ParseFault> FaultOfText(const rapidjson::ParseResult& result, const InputStream& stream,
                                      bool starts_with_bom, std::string_view wanted) {
  const auto malformed = [wanted](std::string_view what, std::size_t offset) {
    return ParseFault{Fault::kMalformed,
                      "The text is not valid JSON: " + std::string(what) + ", at byte " +
                          std::to_string(offset) + "; send one JSON " + std::string(wanted) + " in UTF-8.",
                      offset};
  };
  // The reader takes a NUL for the end; whatever follows one was not read.
  const bool stopped_at_nul = !stream.AtEnd() && stream.Peek() == '\0';
  if (stopped_at_nul) return malformed("a NUL stands in it", stream.Tell());
  if (!result.IsError()) return std::nullopt;
  switch (result.Code()) {
    case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
      return NotUtf8("at", result.Offset());
    case rapidjson::kParseErrorDocumentEmpty:
      return malformed(Describe(result.Code()), result.Offset());
    case rapidjson::kParseErrorDocumentRootNotSingular: {
      ParseFault fault = malformed(Describe(result.Code()), result.Offset());
      fault.has_second_value = true;
      return fault;
    }
    default:
      if (starts_with_bom) return malformed("it starts with a byte order mark", 0);
      if (stream.AtEnd()) return malformed("it ends too early", result.Offset());
      return malformed(Describe(result.Code()), result.Offset());
  }
}

}  // namespace hashpost::json
