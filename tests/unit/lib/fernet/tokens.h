// For the tests of Fernet: the key and the token of the specification's vectors, a token made in the plainest
// way to compare with, and short ways to seal and open whole strings.

#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base64/base64.h"
#include "lib/crypto/aes_cbc.h"
#include "lib/crypto/hmac_sha256.h"
#include "lib/fernet/open.h"
#include "lib/fernet/seal.h"
#include "tests/unit/lib/json/memory_streams.h"

namespace hashpost::fernet {

inline const Key& SpecificationKey() {
  static const Key key = Key::Parse("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=");
  return key;
}

inline const Keys& TestKeys() {
  static const Keys keys(SpecificationKey());
  return keys;
}

// "hello" at 1985-10-26T01:20:00-07:00 with the bytes 0 to 15 as IV.
inline constexpr const char* kSpecificationToken =
    "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
inline constexpr std::uint64_t kSpecificationTime = 499162800;

inline Stamp SpecificationStamp() {
  Stamp stamp;
  stamp.time = kSpecificationTime;
  for (std::size_t i = 0; i < stamp.iv.size(); ++i) stamp.iv[i] = static_cast<char>(i);
  return stamp;
}

// The text of a token with these bytes and their code behind them.
inline std::string SignedText(std::string bytes, const Key& key) {
  crypto::HmacSha256 hmac(key.SigningHalf());
  hmac.Update(bytes);
  const crypto::HmacSha256::Code code = hmac.Finish();
  return base64::Encode(bytes.append(code.data(), code.size()), base64::Alphabet::kUrlSafe);
}

inline std::string HeaderOf(const Stamp& stamp) {
  std::string header = "\x80";
  for (int shift = 56; shift >= 0; shift -= 8) header.push_back(static_cast<char>(stamp.time >> shift));
  return header.append(stamp.iv.data(), stamp.iv.size());
}

inline std::string PlainestToken(const std::string& plaintext, const Key& key, const Stamp& stamp) {
  std::string sealed(plaintext.size() + 2 * crypto::AesCbc::kBlockSize, '\0');
  crypto::AesCbc cipher = crypto::AesCbc::Encryptor(key.EncryptionHalf(), {stamp.iv.data(), stamp.iv.size()});
  const std::size_t size = cipher.Update(plaintext, sealed.data());
  sealed.resize(size + cipher.Finish(sealed.data() + size).value());
  return SignedText(HeaderOf(stamp) + sealed, key);
}

inline std::string Seal(std::string_view plaintext, const Key& key, const Stamp& stamp,
                        std::size_t piece = SIZE_MAX) {
  io::MemorySink token;
  Sealer sealer(key, token, stamp);
  for (; !plaintext.empty(); plaintext.remove_prefix(std::min(piece, plaintext.size()))) {
    sealer.Write(plaintext.substr(0, piece));
  }
  const std::uint64_t size = sealer.Finish();
  return size == token.text.size() ? token.text : "a false size";
}

inline VerifiedToken Verify(std::string_view text, const Keys& keys, std::size_t piece = SIZE_MAX,
                            const std::optional<AgeLimit>& limit = std::nullopt,
                            io::ByteSink* spool = nullptr) {
  Verifier verifier(keys, spool);
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    verifier.Write(text.substr(0, piece));
  }
  return verifier.Finish(limit);
}

inline std::string DecryptSpooled(const VerifiedToken& token, std::string_view spooled,
                                  std::size_t piece = SIZE_MAX) {
  io::MemorySource source(spooled, piece);
  io::MemorySink plaintext;
  DecryptSpooled(token, source, plaintext);
  return plaintext.text;
}

inline std::string Open(std::string_view text, const Keys& keys, std::size_t piece = SIZE_MAX) {
  io::MemorySink spool;
  const VerifiedToken token = Verify(text, keys, piece, std::nullopt, &spool);
  return DecryptSpooled(token, spool.text, piece);
}

// How the verifier judges it; nullopt if it takes it.
inline std::optional<TokenFault> FaultOf(std::string_view text, const Keys& keys,
                                         const std::optional<AgeLimit>& limit = std::nullopt,
                                         std::size_t piece = SIZE_MAX) {
  try {
    (void)Verify(text, keys, piece, limit);
  } catch (const TokenError& error) {
    return error.fault();
  }
  return std::nullopt;
}

// Text of any size that does not repeat soon.
inline std::string Noise(std::size_t size) {
  std::string noise(size, '\0');
  std::uint32_t state = 1;
  for (char& byte : noise) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  return noise;
}

}  // namespace hashpost::fernet
