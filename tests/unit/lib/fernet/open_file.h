// Both passes over a token in a file, as the receiver makes them over one that it takes.

#pragma once

#include <array>
#include <memory>
#include <optional>

#include "lib/fernet/open.h"
#include "lib/io/file_reader.h"
#include "lib/io/spool.h"

namespace hashpost::fernet {

// Opens the regular file `fd` from its start, whatever its position. Throws TokenError, before anything is
// written to `plaintext`, std::system_error, and what `plaintext` throws.
inline VerifiedToken OpenFile(int fd, const Keys& keys, const std::optional<AgeLimit>& limit,
                              io::ByteSink& plaintext) {
  io::Spool spool("/tmp");
  Verifier verifier(keys, &spool);
  io::FileReader text(fd);
  const auto piece = std::make_unique<std::array<char, std::size_t{128} * 1024>>();
  while (const std::size_t size = text.Read(*piece)) verifier.Write({piece->data(), size});
  VerifiedToken token = verifier.Finish(limit);
  io::FileReader spooled(spool.fd());
  DecryptSpooled(token, spooled, plaintext);
  return token;
}

}  // namespace hashpost::fernet
