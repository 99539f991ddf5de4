// Response: a status, header fields and content, whole in memory or streamed. A plain value; no threads.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/io/byte_stream.h"

namespace hashpost::http {

// Content too large to be built whole: it knows its size beforehand, and writes itself once.
class StreamedContent {
 public:
  virtual ~StreamedContent() = default;
  [[nodiscard]] virtual std::uint64_t Size() const = 0;
  // Writes exactly Size() bytes. Throws what `sink` throws.
  virtual void WriteTo(io::ByteSink& sink) = 0;
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string_view, std::string>> headers;  // names are string literals
  std::string content;                                            // used unless `streamed` is set
  std::unique_ptr<StreamedContent> streamed = nullptr;
};

}  // namespace hashpost::http
