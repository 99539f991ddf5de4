#include "fcgi-worker/fcgi/request_preview.h"

#include <fastcgi.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

namespace hashpost::fcgi {
namespace {

// Nearly every head, with a small content behind it.
constexpr std::size_t kUsualBytes = 8U << 10U;
constexpr std::size_t kMostBytes = kMaxHeadBytes + kUsualBytes;

unsigned At(std::string_view bytes, std::size_t index) {
  return static_cast<unsigned char>(bytes[index]);
}

struct RecordHeader {
  unsigned version;
  unsigned type;
  unsigned id;
  std::size_t content;
  std::size_t padding;
};

RecordHeader ParseHeader(std::string_view bytes) {
  return {At(bytes, 0), At(bytes, 1), At(bytes, 2) << 8U | At(bytes, 3),
          std::size_t{At(bytes, 4)} << 8U | At(bytes, 5), At(bytes, 6)};
}

// Follows the lengths of name-value pairs (§3.4), whose bytes may be spread over any number of records.
class PairLengths {
 public:
  // False: a pair is longer than a whole head may be.
  bool Take(std::string_view content) {
    while (!content.empty()) {
      if (skip_ > 0) {
        const std::size_t size = std::min(skip_, content.size());
        skip_ -= size;
        content.remove_prefix(size);
        continue;
      }
      if (!TakeLengthByte(At(content, 0))) return false;
      content.remove_prefix(1);
    }
    return true;
  }
  [[nodiscard]] bool Complete() const { return skip_ == 0 && bytes_left_ == 0 && !has_name_; }

 private:
  bool TakeLengthByte(unsigned byte) {
    constexpr unsigned kLong = 0x80;
    if (bytes_left_ > 0) {
      length_ = length_ << 8U | byte;
      if (--bytes_left_ > 0) return true;
    } else if ((byte & kLong) != 0) {
      length_ = byte & ~kLong;
      bytes_left_ = 3;
      return true;
    } else {
      length_ = byte;
    }
    if (length_ > kMaxHeadBytes) return false;
    skip_total_ += length_;
    if (has_name_) {
      skip_ = skip_total_;
      skip_total_ = 0;
    }
    has_name_ = !has_name_;
    return true;
  }
  std::size_t length_ = 0;
  unsigned bytes_left_ = 0;     // of a length of four bytes
  bool has_name_ = false;       // the name's length was read, the value's was not
  std::size_t skip_total_ = 0;  // of the lengths of this pair
  std::size_t skip_ = 0;        // bytes of name and value
};

bool IsResponderBegin(const RecordHeader& header, std::string_view body) {
  return header.type == FCGI_BEGIN_REQUEST && header.id != 0 &&
         header.content == sizeof(FCGI_BeginRequestBody) &&
         (At(body, 0) << 8U | At(body, 1)) == FCGI_RESPONDER;
}

class Walk {
 public:
  explicit Walk(std::string_view bytes) : rest_(bytes) {}

  Preview Run() {
    Preview preview;
    if (!Next()) return preview;
    // (Also refuses management records, which libfcgi would read into memory: no web server sends any.)
    if (header_.version != FCGI_VERSION_1 || header_.type != FCGI_BEGIN_REQUEST) return Broken();
    if (header_.padding > 0) return Broken();  // as behind the parameters
    if (!whole_) return preview;
    if (!IsResponderBegin(header_, content_)) return Broken();
    preview.request_id = static_cast<std::uint16_t>(header_.id);
    preview.peer_keeps = (At(content_, 2) & FCGI_KEEP_CONN) != 0;
    preview.head = WalkParams(header_.id);
    if (preview.head == Head::kWhole) preview.content_ended = ContentEnds(header_.id);
    return preview;
  }

 private:
  static Preview Broken() {
    Preview preview;
    preview.head = Head::kBroken;
    return preview;
  }

  Head WalkParams(unsigned id) {
    PairLengths lengths;
    std::size_t total = 0;
    while (Next()) {
      if (header_.version != FCGI_VERSION_1 || header_.type != FCGI_PARAMS || header_.id != id)
        return Head::kBroken;
      if (header_.content == 0) {
        if (header_.padding > 0) return Head::kBroken;  // libfcgi would take it for the next record
        return lengths.Complete() ? Head::kWhole : Head::kBroken;
      }
      total += header_.content;
      if (total > kMaxHeadBytes) return Head::kTooLarge;
      if (!lengths.Take(content_)) return Head::kBroken;
      if (!whole_) return Head::kPartial;
    }
    return Head::kPartial;
  }

  // Nothing but this request's content up to its end: what libfcgi makes of other records is its own affair,
  // and may be an error.
  bool ContentEnds(unsigned id) {
    while (Next() && header_.version == FCGI_VERSION_1 && header_.id == id && header_.type == FCGI_STDIN) {
      if (header_.content == 0) return whole_;
    }
    return false;
  }

  // Goes to the next record. False: its header has not come whole.
  bool Next() {
    if (rest_.size() < FCGI_HEADER_LEN) return false;
    header_ = ParseHeader(rest_);
    rest_.remove_prefix(FCGI_HEADER_LEN);
    content_ = rest_.substr(0, header_.content);
    const std::size_t size = header_.content + header_.padding;
    whole_ = rest_.size() >= size;
    rest_.remove_prefix(std::min(size, rest_.size()));
    return true;
  }

  std::string_view rest_;
  RecordHeader header_{};
  std::string_view content_;  // what has come of it
  bool whole_ = false;        // all of the record has come
};

// What the socket holds, up to the size of `buffer`; empty if it holds nothing.
std::string_view Peek(int fd, std::span<char> buffer) {
  ssize_t got = 0;
  do {
    got = ::recv(fd, buffer.data(), buffer.size(), MSG_PEEK | MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

bool PeerHasClosed(int fd) {
  pollfd peer{.fd = fd, .events = POLLRDHUP, .revents = 0};
  return ::poll(&peer, 1, 0) == 1 && (peer.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

bool ReadExactly(int fd, std::span<char> place) {
  while (!place.empty()) {
    const ssize_t got = ::recv(fd, place.data(), place.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    place = place.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

}  // namespace

Preview PreviewRequest(std::string_view bytes) {
  return Walk(bytes).Run();
}

Preview PreviewRequest(int fd) {
  const auto look = [fd](std::span<char> buffer) {
    const std::string_view bytes = Peek(fd, buffer);
    return std::pair(PreviewRequest(bytes), bytes.size());
  };
  std::array<char, kUsualBytes> usual;  // NOLINT(cppcoreguidelines-pro-type-member-init): the kernel fills it
  auto [preview, size] = look(usual);
  if (preview.head == Head::kPartial && size == usual.size()) {
    std::vector<char> large(kMostBytes);
    std::tie(preview, size) = look(large);
  }
  if (preview.head != Head::kPartial || !PeerHasClosed(fd)) return preview;
  // The rest may have come between the look and the close.
  std::vector<char> large(kMostBytes);
  std::tie(preview, size) = look(large);
  if (preview.head == Head::kPartial) preview.head = Head::kGone;
  return preview;
}

bool PassOverRequest(int fd) {
  constexpr std::size_t kMost = std::size_t{16} << 20U;
  constexpr std::size_t kLongestRecord = 65535 + 255;
  std::vector<char> scratch(kLongestRecord);
  std::array<char, FCGI_HEADER_LEN> bytes{};
  for (std::size_t passed = 0; passed < kMost;) {
    if (!ReadExactly(fd, bytes)) return false;
    const RecordHeader header = ParseHeader({bytes.data(), bytes.size()});
    if (header.version != FCGI_VERSION_1) return false;
    const std::size_t size = header.content + header.padding;
    if (!ReadExactly(fd, std::span(scratch).first(size))) return false;
    if (header.type == FCGI_STDIN && header.content == 0) return true;
    passed += bytes.size() + size;
  }
  return false;
}

}  // namespace hashpost::fcgi
