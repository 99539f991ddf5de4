// JsonToXml: the XML form (docs/file-drop.md) of a JSON file of any size, in memory that does not grow with
// it.
//
// The text is read twice. The first time everything is checked, and repeated keys are found; only then, while
// it is read again, XML is written. So a text that is refused gave no output, as long as it does not change
// and its XML is not too long.
//
// Bounds: 1,000 levels of objects and arrays; a string of 16 MiB, a key of 16 KiB (both decoded), a number of
// 1 MiB as written; the file, its members and elements: none. Memory: less than 1 MiB, and twice the longest
// string, and up to 16 MiB for files with very many keys in one object (repeated_keys.h, which also says when
// a repeated key stays). The XML may be 100 times as long as the JSON where that is nested deeply, since
// each line is indented by its depth; it is 2 to 3 times as long for usual records. So the caller gives a
// bound for it.
//
// Thread-safe: no shared state. The text and the sink are the caller's, and used by the calling thread only.

#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "lib/io/byte_stream.h"
#include "lib/io/file_reader.h"
#include "lib/json/events.h"

namespace hashpost::sender {

inline constexpr json::EventLimits kJsonLimits{.max_depth = 1000,
                                               .max_string_bytes = 16U << 20U,
                                               .max_key_bytes = 16U << 10U,
                                               .max_number_bytes = 1U << 20U,
                                               .accept_halves = true,
                                               .accept_nan = true};

struct Converted {
  std::uint64_t xml_bytes;
  std::uint64_t left_out;  // members that a later one with the same key stands in for
  bool may_repeat;         // there were too many keys to find all that repeat: some may be in the XML twice
};

struct Refused {
  // The text is no longer the one that was checked, and it may be tried again. False: the same text is always
  // refused.
  bool has_changed;
  std::string sentence;  // what is wrong, where, and what to do; shows nothing of the content
};

// Writes the XML form of `json` to `xml`, at most `max_xml_bytes` of it; what was written of a text that is
// refused is to be thrown away. A text that changes while it is read and is JSON before and after
// may give the XML of a mixture: who cares must compare the file's state before and after.
// Throws what `json` and `xml` throw, and bad_alloc; then, too, what was written is to be thrown away.
[[nodiscard]] std::variant<Converted, Refused> JsonToXml(io::RandomAccess& json, io::ByteSink& xml,
                                                         std::uint64_t max_xml_bytes = UINT64_MAX);

}  // namespace hashpost::sender
