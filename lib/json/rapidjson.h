// RapidJSON 1.1.0 as lib/json uses it: one place, so that every file of this room sees the same
// configuration. Only for lib/json.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string_view>

// Lengths in size_t: with RapidJSON's own 32 bits a string above 4 GiB would be cut silently.
#define RAPIDJSON_NO_SIZETYPEDEFINE
namespace rapidjson {
using SizeType = std::size_t;
}

#include <rapidjson/encodings.h>
#include <rapidjson/reader.h>
#include <rapidjson/writer.h>

namespace hashpost::json {

// Thrown by ThrowingAllocator; never leaves this room.
struct AllocationLimit : std::length_error {
  AllocationLimit() : length_error("a string needs more memory than it may have") {}
};

// RapidJSON's allocator concept; its own CrtAllocator hands out null pointers when memory is short.
struct ThrowingAllocator {
  void* Malloc(std::size_t size) { return Realloc(nullptr, 0, size); }

  void* Realloc(void* old, std::size_t, std::size_t size) {
    if (size == 0) {
      Free(old);
      return nullptr;
    }
    if (size > max_bytes) throw AllocationLimit();
    void* const memory = std::realloc(old, size);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }

  static void Free(void* memory) { std::free(memory); }

  std::size_t max_bytes = SIZE_MAX;  // of one piece
};

// UTF-8 that comes from an InputStream in runs, since RapidJSON goes byte by byte through other streams than
// its own.
struct Utf8InRuns : rapidjson::UTF8<> {};

// The target of strings in which half of a surrogate pair (\ud83d), which the grammar of JSON allows and
// UTF-8 does not, stands as kHalf and its four hexadecimal digits in lower case. Nothing else has that byte.
inline constexpr char kHalf = '\xFF';
inline constexpr unsigned kHalves = 0x110000;  // behind the last code point: kHalves + 0xd83d

struct Utf8AndHalves : rapidjson::UTF8<> {
  template <typename Output>
  static void Encode(Output& output, unsigned code_point) {
    if (code_point < kHalves) return rapidjson::UTF8<>::Encode(output, code_point);
    static constexpr std::string_view kHex = "0123456789abcdef";
    output.Put(kHalf);
    for (const unsigned shift : {12U, 8U, 4U, 0U}) output.Put(kHex[(code_point - kHalves) >> shift & 15U]);
  }
};

using Reader = rapidjson::GenericReader<Utf8InRuns, rapidjson::UTF8<>, ThrowingAllocator>;

// Iterative: depth costs no call stack. (No number is ever computed: number.h.) Not
// kParseValidateEncodingFlag: it halves the speed, and the handlers have to look at the decoded strings
// anyway: strings come to them unchecked, raw bytes as they were sent, and half a surrogate pair (\udc00) as
// the three bytes that UTF-8 forbids. No raw byte can join an escape's bytes to something valid, so
// utf8::IsValid finds all of it.
inline constexpr unsigned kFlags = rapidjson::kParseIterativeFlag;

}  // namespace hashpost::json

// Called in strings, where the next byte is plain; takes the whole run that it begins.
template <>
struct rapidjson::Transcoder<hashpost::json::Utf8InRuns, rapidjson::UTF8<>> {
  template <typename Input, typename Output>
  static bool Transcode(Input& input, Output& output) {
    const std::string_view run = input.PlainRun();
    std::memcpy(output.Push(run.size()), run.data(), run.size());
    input.Skip(run.size());
    return true;
  }

  // For kParseValidateEncodingFlag, without which it is compiled but never called.
  template <typename Input, typename Output>
  static bool Validate(Input& input, Output& output) {
    return Transcode(input, output);
  }
};

// The same; a byte that is sent as kHalf becomes another one that UTF-8 does not have.
template <>
struct rapidjson::Transcoder<hashpost::json::Utf8InRuns, hashpost::json::Utf8AndHalves> {
  template <typename Input, typename Output>
  static bool Transcode(Input& input, Output& output) {
    const std::string_view run = input.PlainRun();
    char* const taken = static_cast<char*>(output.Push(run.size()));
    std::memcpy(taken, run.data(), run.size());
    std::replace(taken, taken + run.size(), hashpost::json::kHalf, '\xFE');
    input.Skip(run.size());
    return true;
  }

  template <typename Input, typename Output>
  static bool Validate(Input& input, Output& output) {
    return Transcode(input, output);
  }
};
