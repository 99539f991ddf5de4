// Strict JSON (RFC 8259) read by RapidJSON's SAX reader, iterative, with what the reader lets through refused
// here.

#include "lib/json/json.h"

#include <cstdlib>
#include <new>
#include <optional>
#include <utility>

#include "lib/json/input_stream.h"
#include "lib/json/rapidjson.h"

namespace hashpost::json {
namespace {

// RapidJSON's allocator concept; its own CrtAllocator hands out null pointers when memory is short.
struct ThrowingAllocator {
  void* Malloc(std::size_t size) { return Realloc(nullptr, 0, size); }

  void* Realloc(void* old, std::size_t, std::size_t size) {
    if (size == 0) {
      Free(old);
      return nullptr;
    }
    void* const memory = std::realloc(old, size);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }

  static void Free(void* memory) { std::free(memory); }
};

using Reader = rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>, ThrowingAllocator>;

// Iterative: depth costs no call stack. Numbers as strings: no number is ever computed, which RapidJSON 1.1.0
// does at the price of a crash for some. Not kParseValidateEncodingFlag: it halves the speed, and
// MemberPicker has to look at the decoded strings anyway.
constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;

// Takes the reader's events, keeps the one wanted value, and ends the reading (by false) at the first fault.
// Strings come decoded but unchecked: raw bytes as they were sent, and half a surrogate pair (\udc00) as the
// three bytes that UTF-8 forbids. No raw byte can join an escape's bytes to something valid, so IsUtf8 finds
// all of it.
class MemberPicker : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, MemberPicker> {
 public:
  MemberPicker(std::string_view name, const Limits& limits) : name_(name), limits_(limits) {}

  // null, true, false; and numbers, which come as text because of kParseNumbersAsStringsFlag.
  bool Default() { return OtherValue(); }
  bool RawNumber(const char*, std::size_t, bool) { return OtherValue(); }

  bool String(const char* text, std::size_t size, bool) {
    const std::string_view value(text, size);
    if (!IsUtf8(value)) return Fail(Fault::kNotUtf8);
    if (depth_ == 0) return Fail(Fault::kNotAnObject);
    if (!wanted_) return true;
    if (size > limits_.max_value_bytes) return Fail(Fault::kTooLong);
    value_.emplace(value);
    wanted_ = false;
    return true;
  }

  bool Key(const char* text, std::size_t size, bool) {
    const std::string_view key(text, size);
    if (!IsUtf8(key)) return Fail(Fault::kNotUtf8);
    wanted_ = depth_ == 1 && key == name_;
    return !(wanted_ && value_) || Fail(Fault::kDuplicate);
  }

  bool StartObject() { return (depth_ == 0 || OtherValue()) && Descend(); }
  bool EndObject(std::size_t) { return Ascend(); }
  bool StartArray() { return OtherValue() && Descend(); }
  bool EndArray(std::size_t) { return Ascend(); }

  [[nodiscard]] std::optional<Fault> fault() const { return fault_; }
  std::optional<std::string>& value() { return value_; }

 private:
  bool OtherValue() {
    if (depth_ == 0) return Fail(Fault::kNotAnObject);
    return !wanted_ || Fail(Fault::kNotAString);
  }

  bool Descend() { return ++depth_ <= limits_.max_depth || Fail(Fault::kTooDeep); }

  bool Ascend() {
    --depth_;
    return true;
  }

  bool Fail(Fault fault) {
    fault_ = fault;
    return false;
  }

  const std::string_view name_;
  const Limits& limits_;
  int depth_ = 0;
  bool wanted_ = false;  // the next value is the wanted member's
  std::optional<std::string> value_;
  std::optional<Fault> fault_;
};

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
    case rapidjson::kParseErrorNumberTooBig:
      return "a number is too big for a double";
    case rapidjson::kParseErrorNumberMissFraction:
    case rapidjson::kParseErrorNumberMissExponent:
      return "a number lacks digits after its point or exponent";
    default:
      return "a value is expected";
  }
}

ParseFault Malformed(std::string_view what, std::size_t offset) {
  return {Fault::kMalformed, "The text is not valid JSON: " + std::string(what) + ", at byte " +
                                 std::to_string(offset) + "; send one JSON object in UTF-8."};
}

ParseFault NotUtf8(std::string_view where, std::size_t offset) {
  return {Fault::kNotUtf8,
          "A string is not Unicode text (invalid UTF-8, or an escape for half a surrogate pair), " +
              std::string(where) + " byte " + std::to_string(offset) + "; send valid UTF-8."};
}

ParseFault FromReader(const rapidjson::ParseResult& result, bool starts_with_bom, bool at_end) {
  switch (result.Code()) {
    case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
      return NotUtf8("at", result.Offset());
    case rapidjson::kParseErrorDocumentEmpty:
    case rapidjson::kParseErrorNumberTooBig:
      return Malformed(Describe(result.Code()), result.Offset());
    default:
      if (starts_with_bom) return Malformed("it starts with a byte order mark", 0);
      if (at_end) return Malformed("it ends too early", result.Offset());
      return Malformed(Describe(result.Code()), result.Offset());
  }
}

ParseFault FromPicker(Fault fault, std::string_view name, const Limits& limits, std::size_t offset) {
  const std::string member = "the member \"" + std::string(name) + "\"";
  const std::string where = " (before byte " + std::to_string(offset) + ")";
  switch (fault) {
    case Fault::kNotUtf8:
      return NotUtf8("in the string that ends before", offset);
    case Fault::kTooDeep:
      return {fault, "The JSON is nested more than " + std::to_string(limits.max_depth) + " levels deep" +
                         where + "; send it flatter."};
    case Fault::kNotAnObject:
      return {fault, "The JSON is not an object; send an object with " + member + "."};
    case Fault::kDuplicate:
      return {fault, "The JSON object has " + member + " more than once" + where + "; send it once."};
    case Fault::kNotAString:
      return {fault, "The value of " + member + " is not a string" + where + "; send a string."};
    case Fault::kTooLong:
      return {fault, "The value of " + member + " is longer than " + std::to_string(limits.max_value_bytes) +
                         " bytes; send a shorter one."};
    default:
      return {Fault::kMissing, "The JSON object lacks " + member + "; send it with a string value."};
  }
}

}  // namespace

std::variant<std::string, ParseFault> ReadStringMember(io::ByteSource& source, std::string_view name,
                                                       const Limits& limits) {
  InputStream stream(source);
  const bool starts_with_bom = stream.StartsWith("\xEF\xBB\xBF");
  ThrowingAllocator allocator;
  Reader reader(&allocator);
  MemberPicker picker(name, limits);
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, picker);
  if (picker.fault()) return FromPicker(*picker.fault(), name, limits, stream.Tell());
  // The reader takes a NUL for the end; whatever follows one was not read.
  const bool stopped_at_nul = !stream.AtEnd() && stream.Peek() == '\0';
  if (stopped_at_nul) return Malformed("a NUL stands in it", stream.Tell());
  if (result.IsError()) return FromReader(result, starts_with_bom, stream.AtEnd());
  if (!picker.value()) return FromPicker(Fault::kMissing, name, limits, stream.Tell());
  return std::move(*picker.value());
}

}  // namespace hashpost::json
