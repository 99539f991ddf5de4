// RapidJSON 1.1.0 as lib/json uses it: one place, so that every file of this room sees the same
// configuration. Only for lib/json.

#pragma once

#include <cstddef>

// Lengths in size_t: with RapidJSON's own 32 bits a string above 4 GiB would be cut silently.
#define RAPIDJSON_NO_SIZETYPEDEFINE
namespace rapidjson {
using SizeType = std::size_t;
}

#include <rapidjson/encodings.h>
#include <rapidjson/reader.h>
#include <rapidjson/writer.h>
