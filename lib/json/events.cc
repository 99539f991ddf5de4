// RapidJSON calls a handler's functions; here they become Events, after the checks that it does not make.

#include "lib/json/events.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>
#include <utility>

#include "lib/json/faults.h"
#include "lib/json/input_stream.h"
#include "lib/json/number.h"
#include "lib/json/rapidjson.h"
#include "lib/utf8/utf8.h"

namespace hashpost::json {
namespace {

bool IsUtf8AndHalves(std::string_view text) {
  for (std::size_t at = 0; (at = text.find(kHalf)) != std::string_view::npos;) {
    if (!utf8::IsValid(text.substr(0, at))) return false;
    text.remove_prefix(at + 5);
  }
  return utf8::IsValid(text);
}

using EventReader = rapidjson::GenericReader<Utf8InRuns, Utf8AndHalves, ThrowingAllocator>;

class EventForwarder {
 public:
  EventForwarder(const InputStream& stream, Events& events, const EventLimits& limits)
      : stream_(stream), events_(events), limits_(limits) {}

  bool Null() {
    events_.Null(stream_.Tell());
    return true;
  }

  bool Bool(bool value) {
    events_.Bool(value, stream_.Tell());
    return true;
  }

  bool String(const char* text, std::size_t size, bool) {
    if (!Check({text, size}, "string", limits_.max_string_bytes)) return false;
    events_.String({text, size}, stream_.Tell());
    return true;
  }

  bool Key(const char* text, std::size_t size, bool) {
    if (!Check({text, size}, "member's name", limits_.max_key_bytes)) return false;
    events_.Key({text, size}, stream_.Tell());
    return true;
  }

  // Brackets are told before they are taken.
  bool StartObject() { return Descend() && (events_.StartObject(stream_.Tell() + 1), true); }
  bool StartArray() { return Descend() && (events_.StartArray(stream_.Tell() + 1), true); }

  bool EndObject(std::size_t) {
    --depth_;
    events_.EndObject(stream_.Tell() + 1);
    return true;
  }

  bool EndArray(std::size_t) {
    --depth_;
    events_.EndArray(stream_.Tell() + 1);
    return true;
  }

  // Reads a number from `stream`, the one that was given to the constructor.
  rapidjson::ParseErrorCode TakeNumber(InputStream& stream);

  [[nodiscard]] ParseFault TooLong(std::string_view what, std::size_t max_bytes) const {
    return {Fault::kTooLong,
            "A " + std::string(what) + " is longer than " + std::to_string(max_bytes) +
                " bytes (before byte " + std::to_string(stream_.Tell()) + "); send a shorter one.",
            stream_.Tell()};
  }

  std::optional<ParseFault>& fault() { return fault_; }

 private:
  bool Check(std::string_view text, std::string_view what, std::size_t max_bytes) {
    if (!(limits_.accept_halves ? IsUtf8AndHalves(text) : utf8::IsValid(text))) {
      fault_ = NotUtf8("in the string that ends before", stream_.Tell());
    } else if (text.size() > max_bytes) {
      fault_ = TooLong(what, max_bytes);
    }
    return !fault_;
  }

  bool Descend() {
    if (++depth_ > limits_.max_depth) fault_ = TooDeep(limits_.max_depth, stream_.Tell());
    return !fault_;
  }

  const InputStream& stream_;
  Events& events_;
  const EventLimits& limits_;
  int depth_ = 0;
  std::string number_;
  std::optional<ParseFault> fault_;
};

rapidjson::ParseErrorCode EventForwarder::TakeNumber(InputStream& stream) {
  number_.clear();
  const auto keep = [&](char byte) {
    if (number_.size() == limits_.max_number_bytes) fault_ = TooLong("number", limits_.max_number_bytes);
    if (!fault_) number_ += byte;
    return !fault_;
  };
  const bool minus = TakeByte(stream, '-', keep);
  auto code = rapidjson::kParseErrorNone;
  if (limits_.accept_nan && (stream.Peek() == 'I' || (stream.Peek() == 'N' && !minus))) {
    const std::string_view name = stream.Peek() == 'I' ? "Infinity" : "NaN";
    if (!std::all_of(name.begin(), name.end(), [&](char byte) { return TakeByte(stream, byte, keep); })) {
      code = rapidjson::kParseErrorValueInvalid;
    }
  } else {
    code = TakeUnsigned(stream, keep);
  }
  if (fault_) return rapidjson::kParseErrorTermination;
  if (code == rapidjson::kParseErrorNone) events_.Number(number_, stream.Tell());
  return code;
}

constexpr unsigned kNoDigits = ~0U;

}  // namespace
}  // namespace hashpost::json

// Instead of RapidJSON's own (number.h). These are private members: if another version names one otherwise,
// this does not compile.
template <>
template <>
void hashpost::json::EventReader::ParseNumber<hashpost::json::kFlags, hashpost::json::InputStream,
                                              hashpost::json::EventForwarder>(
    hashpost::json::InputStream& stream, hashpost::json::EventForwarder& handler) {
  const ParseErrorCode code = handler.TakeNumber(stream);
  if (code != kParseErrorNone) SetParseError(code, stream.Tell());
}

// Reads the digits of \uXXXX, and of the \uXXXX behind it if the two are a surrogate pair. RapidJSON's own
// takes the first half by itself and then refuses a text in which the other one does not follow.
template <>
template <>
unsigned hashpost::json::EventReader::ParseHex4<hashpost::json::InputStream>(
    hashpost::json::InputStream& stream, std::size_t escape_offset) {
  const auto number = [](std::string_view digits) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    return digits.size() == 4 && error == std::errc() && end == digits.data() + 4 ? value
                                                                                  : hashpost::json::kNoDigits;
  };
  const unsigned first = number(stream.Ahead(4));
  if (first == hashpost::json::kNoDigits) {
    SetParseError(kParseErrorStringUnicodeEscapeInvalidHex, escape_offset);
    return 0;
  }
  stream.Skip(4);
  if (first < 0xD800 || first > 0xDFFF) return first;
  const std::string_view behind = stream.Ahead(6);
  if (first < 0xDC00 && behind.starts_with("\\u")) {
    const unsigned second = number(behind.substr(2));
    if (second >= 0xDC00 && second <= 0xDFFF) {
      stream.Skip(6);
      return ((first - 0xD800) << 10U | (second - 0xDC00)) + 0x10000;
    }
  }
  return hashpost::json::kHalves + first;
}

namespace hashpost::json {

std::optional<ParseFault> ReadEvents(io::ByteSource& source, Events& events, const EventLimits& limits) {
  InputStream stream(source);
  const bool starts_with_bom = stream.StartsWith(kByteOrderMark);
  // RapidJSON's stack holds a string while it is decoded, and two words for each level. It grows by half, so
  // no string that is short enough meets this limit; the exact one is the forwarder's.
  constexpr std::size_t kStackOfLevels = 65536;
  ThrowingAllocator allocator{.max_bytes = 2 * limits.max_string_bytes + kStackOfLevels +
                                           32 * static_cast<std::size_t>(limits.max_depth)};
  EventReader reader(&allocator);
  EventForwarder forwarder(stream, events, limits);
  try {
    const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, forwarder);
    if (forwarder.fault()) return std::move(forwarder.fault());
    return FaultOfText(result, stream, starts_with_bom, "value");
  } catch (const AllocationLimit&) {
    return forwarder.TooLong("string", limits.max_string_bytes);
  }
}

}  // namespace hashpost::json
