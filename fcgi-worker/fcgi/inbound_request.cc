#include "fcgi-worker/fcgi/inbound_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "fcgi-worker/http/errors.h"
#include "lib/progress/progress.h"

namespace hashpost::fcgi {
namespace {

std::optional<std::uint64_t> ParseLength(std::string_view text) {
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return length;
}

}  // namespace

void InboundRequest::Parse(FCGX_Request& raw, ReadClock& clock) {
  request_.method = "";
  request_.content_length.reset();
  request_.fields.clear();
  path_.clear();
  constexpr std::string_view kHeaderPrefix = "HTTP_";
  for (char** variable = raw.envp; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = text.substr(0, equals);
    const std::string_view value = text.substr(equals + 1);
    if (name.starts_with(kHeaderPrefix)) {
      request_.fields.push_back({name.substr(kHeaderPrefix.size()), value});
    } else if (name == "REQUEST_METHOD") {
      request_.method = value;
    } else if (name == "SCRIPT_NAME") {
      path_.insert(0, value);  // Apache puts the whole decoded path here
    } else if (name == "PATH_INFO") {
      path_.append(value);
    } else if (name == "CONTENT_TYPE") {
      if (!value.empty()) request_.fields.push_back({name, value});
    } else if (name == "CONTENT_LENGTH") {
      request_.content_length = ParseLength(value);
    }
  }
  request_.path = path_;
  body_.Reset(raw.in, clock, request_.content_length.value_or(0));
  request_.body = &body_;
}

void InboundRequest::DiscardBody() {
  body_.Discard();
}

void InboundRequest::Body::Reset(FCGX_Stream* stream, ReadClock& clock, std::uint64_t length) {
  stream_ = stream;
  clock_ = &clock;
  left_ = length;
  // Nobody will ask for the end of no content; whoever answers (the committer, say) must not have to wait for
  // it.
  if (left_ == 0) Discard();
}

std::size_t InboundRequest::Body::Read(std::span<char> buffer) {
  // In pieces, so that the read clock shows whether anything comes.
  constexpr std::uint64_t kPiece = 64U << 10U;
  const auto wanted = static_cast<int>(std::min<std::uint64_t>({left_, buffer.size(), kPiece}));
  int got = 0;
  {
    const progress::Waiting waiting;
    const ReadClock::Scope reading(*clock_);
    got = FCGX_GetStr(buffer.data(), wanted, stream_);
  }
  left_ -= static_cast<std::uint64_t>(got);
  if (got < wanted || FCGX_GetError(stream_) != 0) throw http::BodyIncomplete();
  if (left_ == 0) Discard();
  return static_cast<std::size_t>(got);
}

void InboundRequest::Body::Discard() {
  const progress::Waiting waiting;
  std::array<char, 8192> scratch{};
  // Also reads the empty record that ends STDIN: left behind, it would begin the next request on the
  // connection.
  for (int got = 1; got > 0;) {
    const ReadClock::Scope reading(*clock_);
    got = FCGX_GetStr(scratch.data(), static_cast<int>(scratch.size()), stream_);
  }
}

}  // namespace hashpost::fcgi
