#include "file-sender/upload_answer.h"

#include <algorithm>
#include <span>
#include <variant>

#include "lib/io/byte_stream.h"
#include "lib/json/json.h"

namespace hashpost::sender {
namespace {

constexpr std::size_t kMaxMessageBytes = 500;
constexpr std::chrono::seconds kLongestWait{300};

class TextSource final : public io::ByteSource {
 public:
  explicit TextSource(std::string_view text) : rest_(text) {}
  std::size_t Read(std::span<char> buffer) override {
    const std::size_t size = rest_.copy(buffer.data(), buffer.size());
    rest_.remove_prefix(size);
    return size;
  }

 private:
  std::string_view rest_;
};

// Receivers answer {"msg": …}; a server in front of one may have words of its own.
std::string MessageOf(std::string_view body) {
  for (const std::string_view member : {"msg", "detail"}) {
    TextSource source(body);
    const auto found = json::ReadStringMember(source, member, {.max_value_bytes = 64U << 10U});
    if (const auto* text = std::get_if<std::string>(&found)) return json::Printable(*text, kMaxMessageBytes);
  }
  return json::Printable(body, kMaxMessageBytes);
}

// The receiver's problem type, without what stands in front of it: another host or a prefix, perhaps.
bool IsProblem(std::string_view body, std::string_view slug) {
  TextSource source(body);
  const auto found = json::ReadStringMember(source, "type", {.max_value_bytes = 1024});
  const auto* type = std::get_if<std::string>(&found);
  return type != nullptr && type->ends_with("/problems/" + std::string(slug));
}

}  // namespace

UploadResult JudgeAnswer(int status, std::string_view body, std::chrono::seconds retry_after) {
  using Kind = UploadResult::Kind;
  if (status == 201) return {Kind::kAccepted, MessageOf(body)};
  const bool is_stale = status == 409 || (status == 400 && IsProblem(body, "token-time"));
  const bool stands = status >= 400 && status < 500 && status != 408 && status != 425 && status != 429;
  return {is_stale ? Kind::kStale
          : stands ? Kind::kRefused
                   : Kind::kFailed,
          "status " + std::to_string(status) + ": " + MessageOf(body), std::min(retry_after, kLongestWait)};
}

}  // namespace hashpost::sender
