// Handover: a draining worker gives its kept connections to a sibling, so that nothing the web server may be
// about to use is ever closed. It connects to the pool's own FastCGI socket and passes the descriptor
// (SCM_RIGHTS, unix(7)) behind one marker byte; whoever accepts tells it from FastCGI by that first byte.

#pragma once

#include <unistd.h>

#include <string>

#include "lib/io/unique_fd.h"

namespace hashpost::fcgi {

// No FastCGI record starts with it: their first byte is the protocol version, 1.
inline constexpr unsigned char kHandoverMarker = 0xC7;

// Gives `fd` to whoever accepts next on the unix socket at `pool_socket`; the caller still closes its own
// copy. False: nobody listens there, or its queue is full; keep serving.
[[nodiscard]] bool HandOver(const std::string& pool_socket, int fd);

enum class Arrival {
  kFastCgi,   // an ordinary connection
  kHandover,  // carries a descriptor
  kGone,      // closed, or broken
};

// Looks at the first byte of a readable new connection without taking it.
[[nodiscard]] Arrival Classify(int fd);

// Takes the descriptor that `carrier` carries; an empty one if the peer runs as another user than `user`, of
// whom nothing is taken, or carries none, or more than one.
[[nodiscard]] io::UniqueFd Receive(int carrier, uid_t user = ::geteuid());

}  // namespace hashpost::fcgi
