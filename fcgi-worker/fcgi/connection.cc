#include "fcgi-worker/fcgi/connection.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <climits>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "fcgi-worker/http/status.h"
#include "lib/io/byte_stream.h"
#include "lib/progress/progress.h"

namespace hashpost::fcgi {
namespace {

// The web server sends a request in one go and spools small bodies beforehand, so a longer pause is a fault.
constexpr timeval kReadTimeout{.tv_sec = 30, .tv_usec = 0};
// How long a slow client may leave the web server's buffers full.
constexpr timeval kWriteTimeout{.tv_sec = 60, .tv_usec = 0};

// What libfcgi's writer takes; FCGX_FClose reports what went wrong.
class AnswerSink : public io::ByteSink {
 public:
  explicit AnswerSink(FCGX_Stream* out) : out_(out) {}
  void Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const auto piece = static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX));
      if (FCGX_PutStr(bytes.data(), piece, out_) < 0) return;  // the peer is gone
      bytes.remove_prefix(static_cast<std::size_t>(piece));
    }
  }

 private:
  FCGX_Stream* out_;
};

// The CGI response head (RFC 3875 §6.3).
std::string Head(const http::Response& response, std::uint64_t length) {
  std::string head;
  head.reserve(512);
  head.append("Status: ").append(std::to_string(response.status)).append(" ");
  head.append(http::ReasonPhrase(response.status)).append("\r\n");
  for (const auto& [name, value] : response.headers) {
    head.append(name).append(": ").append(value).append("\r\n");
  }
  const bool may_have_content = response.status != 204 && response.status != 304;
  if (may_have_content) head.append("Content-Length: ").append(std::to_string(length)).append("\r\n");
  return head.append("\r\n");
}

}  // namespace

Connection::Connection(io::UniqueFd socket) : socket_(std::move(socket)) {
  ::setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &kReadTimeout, sizeof kReadTimeout);
  ::setsockopt(fd(), SOL_SOCKET, SO_SNDTIMEO, &kWriteTimeout, sizeof kWriteTimeout);
  FCGX_InitRequest(&request_, -1, 0);
  // Or else libfcgi would wait up to two seconds for the peer's end before it closes a broken connection.
  FCGX_Detach(&request_);
}

Connection::~Connection() {
  // libfcgi must free its buffers but not close the descriptor, which is ours.
  request_.ipcFd = -1;
  FCGX_Free(&request_, 0);
}

bool Connection::ReadRequest() {
  const progress::Waiting waiting;
  // Lent to libfcgi for this request; with keepConnection set, FCGX_Accept_r reads from it instead of closing
  // it.
  request_.ipcFd = fd();
  request_.keepConnection = 1;
  if (FCGX_Accept_r(&request_) != 0) {
    // libfcgi closed the descriptor when it gave up, and asked the listening socket (-1) for another.
    [[maybe_unused]] const int closed = socket_.Release();
    return false;
  }
  inbound_.Parse(request_);
  peer_keeps_ = request_.keepConnection != 0;
  request_.keepConnection = 1;  // closing is left to us
  return true;
}

void Connection::WriteAnswer(http::Response& response) {
  const progress::Waiting waiting;
  inbound_.DiscardBody();
  AnswerSink sink(request_.out);
  const std::uint64_t length = response.streamed ? response.streamed->Size() : response.content.size();
  sink.Write(Head(response, length));
  if (inbound_.request().method == "HEAD") return;
  if (response.streamed) {
    response.streamed->WriteTo(sink);
  } else {
    sink.Write(response.content);
  }
}

bool Connection::FinishRequest() {
  const progress::Waiting waiting;
  FCGX_Finish_r(&request_);
  if (request_.ipcFd < 0) {
    [[maybe_unused]] const int closed = socket_.Release();
    return false;
  }
  return peer_keeps_;
}

}  // namespace hashpost::fcgi
