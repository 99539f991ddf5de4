#include "lib/fernet/open.h"

#include <algorithm>
#include <array>
#include <memory>

#include "lib/crypto/aes_cbc.h"
#include "lib/io/big_endian.h"

namespace hashpost::fernet {
namespace {

constexpr std::uint64_t kMaxSkewSeconds = 60;
constexpr std::size_t kPieceBytes = std::size_t{96} * 1024;

// (By differences: a sum could overflow, since whoever has a key may write any time.)
void CheckAge(std::uint64_t time, const AgeLimit& limit) {
  const auto max_age = static_cast<std::uint64_t>(std::max<std::int64_t>(limit.max_age.count(), 0));
  if (time < limit.now && limit.now - time > max_age) {
    throw TokenError(TokenFault::kExpired, "The token was sealed " + std::to_string(limit.now - time) +
                                               " s ago, and at most " + std::to_string(max_age) +
                                               " s are allowed: seal the content again.");
  }
  if (time > limit.now && time - limit.now > kMaxSkewSeconds) {
    throw TokenError(TokenFault::kFuture, "The token's time is " + std::to_string(time - limit.now) +
                                              " s ahead of this clock, and at most " +
                                              std::to_string(kMaxSkewSeconds) +
                                              " s are allowed: set the clocks.");
  }
}

// How many bytes of the last block are padding; 0 if it is none. `blocks` are the last two, or the IV and the
// only one: in this mode the block before is all that the decryption of a block needs.
std::size_t PaddingOf(const Key& key, std::string_view blocks) {
  crypto::AesCbc cipher = crypto::AesCbc::Decryptor(key.EncryptionHalf(), blocks.substr(0, kBlockBytes));
  std::array<char, 3 * kBlockBytes> plain;
  const std::size_t held = cipher.Update(blocks.substr(kBlockBytes), plain.data());
  const std::optional<std::size_t> size = cipher.Finish(plain.data() + held);
  return size ? kBlockBytes - held - *size : 0;
}

}  // namespace

Verifier::Verifier(const Keys& keys, io::ByteSink* spool)
    : keys_(keys.All().begin(), keys.All().end()), spool_(spool) {
  hmacs_.reserve(keys_.size());
  for (const Key& key : keys_) hmacs_.emplace_back(key.SigningHalf());
}

void Verifier::Write(std::string_view text) {
  while (!text.empty()) {
    const std::span<char> room = reader_.Room();
    const std::size_t size = text.copy(room.data(), room.size());
    reader_.Filled(size);
    text.remove_prefix(size);
    if (reader_.Full()) Hash(reader_.Take());
  }
}

void Verifier::Hash(std::string_view signed_bytes) {
  if (!time_) {
    if (signed_bytes.front() != kVersionByte) {
      throw TokenError(TokenFault::kVersion,
                       "The token does not begin with the version 0x80: it is no Fernet token.");
    }
    time_ = io::FromBigEndian(signed_bytes.substr(kTimeAt));
  }
  for (crypto::HmacSha256& hmac : hmacs_) hmac.Update(signed_bytes);
  if (spool_ != nullptr) spool_->Write(signed_bytes);
}

VerifiedToken Verifier::Finish(const std::optional<AgeLimit>& limit) {
  const std::string_view rest = reader_.TakeLast();
  Hash(rest);
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const crypto::HmacSha256::Code code = hmacs_[i].Finish();
    if (!crypto::EqualInConstantTime({code.data(), code.size()}, reader_.Code())) continue;
    VerifiedToken token(keys_[i], code);
    token.time_ = *time_;
    if (limit) CheckAge(token.time_, *limit);
    const std::size_t padding = PaddingOf(keys_[i], rest.substr(rest.size() - 2 * kBlockBytes));
    if (padding == 0) {
      throw TokenError(
          TokenFault::kPadding,
          "The token is authentic, but its plaintext is not padded as it must be: its maker is faulty.");
    }
    token.plaintext_bytes_ = reader_.Bytes() - kHeaderBytes - kCodeBytes - padding;
    return token;
  }
  throw TokenError(
      TokenFault::kSignature,
      "The token's signature fits no key here: it was sealed with another key, or changed or cut on the "
      "way. Compare the fingerprints of the keys.");
}

namespace {

[[noreturn]] void ThrowChanged() {
  throw TokenError(TokenFault::kChanged,
                   "The token was changed between the moment when it was verified and the moment when it was "
                   "decrypted: keep it where nobody else writes.");
}

// Decrypts signed bytes; the first piece has the header.
class Decryption {
 public:
  Decryption(const Key& key, io::ByteSink& plaintext)
      : key_(key),
        hmac_(key.SigningHalf()),
        plaintext_(plaintext),
        plain_(new char[kPieceBytes + kBlockBytes]) {}

  void Take(std::string_view signed_bytes) {
    hmac_.Update(signed_bytes);
    if (!cipher_) {
      if (signed_bytes.size() < kHeaderBytes) ThrowChanged();
      cipher_.emplace(crypto::AesCbc::Decryptor(key_.EncryptionHalf(), signed_bytes.substr(kIvAt, kIvBytes)));
      signed_bytes.remove_prefix(kHeaderBytes);
    }
    while (!signed_bytes.empty()) {
      const std::string_view piece = signed_bytes.substr(0, kPieceBytes);
      Release(cipher_->Update(piece, plain_.get()));
      signed_bytes.remove_prefix(piece.size());
    }
  }

  // Checks that `code` is that of all that was taken, and releases the rest.
  void Finish(const crypto::HmacSha256::Code& code) {
    const crypto::HmacSha256::Code own = hmac_.Finish();
    if (!cipher_ || !crypto::EqualInConstantTime({own.data(), own.size()}, {code.data(), code.size()}))
      ThrowChanged();
    const std::optional<std::size_t> size = cipher_->Finish(plain_.get());
    if (!size) ThrowChanged();
    Release(*size);
  }

 private:
  void Release(std::size_t size) {
    if (size > 0) plaintext_.Write({plain_.get(), size});
  }

  const Key& key_;
  crypto::HmacSha256 hmac_;
  std::optional<crypto::AesCbc> cipher_;
  io::ByteSink& plaintext_;
  std::unique_ptr<char[]> plain_;
};

}  // namespace

void DecryptSpooled(const VerifiedToken& token, io::ByteSource& spooled, io::ByteSink& plaintext) {
  const auto piece = std::make_unique<std::array<char, kPieceBytes>>();
  Decryption decryption(token.key_, plaintext);
  for (;;) {
    std::size_t size = 0;  // filled up, since the first piece must have the whole header
    while (size < piece->size()) {
      const std::size_t more = spooled.Read(std::span(*piece).subspan(size));
      if (more == 0) break;
      size += more;
    }
    if (size == 0) break;
    decryption.Take({piece->data(), size});
  }
  decryption.Finish(token.code_);
}

}  // namespace hashpost::fernet
