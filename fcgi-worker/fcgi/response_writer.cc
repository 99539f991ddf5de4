#include "fcgi-worker/fcgi/response_writer.h"

#include <fastcgi.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace hashpost::fcgi {
namespace {

// The largest multiple of eight that a record can carry: the web server's own buffers are of this kind.
constexpr std::size_t kMostContent = 65528;

using Header = std::array<char, FCGI_HEADER_LEN>;

Header MakeHeader(int type, int request_id, std::size_t length) {
  const auto low = [](std::size_t number) { return static_cast<char>(number & 0xFFU); };
  const auto id = static_cast<std::size_t>(request_id);
  return {
      FCGI_VERSION_1, static_cast<char>(type), low(id >> 8U), low(id), low(length >> 8U), low(length), 0, 0};
}

// Sends all of `pieces`, which it changes. False if the peer is gone.
bool SendAll(int fd, std::array<iovec, 3> pieces) {
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  for (;;) {
    const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    auto left = static_cast<std::size_t>(sent);
    while (message.msg_iovlen > 0 && left >= message.msg_iov->iov_len) {
      left -= message.msg_iov->iov_len;
      ++message.msg_iov;
      --message.msg_iovlen;
    }
    if (message.msg_iovlen == 0) return true;
    message.msg_iov->iov_base = static_cast<char*>(message.msg_iov->iov_base) + left;
    message.msg_iov->iov_len -= left;
  }
}

iovec Piece(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

}  // namespace

void ResponseWriter::Write(std::string_view bytes) {
  while (pending_.size() + bytes.size() > kMostContent) {
    if (pending_.empty()) {
      // From where it stands: a large content is not copied once more.
      SendRecord(bytes.substr(0, kMostContent), {});
      bytes.remove_prefix(kMostContent);
    } else {
      const std::size_t fits = kMostContent - pending_.size();
      pending_.append(bytes.substr(0, fits));
      bytes.remove_prefix(fits);
      Flush();
    }
  }
  pending_.append(bytes);
}

bool ResponseWriter::Flush() {
  if (!pending_.empty()) SendRecord(pending_, {});
  pending_.clear();
  return !failed_;
}

bool ResponseWriter::Finish() {
  // END_REQUEST: application status 0, and eight zero bytes say FCGI_REQUEST_COMPLETE.
  std::array<char, std::size_t{2} * FCGI_HEADER_LEN> end{};
  const Header header = MakeHeader(FCGI_END_REQUEST, request_id_, FCGI_HEADER_LEN);
  std::copy(header.begin(), header.end(), end.begin());
  SendRecord(pending_, {end.data(), end.size()});
  pending_.clear();
  return !failed_;
}

void ResponseWriter::SendRecord(std::string_view content, std::string_view behind) {
  if (failed_) return;
  const Header header = MakeHeader(FCGI_STDOUT, request_id_, content.size());
  const std::string_view head(header.data(), content.empty() ? 0 : header.size());
  failed_ = !SendAll(fd_, {Piece(head), Piece(content), Piece(behind)});
  sent_ += content.size();
}

}  // namespace hashpost::fcgi
