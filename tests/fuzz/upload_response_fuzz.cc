// Lets arbitrary bytes be a receiver's response to an upload: the first two are its status, the third what
// Retry-After says, the rest the body. Corpus: corpus/upload_response_fuzz.

#include "file-sender/upload_response.h"
#include "lib/utf8/utf8.h"
#include "tests/fuzz/require.h"

using namespace hashpost;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Kind = sender::UploadKind;
  if (size < 3) return 0;
  const int status = (data[0] * 256 + data[1]) % 1000;
  const std::chrono::seconds retry_after(data[2] * 3);
  const auto text = Text(data, size).substr(3);
  const auto result = sender::JudgeAnswer({.status = status, .body = text, .retry_after = retry_after});
  Require((result.kind == Kind::kAccepted) == (status == 201));
  Require(result.kind == Kind::kAccepted || result.kind == Kind::kFailed ||
          ((result.kind == Kind::kRefused || result.kind == Kind::kStale) && status / 100 == 4));
  Require(result.wait_at_least <= std::min(retry_after, std::chrono::seconds(300)));
  constexpr std::size_t kMostWords = 500;
  constexpr std::size_t kOwnWords = 250;  // the status, and what to correct
  Require(utf8::IsValid(result.message) && result.message.size() <= kMostWords + kOwnWords);
  return 0;
}
