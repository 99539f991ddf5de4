#include "file-sender/upload_response.h"

#include <algorithm>
#include <span>
#include <variant>

#include "lib/io/byte_stream.h"
#include "lib/json/json.h"
#include "lib/utf8/utf8.h"

namespace hashpost::sender {
namespace {

constexpr std::size_t kMaxMessageBytes = 500;
constexpr std::chrono::seconds kLongestWait{300};
constexpr const char* kWhereItGoes = "RECEIVER_SCHEME, RECEIVER_ADDRESS, RECEIVER_PORT or RECEIVER_URI";

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

auto Member(std::string_view body, std::string_view name) {
  TextSource source(body);
  return json::ReadStringMember(source, name, {.max_value_bytes = 64U << 10U});
}

// Receivers say {"msg": …}; a server in front of one may have words of its own.
std::string MessageOf(std::string_view body) {
  for (const std::string_view name : {"msg", "detail"}) {
    const auto found = Member(body, name);
    if (const auto* text = std::get_if<std::string>(&found)) return utf8::Printable(*text, kMaxMessageBytes);
  }
  return utf8::Printable(body, kMaxMessageBytes);
}

// The receiver's problem type, without what stands in front of it: another host or a prefix, perhaps.
bool IsProblem(std::string_view body, std::string_view slug) {
  const auto found = Member(body, "type");
  const auto* type = std::get_if<std::string>(&found);
  return type != nullptr && type->ends_with("/problems/" + std::string(slug));
}

// Whether a receiver wrote this about the file: {"msg": "…", "status_code": 400}. (A problem bad-request is
// the web server's, which did not understand the HTTP: it saw no file. Plain HTTP to its TLS port is told
// so.)
bool IsReceivers(std::string_view body) {
  if (IsProblem(body, "bad-request")) return false;
  const auto code = Member(body, "status_code");
  const auto* other = std::get_if<json::ParseFault>(&code);
  return other != nullptr && other->fault == json::Fault::kNotAString &&
         std::holds_alternative<std::string>(Member(body, "msg"));
}

}  // namespace

UploadResult JudgeAnswer(const UploadResponse& response) {
  const int status = response.status;
  if (status == 201) return {UploadKind::kAccepted, MessageOf(response.body)};
  std::string message = "status " + std::to_string(status) + ": " + MessageOf(response.body);
  const bool passes = status < 400 || status >= 500 || status == 408 || status == 425 || status == 429;
  const bool is_receivers = IsReceivers(response.body);
  const bool is_stale = status == 409 || (status == 400 && IsProblem(response.body, "token-time"));
  UploadKind kind = UploadKind::kFailed;
  if (!passes && is_receivers) {
    kind = is_stale ? UploadKind::kStale : UploadKind::kRefused;
  } else if (!response.location.empty()) {
    message += " It redirects to " + utf8::Printable(response.location, kMaxMessageBytes) +
               ", and redirects are not followed: correct " + kWhereItGoes + ".";
  } else if (!passes) {
    message += std::string(" This is not how a receiver responds: correct ") + kWhereItGoes +
               ", or what stands in between.";
  }
  return {kind, message, std::min(response.retry_after, kLongestWait)};
}

}  // namespace hashpost::sender
