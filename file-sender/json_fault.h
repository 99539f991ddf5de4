// Why a file is not JSON, for people who have it open in an editor: line and column, and the names of what is
// often taken for JSON in UTF-8. Thread-safe: no shared state.

#pragma once

#include <string>

#include "lib/io/file_reader.h"
#include "lib/json/json.h"

namespace hashpost::sender {

// The sentence of `fault`, which was found in `json`. Reads `json` up to the fault. Throws what `json`
// throws.
[[nodiscard]] std::string Explain(io::RandomAccess& json, const json::ParseFault& fault);

}  // namespace hashpost::sender
