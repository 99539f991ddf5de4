// Feeds arbitrary bytes to the reader of forms, in pieces, and checks that what it takes does not depend on
// the pieces, and that what is wrapped as a form comes out as it went in. Corpus: corpus/multipart_fuzz.

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "fcgi-worker/drop/multipart.h"
#include "fcgi-worker/http/problem.h"
#include "tests/fuzz/require.h"
#include "tests/unit/lib/json/memory_streams.h"

namespace {

using namespace hashpost;

// What the form holds; nullopt: it is refused.
std::optional<std::string> Read(std::string_view body, std::size_t piece, std::size_t room) {
  try {
    io::MemorySource source(body, piece);
    drop::FormFile file(source, "B", "file");
    std::string content;
    std::string buffer(room, '\0');
    while (const std::size_t size = file.Read(buffer)) {
      Require(size <= buffer.size());
      content.append(buffer, 0, size);
    }
    return content;
  } catch (const http::HttpError& error) {
    Require(error.problem().status == 400);
    return std::nullopt;
  }
}

void CheckBoundary(std::string_view text) {
  try {
    const std::string boundary = drop::FormBoundary(text);
    Require(!boundary.empty() && boundary.size() <= 70 &&
            boundary.find_first_of("\r\n\"\\") == std::string::npos);
    Require(drop::FormBoundary("multipart/form-data; boundary=\"" + boundary + "\"") == boundary);
  } catch (const http::HttpError& error) {
    Require(error.problem().status == 400 || error.problem().status == 415);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = 1 + data[0] % 16;
  const std::size_t room = 1 + data[0] / 16;
  CheckBoundary(text);

  Require(Read(text, piece, room) == Read(text, SIZE_MAX, 4096));
  const std::string form =
      "--B\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n" + std::string(text) + "\r\n--B--\r\n";
  const auto content = Read(form, piece, room);
  // (A boundary right behind the part's header is content: its line break would have to come once more.)
  if (text.find("\r\n--B") == std::string_view::npos) {
    Require(content == text);
  } else {
    Require(!content || content->size() < text.size());
  }
  return 0;
}
