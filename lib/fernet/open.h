// Opening Fernet tokens (layout.h) of any size in about 360 KiB of memory, in two passes over their
// text: Verifier sees all of it and says whether it is authentic; only then does DecryptSpooled release
// plaintext. So that the passes see the same, keep the text where nobody else writes; the second one checks
// it again.
//
// Text: base64url with its padding and canonical, and one line break at the end is let pass (LF or CR LF).
// (Python's `cryptography` also takes the standard alphabet, skips foreign characters, and ignores stray bits
// and what follows the padding. The specification has none of this, and no known implementation writes it.)
// An object belongs to one thread at a time.

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "lib/crypto/hmac_sha256.h"
#include "lib/fernet/key.h"
#include "lib/fernet/layout.h"
#include "lib/fernet/reader.h"
#include "lib/io/byte_stream.h"

namespace hashpost::fernet {

enum class TokenFault {
  kEmpty,
  kNotBase64,
  kVersion,    // the first byte is not 0x80
  kTooShort,   // shorter than any token
  kCut,        // what is sealed is not a whole number of blocks
  kSignature,  // none of the keys made it, or it was changed
  kPadding,    // authentic, but the plaintext does not end as it must: whoever made it made it wrongly
  kExpired,    // authentic, but older than allowed
  kFuture,     // authentic, but its time is too far ahead of this clock
  kChanged,    // the second pass did not see what the first one did
};

// what(): one sentence for the sender: what is wrong and what to do. Shows nothing of keys or content.
class TokenError : public std::runtime_error {
 public:
  TokenError(TokenFault fault, const std::string& sentence) : std::runtime_error(sentence), fault_(fault) {}
  [[nodiscard]] TokenFault fault() const { return fault_; }

 private:
  TokenFault fault_;
};

// How far the time of a token may lie from `now`: up to `max_age` (0 s or more) behind, 60 s (the
// specification's bound for clocks that differ) ahead.
struct AgeLimit {
  std::chrono::seconds max_age;
  std::uint64_t now;  // seconds since the epoch
};

// What was verified: plain values, and a copy of the key that fitted.
class VerifiedToken {
 public:
  [[nodiscard]] std::uint64_t Time() const { return time_; }  // when it was sealed, seconds since the epoch
  [[nodiscard]] std::uint64_t PlaintextBytes() const { return plaintext_bytes_; }
  [[nodiscard]] const Key& key() const { return key_; }
  // The token's own code: tells it apart from any other. Valid as long as this object.
  [[nodiscard]] std::string_view Code() const { return {code_.data(), code_.size()}; }

 private:
  friend class Verifier;
  friend void DecryptSpooled(const VerifiedToken&, io::ByteSource&, io::ByteSink&);
  VerifiedToken(const Key& key, const crypto::HmacSha256::Code& code) : key_(key), code_(code) {}

  Key key_;
  crypto::HmacSha256::Code code_;
  std::uint64_t time_ = 0;
  std::uint64_t plaintext_bytes_ = 0;
};

// The first pass. It is a sink, so that a token can be verified while it is received and spooled.
class Verifier final : public io::ByteSink {
 public:
  // `keys` are copied. Each further key costs one more hash of the token.
  // `spool`, if there is one, is given what was signed as it is decoded, for DecryptSpooled: a quarter
  // less to write and read than the text, and decoded once only. It lives until Finish; what it throws is let
  // through.
  explicit Verifier(const Keys& keys, io::ByteSink* spool = nullptr);

  // Takes the next piece of the token's text. Throws TokenError kNotBase64 or kVersion as soon as it is
  // clear (or later, by Finish); then nothing else may be asked of this object.
  void Write(std::string_view text) override;

  // When all was written: checks length, signature, padding, and the age if there is a limit; without one any
  // time is accepted, expired or in the future. Throws TokenError (not kChanged). Only once.
  [[nodiscard]] VerifiedToken Finish(const std::optional<AgeLimit>& limit = std::nullopt);

 private:
  void Hash(std::string_view signed_bytes);

  TokenReader reader_;
  std::vector<Key> keys_;
  std::vector<crypto::HmacSha256> hmacs_;  // one for each key
  std::optional<std::uint64_t> time_;      // once the header was seen
  io::ByteSink* spool_;
};

// The second pass: reads what the verifier's spool was given and writes the plaintext to `plaintext`, in
// pieces of up to 96 KiB. It verifies the signature again: throws TokenError kChanged if `spooled` is not
// what was verified; then what `plaintext` got is to be thrown away. Throws what the streams throw.
void DecryptSpooled(const VerifiedToken& token, io::ByteSource& spooled, io::ByteSink& plaintext);

}  // namespace hashpost::fernet
