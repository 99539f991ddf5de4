// Strict JSON (RFC 8259) read by RapidJSON's SAX reader, iterative, with what the reader lets through refused
// here.

#include "lib/json/json.h"

#include <optional>
#include <utility>

#include "lib/json/faults.h"
#include "lib/json/input_stream.h"
#include "lib/json/number.h"
#include "lib/json/rapidjson.h"
#include "lib/utf8/utf8.h"

namespace hashpost::json {
namespace {

// Takes the reader's events, keeps the one wanted value, and ends the reading (by false) at the first fault.
class MemberPicker : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, MemberPicker> {
 public:
  MemberPicker(std::string_view name, const Limits& limits) : name_(name), limits_(limits) {}

  bool Default() { return OtherValue(); }  // null, true, false

  // Reads a number, of which only the grammar matters.
  rapidjson::ParseErrorCode TakeNumber(InputStream& stream) {
    auto forget = [](char) { return true; };
    TakeByte(stream, '-', forget);
    const rapidjson::ParseErrorCode code = TakeUnsigned(stream, forget);
    if (code != rapidjson::kParseErrorNone) return code;
    return OtherValue() ? rapidjson::kParseErrorNone : rapidjson::kParseErrorTermination;
  }

  bool String(const char* text, std::size_t size, bool) {
    const std::string_view value(text, size);
    if (!utf8::IsValid(value)) return Fail(Fault::kNotUtf8);
    if (depth_ == 0) return Fail(Fault::kNotAnObject);
    if (!wanted_) return true;
    if (size > limits_.max_value_bytes) return Fail(Fault::kTooLong);
    value_.emplace(value);
    wanted_ = false;
    return true;
  }

  bool Key(const char* text, std::size_t size, bool) {
    const std::string_view key(text, size);
    if (!utf8::IsValid(key)) return Fail(Fault::kNotUtf8);
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

ParseFault FromPicker(Fault fault, std::string_view name, const Limits& limits, std::size_t offset) {
  const std::string member = "the member \"" + std::string(name) + "\"";
  const std::string where = " (before byte " + std::to_string(offset) + ")";
  switch (fault) {
    case Fault::kNotUtf8:
      return NotUtf8("in the string that ends before", offset);
    case Fault::kTooDeep:
      return TooDeep(limits.max_depth, offset);
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
}  // namespace hashpost::json

// As in events.cc.
template <>
template <>
void rapidjson::GenericReader<hashpost::json::Utf8InRuns, rapidjson::UTF8<>,
                              hashpost::json::ThrowingAllocator>::
    ParseNumber<hashpost::json::kFlags, hashpost::json::InputStream, hashpost::json::MemberPicker>(
        hashpost::json::InputStream& stream, hashpost::json::MemberPicker& handler) {
  const ParseErrorCode code = handler.TakeNumber(stream);
  if (code != kParseErrorNone) SetParseError(code, stream.Tell());
}

namespace hashpost::json {

std::variant<std::string, ParseFault> ReadStringMember(io::ByteSource& source, std::string_view name,
                                                       const Limits& limits) {
  InputStream stream(source);
  const bool starts_with_bom = stream.StartsWith(kByteOrderMark);
  ThrowingAllocator allocator;
  Reader reader(&allocator);
  MemberPicker picker(name, limits);
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, picker);
  if (picker.fault()) return FromPicker(*picker.fault(), name, limits, stream.Tell());
  if (auto fault = FaultOfText(result, stream, starts_with_bom, "object")) return *std::move(fault);
  if (!picker.value()) return FromPicker(Fault::kMissing, name, limits, stream.Tell());
  return std::move(*picker.value());
}

}  // namespace hashpost::json
