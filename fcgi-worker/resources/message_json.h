// What a POST of one message and of many have in common: which heads are refused, and the JSON form of a
// message ({"message": "…"}, a whole request or a line of a bulk upload): what is accepted, how long it may
// be and what memory reading it takes. Thread-safe: no state.

#pragma once

#include <cstddef>
#include <string>

#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/http/request.h"
#include "lib/io/byte_stream.h"

namespace hashpost::resources {

// How a message is sent.
enum class Form : unsigned char { kJson, kText };

// Throws HttpError for a content coding, and for If-Match.
void CheckPost(const http::Request& request);

// The most bytes that the JSON of a message may have: it may spell one byte with six (\u0041), and carry
// members that are ignored.
[[nodiscard]] std::size_t MaxJsonBytes(std::size_t max_message_bytes);

// The memory that reading `length` bytes of it may need, as it counts against the budget.
[[nodiscard]] std::size_t JsonCost(std::size_t length, std::size_t max_message_bytes);

[[nodiscard]] http::Problem MessageTooLarge(std::size_t max_message_bytes);  // 413

// Reads the message out of the one JSON text in `json`. Throws HttpError 400 or 413, and what `json` throws.
[[nodiscard]] std::string ReadMessage(io::ByteSource& json, std::size_t max_message_bytes);

}  // namespace hashpost::resources
