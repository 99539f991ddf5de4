// Content-Digest and Repr-Digest (RFC 9530), dictionaries of byte sequences (RFC 8941). Only sha-256 is
// checked; other algorithms are passed over, as the RFC allows. Thread-safe: no state.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fcgi-worker/http/request.h"
#include "lib/crypto/sha256.h"

namespace hashpost::http {

// "sha-256=:…:" for an answer.
[[nodiscard]] std::string FormatDigestField(const crypto::Sha256Digest& digest);

// The sha-256 digest that the request claims for its content, from Content-Digest or Repr-Digest (the same
// thing for us, since content codings are refused); nullopt if it claims none. Throws HttpError 400 for a
// field that cannot be parsed, or two fields that disagree.
[[nodiscard]] std::optional<crypto::Sha256Digest> ClaimedDigest(const Request& request);

}  // namespace hashpost::http
