// The sentences about faulty JSON texts that the readers of this room share. Only for lib/json. Thread-safe.

#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "lib/json/input_stream.h"
#include "lib/json/json.h"
#include "lib/json/rapidjson.h"

namespace hashpost::json {

inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// `where` is how the sentence leads up to `offset`, in bytes from the front of the text: "at", for instance.
[[nodiscard]] ParseFault NotUtf8(std::string_view where, std::size_t offset);

// `offset`: behind the place where it is too deep.
[[nodiscard]] ParseFault TooDeep(int max_depth, std::size_t offset);

// What is wrong with a text after RapidJSON has read from `stream` what it would, and whether it read all of
// it. `wanted`: what the text should be, "object" or "value". Nothing if it is valid JSON.
[[nodiscard]] std::optional<ParseFault> FaultOfText(const rapidjson::ParseResult& result,
                                                    const InputStream& stream, bool starts_with_bom,
                                                    std::string_view wanted);

}  // namespace hashpost::json
