// RequestPreview: looks at the next request on a connection before libfcgi reads it (FastCGI 1.0 §3.3, §3.4,
// §5), and takes nothing. libfcgi waits inside its reads and allocates whatever a parameter's length says, so
// a thread that must not wait, or a length that is too large, has to be known beforehand. No state; one
// thread at a time.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hashpost::fcgi {

// All parameters of a request together: well above what each web server lets through by default.
inline constexpr std::size_t kMaxHeadBytes = 64U << 10U;

enum class Head : unsigned char {
  kWhole,     // all of it has come, and libfcgi can read it without waiting
  kPartial,   // what has come is right so far
  kTooLarge,  // more than kMaxHeadBytes
  kBroken,    // not a responder's request in FastCGI, or one that contradicts itself: close the connection
  kGone,      // the peer has closed, in the middle of the head or before it
};

struct Preview {
  Head head = Head::kPartial;
  bool content_ended = false;  // kWhole: all of the content has come as well, so reading it waits for nobody
  std::uint16_t request_id = 0;  // kTooLarge
  bool peer_keeps = false;       // kTooLarge: the peer asked to keep the connection
};

// Looks at what `fd`, a connected stream socket, holds. Does not wait.
[[nodiscard]] Preview PreviewRequest(int fd);

// The same for bytes that were read from a connection's start.
[[nodiscard]] Preview PreviewRequest(std::string_view bytes);

// Takes a request of Head::kTooLarge from the blocking socket `fd`, to the end of its content. False: it does
// not end within 16 MiB, or the peer is gone; close the connection.
[[nodiscard]] bool PassOverRequest(int fd);

}  // namespace hashpost::fcgi
