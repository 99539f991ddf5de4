#include "fcgi-worker/fcgi/inbound_request.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "fcgi-worker/http/problem.h"
#include "lib/watchdog/watchdog.h"

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
  request_.fields.Clear();
  path_.clear();
  answer_last_ = spooled_ = false;
  constexpr std::string_view kHeaderPrefix = "HTTP_";
  for (char** variable = raw.envp; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = text.substr(0, equals);
    const std::string_view value = text.substr(equals + 1);
    if (name.starts_with(kHeaderPrefix)) {
      // Never the type itself: a field of another name, such as Content_Type, could become this as well. What
      // becomes HTTP_CONTENT_LENGTH nobody reads.
      const bool is_type = name == "HTTP_CONTENT_TYPE";
      request_.fields.Add(is_type ? http::kTypeLines : name.substr(kHeaderPrefix.size()), value);
    } else if (name == "REQUEST_METHOD") {
      request_.method = value;
    } else if (name == "SCRIPT_NAME") {
      path_.insert(0, value);  // Apache puts the whole decoded path here
    } else if (name == "PATH_INFO") {
      path_.append(value);
    } else if (name == "CONTENT_TYPE") {
      if (!value.empty()) request_.fields.Add(name, value);
    } else if (name == "CONTENT_LENGTH") {
      request_.content_length = ParseLength(value);
    } else if (name == "HASHPOST_ANSWER_LAST") {
      answer_last_ = true;
    } else if (name == "HASHPOST_SPOOLED") {
      spooled_ = true;
    }
  }
  request_.path = path_;
  body_.Reset(raw, clock, request_.content_length);
  request_.body = &body_;
}

void InboundRequest::Body::Reset(FCGX_Request& raw, ReadClock& clock, std::optional<std::uint64_t> length) {
  stream_ = raw.in;
  fd_ = raw.ipcFd;
  clock_ = &clock;
  left_ = length;
  streamed_ = false;
  over_ = false;
  ended_ = false;
}

std::size_t InboundRequest::Body::Read(std::span<char> buffer) {
  if (streamed_) return ReadSome(buffer);
  // In pieces, so that the read clock shows whether anything comes.
  constexpr std::uint64_t kPiece = 64U << 10U;
  const auto wanted = static_cast<int>(std::min<std::uint64_t>({left_.value_or(0), buffer.size(), kPiece}));
  int got = 0;
  {
    const watchdog::Waiting waiting;
    const ReadClock::Scope reading(*clock_);
    got = FCGX_GetStr(buffer.data(), wanted, stream_);
  }
  bytes_read_ += static_cast<std::uint64_t>(got);
  if (left_) *left_ -= static_cast<std::uint64_t>(got);
  if (got < wanted || FCGX_GetError(stream_) != 0) throw http::BodyIncomplete();
  if (left_ == 0) ReadEnd();
  return static_cast<std::size_t>(got);
}

// What libfcgi has taken from the socket and not handed out. (Its header calls these fields the
// implementor's.)
std::size_t InboundRequest::Body::Buffered() const {
  return static_cast<std::size_t>(stream_->stop - stream_->rdNext);
}

// The next bytes as soon as there are any; 0 at the end of the stream, or of the connection (FCGX_GetError).
// FCGX_GetStr would wait until the buffer is full, while the client may wait for answers.
std::size_t InboundRequest::Body::ReadPiece(std::span<char> buffer) {
  if (Buffered() == 0) {
    const watchdog::Waiting waiting;
    const ReadClock::Scope reading(*clock_);
    const int first = FCGX_GetChar(stream_);
    if (first == EOF) return 0;
    FCGX_UnGetChar(first, stream_);
  }
  const std::size_t size = std::min(Buffered(), buffer.size());
  FCGX_GetStr(buffer.data(), static_cast<int>(size), stream_);
  bytes_read_ += size;
  return size;
}

std::size_t InboundRequest::Body::ReadSome(std::span<char> buffer) {
  if (ended_) return 0;
  if (over_ && Buffered() == 0) throw http::BodyIncomplete();
  const std::size_t size = ReadPiece(buffer);
  if (size == 0) {
    if (FCGX_GetError(stream_) != 0 || left_.value_or(0) > 0) throw http::BodyIncomplete();
    ended_ = true;
    return 0;
  }
  if (left_) {
    if (size > *left_) throw http::BodyIncomplete();  // more than was announced
    *left_ -= size;
    if (left_ == 0) ReadEnd();
  }
  return size;
}

// Behind the announced length: the empty record that ends STDIN, which would begin the next request on the
// connection, and which whoever answers (the committer, say) must not have to wait for.
void InboundRequest::Body::ReadEnd() {
  const watchdog::Waiting waiting;
  const ReadClock::Scope reading(*clock_);
  if (FCGX_GetChar(stream_) != EOF || FCGX_GetError(stream_) != 0) throw http::BodyIncomplete();
  ended_ = true;
}

bool InboundRequest::Body::Ready(std::chrono::milliseconds patience) {
  if (ended_ || over_ || Buffered() > 0) return true;
  const watchdog::Waiting waiting;
  pollfd input{.fd = fd_, .events = POLLIN, .revents = 0};
  return ::poll(&input, 1, static_cast<int>(patience.count())) != 0;
}

bool InboundRequest::PassOverSoon(std::chrono::milliseconds patience) {
  body_.GiveUpAfter(patience);
  const bool ended = PassOver();
  body_.GiveUpAfter(std::chrono::milliseconds(0));
  return ended;
}

// (Only of a content that nobody wants: libfcgi cannot go on reading a record where it gave up.)
void InboundRequest::Body::GiveUpAfter(std::chrono::milliseconds patience) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience);
  const timeval time{.tv_sec = seconds.count(),
                     .tv_usec = std::chrono::microseconds(patience - seconds).count()};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

bool InboundRequest::Body::PassOver(bool bounded) {
  constexpr std::uint64_t kMost = 64U << 20U;
  constexpr std::chrono::seconds kLongest{30};
  const auto deadline = std::chrono::steady_clock::now() + kLongest;
  std::array<char, 16384> scratch;  // NOLINT(cppcoreguidelines-pro-type-member-init): forgotten anyway
  for (std::uint64_t passed = 0; !ended_;) {
    const std::size_t size = ReadPiece(scratch);
    if (size == 0 && FCGX_GetError(stream_) != 0) return false;
    ended_ = size == 0;
    passed += size;
    if (bounded && (passed > kMost || std::chrono::steady_clock::now() > deadline)) break;
  }
  return ended_;
}

}  // namespace hashpost::fcgi
