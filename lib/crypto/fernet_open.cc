#include "lib/crypto/fernet_open.h"

#include <algorithm>
#include <array>
#include <memory>

#include "lib/crypto/aes_cbc.h"
#include "lib/io/file_source.h"

namespace hashpost::crypto {
namespace {

using fernet::kBlockBytes;
using fernet::kHeaderBytes;

constexpr std::uint64_t kMaxSkewSeconds = 60;
constexpr std::size_t kPieceBytes = std::size_t{96} * 1024;

std::uint64_t TimeOf(std::string_view header) {
  std::uint64_t time = 0;
  for (const char byte : header.substr(fernet::kTimeAt, fernet::kTimeBytes)) {
    time = time << 8 | static_cast<unsigned char>(byte);
  }
  return time;
}

// (By differences: a sum could overflow, since whoever has a key may write any time.)
void CheckAge(std::uint64_t time, const FernetAgeLimit& limit) {
  const auto max_age = static_cast<std::uint64_t>(std::max<std::int64_t>(limit.max_age.count(), 0));
  if (time < limit.now && limit.now - time > max_age) {
    throw FernetError(TokenFault::kExpired, "The token was sealed " + std::to_string(limit.now - time) +
                                                " s ago, and at most " + std::to_string(max_age) +
                                                " s are allowed: seal the content again.");
  }
  if (time > limit.now && time - limit.now > kMaxSkewSeconds) {
    throw FernetError(TokenFault::kFuture, "The token's time is " + std::to_string(time - limit.now) +
                                               " s ahead of this clock, and at most " +
                                               std::to_string(kMaxSkewSeconds) +
                                               " s are allowed: set the clocks.");
  }
}

// How many bytes of the last block are padding; 0 if it is none. `blocks` are the last two, or the IV and the
// only one: in this mode the block before is all that the decryption of a block needs.
std::size_t PaddingOf(const FernetKey& key, std::string_view blocks) {
  AesCbc cipher = AesCbc::Decryptor(key.EncryptionHalf(), blocks.substr(0, kBlockBytes));
  std::array<char, 3 * kBlockBytes> plain;
  const std::size_t held = cipher.Update(blocks.substr(kBlockBytes), plain.data());
  const std::optional<std::size_t> size = cipher.Finish(plain.data() + held);
  return size ? kBlockBytes - held - *size : 0;
}

}  // namespace

FernetVerifier::FernetVerifier(const FernetKeys& keys, io::ByteSink* spool)
    : keys_(keys.All().begin(), keys.All().end()), spool_(spool) {
  hmacs_.reserve(keys_.size());
  for (const FernetKey& key : keys_) hmacs_.emplace_back(key.SigningHalf());
}

void FernetVerifier::Write(std::string_view text) {
  while (!text.empty()) {
    const std::span<char> room = reader_.Room();
    const std::size_t size = text.copy(room.data(), room.size());
    reader_.Filled(size);
    text.remove_prefix(size);
    if (reader_.Full()) Hash(reader_.Take());
  }
}

void FernetVerifier::Hash(std::string_view signed_bytes) {
  if (!time_) {
    if (signed_bytes.front() != fernet::kVersion) {
      throw FernetError(TokenFault::kVersion,
                        "The token does not begin with the version 0x80: it is no Fernet token.");
    }
    time_ = TimeOf(signed_bytes);
  }
  for (HmacSha256& hmac : hmacs_) hmac.Update(signed_bytes);
  if (spool_ != nullptr) spool_->Write(signed_bytes);
}

VerifiedToken FernetVerifier::Finish(const std::optional<FernetAgeLimit>& limit) {
  const std::string_view rest = reader_.TakeLast();
  Hash(rest);
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const HmacSha256::Code code = hmacs_[i].Finish();
    if (!EqualInConstantTime({code.data(), code.size()}, reader_.Code())) continue;
    VerifiedToken token(keys_[i], code);
    token.time_ = *time_;
    if (limit) CheckAge(token.time_, *limit);
    const std::size_t padding = PaddingOf(keys_[i], rest.substr(rest.size() - 2 * kBlockBytes));
    if (padding == 0) {
      throw FernetError(
          TokenFault::kPadding,
          "The token is authentic, but its plaintext is not padded as it must be: its maker is faulty.");
    }
    token.plaintext_bytes_ = reader_.Bytes() - kHeaderBytes - fernet::kCodeBytes - padding;
    return token;
  }
  throw FernetError(
      TokenFault::kSignature,
      "The token's signature fits no key here: it was sealed with another key, or changed or cut on the "
      "way. Compare the fingerprints of the keys.");
}

namespace {

[[noreturn]] void ThrowChanged() {
  throw FernetError(
      TokenFault::kChanged,
      "The token was changed between the moment when it was verified and the moment when it was "
      "decrypted: keep it where nobody else writes.");
}

// Decrypts signed bytes; the first piece has the header.
class Decryption {
 public:
  Decryption(const FernetKey& key, io::ByteSink& plaintext)
      : key_(key),
        hmac_(key.SigningHalf()),
        plaintext_(plaintext),
        plain_(new char[kPieceBytes + kBlockBytes]) {}

  void Take(std::string_view signed_bytes) {
    hmac_.Update(signed_bytes);
    if (!cipher_) {
      if (signed_bytes.size() < kHeaderBytes) ThrowChanged();
      cipher_.emplace(
          AesCbc::Decryptor(key_.EncryptionHalf(), signed_bytes.substr(fernet::kIvAt, fernet::kIvBytes)));
      signed_bytes.remove_prefix(kHeaderBytes);
    }
    while (!signed_bytes.empty()) {
      const std::string_view piece = signed_bytes.substr(0, kPieceBytes);
      Release(cipher_->Update(piece, plain_.get()));
      signed_bytes.remove_prefix(piece.size());
    }
  }

  // Checks that `code` is that of all that was taken, and releases the rest.
  void Finish(const HmacSha256::Code& code) {
    const HmacSha256::Code own = hmac_.Finish();
    if (!cipher_ || !EqualInConstantTime({own.data(), own.size()}, {code.data(), code.size()}))
      ThrowChanged();
    const std::optional<std::size_t> size = cipher_->Finish(plain_.get());
    if (!size) ThrowChanged();
    Release(*size);
  }

 private:
  void Release(std::size_t size) {
    if (size > 0) plaintext_.Write({plain_.get(), size});
  }

  const FernetKey& key_;
  HmacSha256 hmac_;
  std::optional<AesCbc> cipher_;
  io::ByteSink& plaintext_;
  std::unique_ptr<char[]> plain_;
};

}  // namespace

void DecryptFernet(const VerifiedToken& token, io::ByteSource& text, io::ByteSink& plaintext) {
  FernetReader reader;
  Decryption decryption(token.key_, plaintext);
  while (const std::size_t size = text.Read(reader.Room())) {
    reader.Filled(size);
    if (reader.Full()) decryption.Take(reader.Take());
  }
  decryption.Take(reader.TakeLast());
  decryption.Finish(token.code_);
}

void DecryptSpooledFernet(const VerifiedToken& token, io::ByteSource& spooled, io::ByteSink& plaintext) {
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

VerifiedToken OpenFernetFile(int fd, const FernetKeys& keys, const std::optional<FernetAgeLimit>& limit,
                             io::ByteSink& plaintext) {
  FernetVerifier verifier(keys);
  {
    io::FileSource text(fd);
    const auto piece = std::make_unique<std::array<char, std::size_t{128} * 1024>>();
    while (const std::size_t size = text.Read(*piece)) verifier.Write({piece->data(), size});
  }
  VerifiedToken token = verifier.Finish(limit);
  io::FileSource text(fd);
  DecryptFernet(token, text, plaintext);
  return token;
}

}  // namespace hashpost::crypto
