#include "fcgi-worker/fcgi/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "fcgi-worker/fcgi/blocking_pool.h"
#include "fcgi-worker/http/problem.h"
#include "fcgi-worker/http/status.h"
#include "lib/io/file_reader.h"
#include "lib/log/log.h"
#include "lib/watchdog/watchdog.h"

namespace hashpost::fcgi {
namespace {

constexpr std::size_t kHeldPiece = 64U << 10U;

std::string ContentLength(std::uint64_t length) {
  return "Content-Length: " + std::to_string(length) + "\r\n";
}

// The CGI response head (RFC 3875 §6.3), but for its end and its Content-Length.
std::string Fields(const http::Response& response) {
  std::string head;
  head.reserve(512);
  head.append("Status: ").append(std::to_string(response.status)).append(" ");
  head.append(http::ReasonPhrase(response.status)).append("\r\n");
  for (const auto& [name, value] : response.headers) {
    head.append(name).append(": ").append(value).append("\r\n");
  }
  return head;
}

std::string ResponseHead(const http::Response& response, std::uint64_t length) {
  const bool may_have_content = response.status != 204 && response.status != 304;
  return Fields(response).append(may_have_content ? ContentLength(length) : "").append("\r\n");
}

// When a client that takes an answer at a bearable pace has taken it.
std::chrono::steady_clock::rep AnswerDue(std::uint64_t length) {
  constexpr std::chrono::seconds kAtLeast{60};
  constexpr std::uint64_t kBytesPerSecond = 16U << 10U;
  const auto due =
      std::chrono::steady_clock::now() + kAtLeast + std::chrono::seconds(length / kBytesPerSecond);
  return due.time_since_epoch().count();
}

}  // namespace

Connection::Connection(io::UniqueFd socket) : socket_(std::move(socket)) {
  FCGX_InitRequest(&request_, -1, 0);
  // libfcgi closes a broken connection at once, whoever else may be using the number. So it gets one of its
  // own.
  request_.ipcFd = ::fcntl(fd(), F_DUPFD_CLOEXEC, 0);
  // Or else it would wait up to two seconds for the peer's end before it closes.
  FCGX_Detach(&request_);
}

Connection::~Connection() {
  FCGX_Free(&request_, 1);
}

void Connection::CutIfStuck(std::chrono::steady_clock::time_point now, std::chrono::seconds limit) {
  constexpr std::chrono::seconds kOnIoThread{3};
  constexpr std::chrono::seconds kMoreForStreams{60};
  const auto due = answer_due_.load();
  const bool overdue = due != 0 && due < now.time_since_epoch().count();
  const bool misled = on_io_thread_ && read_clock_.BlockedSince(now - std::min(limit, kOnIoThread));
  const bool silent = read_clock_.BlockedSince(now - (streams_ ? limit + kMoreForStreams : limit));
  if (!overdue && !misled && !silent) return;
  if (misled && !cut_) {
    log::Error("watchdog",
               "An I/O thread waits for content that the web server called spooled (HASHPOST_SPOOLED): the "
               "connection is cut. A stopped web server or its configuration is the cause.");
  }
  cut_ = true;
  ::shutdown(fd(), SHUT_RDWR);
}

void Connection::LookAtPace() {
  const bool waits = answer_due_ != 0 || read_clock_.BlockedSince(ReadClock::Clock::now());
  pace_.Look(inbound_.BytesRead() + sent_, waits);
}

void Connection::Evict() {
  evicted_ = true;
  inbound_.EndBody();
  ::shutdown(fd(), answer_due_ != 0 ? SHUT_RDWR : SHUT_RD);
}

Preview Connection::AwaitHead() {
  const watchdog::Waiting waiting;
  const ReadClock::Scope reading(read_clock_);
  // Bytes that lie there already make any wait for input end at once; only the peer's close can be waited
  // for.
  constexpr int kMilliseconds = 2;
  for (;;) {
    const Preview preview = PreviewRequest();
    if (preview.head != Head::kPartial || Cut()) return preview;
    pollfd peer{.fd = fd(), .events = POLLRDHUP, .revents = 0};
    ::poll(&peer, 1, kMilliseconds);
  }
}

bool Connection::ReadRequest(bool content_ended) {
  const watchdog::Waiting waiting;
  const ReadClock::Scope reading(read_clock_);
  if (request_.ipcFd < 0) return false;  // no descriptor was left for it
  request_.keepConnection = 1;           // or else FCGX_Accept_r begins by closing it
  if (FCGX_Accept_r(&request_) != 0) return false;
  // A read that fails ends the parameters early, and libfcgi takes what came so far for all of them: another
  // path, another request. (The preview has seen to that, too.)
  if (FCGX_GetError(request_.in) != 0) return false;
  inbound_.Parse(request_, read_clock_);
  peer_keeps_ = request_.keepConnection != 0;
  request_.keepConnection = 1;  // closing is left to us
  streams_ = on_io_thread_ = false;
  content_ended_ = content_ended;
  content_was_passed_over_ = false;
  writer_.emplace(request_.ipcFd, request_.requestId, sent_);
  return true;
}

bool Connection::RefuseLargeHead(const Preview& preview) {
  const watchdog::Waiting waiting;
  {
    const ReadClock::Scope reading(read_clock_);
    if (!PassOverRequest(fd())) return false;
  }
  http::Response response = http::ToResponse(http::HeaderTooLarge());
  writer_.emplace(fd(), preview.request_id, sent_);
  answer_due_ = AnswerDue(0);
  writer_->Write(ResponseHead(response, response.content.size()));
  writer_->Write(response.content);
  const bool sent = writer_->Finish();
  answer_due_ = 0;
  return sent && preview.peer_keeps;
}

// (On a connection that goes on. On another one a content without end must not keep its client from an
// answer.)
bool Connection::PassOverUnwantedContent() {
  if (inbound_.MayWantContent() || inbound_.BodyEnded() || (streams_ && !peer_keeps_)) return true;
  return !Cut() && inbound_.PassOver();
}

// Where the connection goes on. On another one only what is short and comes soon: a client of HTTP/2 that is
// answered while it sends may see no more than a broken stream.
bool Connection::ReadContentBeforeAnswer() {
  if (inbound_.BodyEnded()) return true;
  if (content_was_passed_over_ || Cut()) return false;
  content_was_passed_over_ = true;
  if (!streams_ || peer_keeps_) return inbound_.PassOver();
  constexpr std::uint64_t kShort = 64U << 10U;
  if (!BlockingPool::OnThread() || inbound_.request().content_length.value_or(kShort + 1) > kShort)
    return false;
  return inbound_.PassOverSoon(std::chrono::seconds(1));
}

// The peer may still be sending content; were the connection closed under it, it might not read the answer:
// Apache then answers 503. The end of our side is told at once, since nginx passes the answer on only then.
// (A thread that must not wait, such as the committer's, leaves it at that.)
void Connection::ReadContentAfterAnswer() {
  if (peer_keeps_ || inbound_.BodyEnded() || Cut() || !BlockingPool::OnThread()) return;
  ::shutdown(fd(), SHUT_WR);
  constexpr std::uint64_t kMost = 64U << 20U;
  constexpr std::chrono::seconds kLongest{30};
  const auto deadline = std::chrono::steady_clock::now() + kLongest;
  const ReadClock::Scope reading(read_clock_);
  std::array<char, 16384> scratch;  // NOLINT(cppcoreguidelines-pro-type-member-init): forgotten anyway
  for (std::uint64_t passed = 0; passed < kMost && std::chrono::steady_clock::now() < deadline;) {
    const ssize_t size = ::recv(fd(), scratch.data(), scratch.size(), 0);
    if (size <= 0) return;
    passed += static_cast<std::uint64_t>(size);
  }
}

void Connection::WriteAnswer(http::Response& response) {
  const watchdog::Waiting waiting;
  (void)ReadContentBeforeAnswer();
  const std::uint64_t length = response.streamed ? response.streamed->Size() : response.content.size();
  answer_due_ = AnswerDue(length);
  writer_->Write(ResponseHead(response, length));
  if (inbound_.request().method == "HEAD") return;
  if (response.streamed) {
    response.streamed->WriteTo(*writer_);
  } else {
    writer_->Write(response.content);
  }
}

void Connection::StreamContent() {
  streams_ = true;
  inbound_.StreamBody();
}

// Whoever reads looks before each read whether it is over. Only if nothing comes, so that it does not look,
// the read is ended: what the peer would send then fails, and it may pass over the end of the answer.
void Connection::EndContent() {
  if (!streams_) return;
  inbound_.EndBody();
  constexpr std::chrono::milliseconds kSilence{500};
  if (read_clock_.BlockedSince(std::chrono::steady_clock::now() - kSilence)) ::shutdown(fd(), SHUT_RD);
}

http::ResponseStream& Connection::BeginAnswer(const http::Response& head, const std::string& spool_folder) {
  if (inbound_.WantsAnswerLast()) {
    held_.emplace(Fields(head), spool_folder);
  } else {
    WriteLive(Fields(head) + "\r\n");
  }
  return live_response_;
}

void Connection::LiveResponse::Write(std::string_view bytes) {
  if (connection_.held_) {
    connection_.held_->content.Write(bytes);
  } else {
    connection_.WriteLive(bytes);
  }
}

void Connection::WriteLive(std::string_view bytes) {
  const watchdog::Waiting waiting;
  answer_due_ = AnswerDue(bytes.size());
  writer_->Write(bytes);
  answer_due_ = 0;
}

// False: not all of it could be read again.
bool Connection::WriteHeld() {
  try {
    WriteLive(held_->fields + ContentLength(held_->content.size()) + "\r\n");
    io::FileReader content(held_->content.fd());
    std::vector<char> buffer(kHeldPiece);
    for (std::uint64_t left = held_->content.size(); left > 0;) {
      const std::size_t got = content.Read(buffer);
      if (got == 0) return false;
      WriteLive({buffer.data(), got});
      left -= got;
    }
    return true;
  } catch (const std::system_error& error) {
    log::Error("worker", std::string("An answer is cut, its file cannot be read: ") + error.what());
    return false;
  }
}

bool Connection::LiveResponse::Flush() {
  if (connection_.held_) return true;
  const watchdog::Waiting waiting;
  connection_.answer_due_ = AnswerDue(0);
  const bool sent = connection_.writer_->Flush();
  connection_.answer_due_ = 0;
  return sent;
}

bool Connection::FinishRequest() {
  const watchdog::Waiting waiting;
  // On a connection that the peer keeps, the end of the answer would let it send the next request behind this
  // content: where that does not end, the answer is given without its end.
  const bool content_ended = ReadContentBeforeAnswer();
  if (held_) {
    const bool whole = WriteHeld();
    held_.reset();
    if (!whole) {
      CutAnswer();
      return false;
    }
  }
  if (answer_due_ == 0) answer_due_ = AnswerDue(0);
  const bool sent = content_ended || !peer_keeps_ ? writer_->Finish() : writer_->Flush();
  answer_due_ = 0;
  if (sent) ReadContentAfterAnswer();
  const bool usable = sent && content_ended && peer_keeps_ && !Cut() && FCGX_GetError(request_.in) == 0;
  streams_ = false;
  FCGX_Free(&request_, 0);
  return usable;
}

void Connection::CutAnswer() {
  const watchdog::Waiting waiting;
  if (held_) {
    held_.reset();
    http::Response response = http::ToResponse(http::BrokenOff());
    WriteAnswer(response);
    (void)FinishRequest();
    return;
  }
  answer_due_ = AnswerDue(0);
  const bool sent = writer_->Flush();
  answer_due_ = 0;
  ::shutdown(fd(), SHUT_WR);
  if (sent && !inbound_.BodyEnded() && !Cut()) (void)inbound_.PassOver();
}

}  // namespace hashpost::fcgi
