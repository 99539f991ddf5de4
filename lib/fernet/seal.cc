#include "lib/fernet/seal.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>

#include "lib/base64/base64.h"
#include "lib/crypto/random.h"
#include "lib/io/big_endian.h"

namespace hashpost::fernet {
namespace {

// What is encrypted, hashed and encoded at a time: much for each call, yet all of it stays in a processor's
// cache.
constexpr std::size_t kPieceBytes = std::size_t{96} * 1024;
// Up to two bytes that make no group yet (or the header), a piece, the block that waited in the cipher, the
// code.
constexpr std::size_t kRawBytes = kHeaderBytes + kPieceBytes + 2 * kBlockBytes + kCodeBytes;

std::array<char, kHeaderBytes> MakeHeader(const Stamp& stamp) {
  std::array<char, kHeaderBytes> header;
  header[0] = kVersionByte;
  std::ranges::copy(io::ToBigEndian(stamp.time), header.begin() + kTimeAt);
  std::copy(stamp.iv.begin(), stamp.iv.end(), header.begin() + kIvAt);
  return header;
}

}  // namespace

Stamp Stamp::Now() {
  Stamp stamp;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  stamp.time = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  crypto::FillRandom(stamp.iv);
  return stamp;
}

Sealer::Sealer(const Key& key, io::ByteSink& token, const Stamp& stamp)
    : cipher_(crypto::AesCbc::Encryptor(key.EncryptionHalf(), {stamp.iv.data(), stamp.iv.size()})),
      hmac_(key.SigningHalf()),
      token_(token),
      plain_(new char[kPieceBytes]),
      raw_(new char[kRawBytes]),
      text_(new char[kRawBytes / 3 * 4]) {
  const auto header = MakeHeader(stamp);
  hmac_.Update({header.data(), header.size()});
  std::copy(header.begin(), header.end(), raw_.get());
  raw_size_ = header.size();
}

void Sealer::Write(std::string_view plaintext) {
  while (!plaintext.empty()) {
    if (plain_size_ == 0 && plaintext.size() >= kPieceBytes) {  // nothing to gather
      Encrypt(plaintext.substr(0, kPieceBytes));
      plaintext.remove_prefix(kPieceBytes);
      continue;
    }
    const std::size_t size = plaintext.copy(plain_.get() + plain_size_, kPieceBytes - plain_size_);
    plain_size_ += size;
    plaintext.remove_prefix(size);
    if (plain_size_ == kPieceBytes) {
      Encrypt({plain_.get(), kPieceBytes});
      plain_size_ = 0;
    }
  }
}

std::uint64_t Sealer::Finish() {
  Encrypt({plain_.get(), plain_size_});
  char* const last = raw_.get() + raw_size_;
  const std::optional<std::size_t> size = cipher_.Finish(last);
  if (size != kBlockBytes) throw std::runtime_error("OpenSSL did not pad the last block.");
  hmac_.Update({last, *size});
  const crypto::HmacSha256::Code code = hmac_.Finish();
  std::copy(code.begin(), code.end(), last + *size);
  raw_size_ += *size + code.size();
  const std::string text = base64::Encode({raw_.get(), raw_size_}, base64::Alphabet::kUrlSafe);
  token_.Write(text);
  return token_bytes_ + text.size();
}

void Sealer::Encrypt(std::string_view plaintext) {
  char* const sealed = raw_.get() + raw_size_;
  const std::size_t size = cipher_.Update(plaintext, sealed);
  hmac_.Update({sealed, size});
  raw_size_ += size;
  if (plaintext.size() == kPieceBytes) Emit();
}

void Sealer::Emit() {
  const std::size_t ready = raw_size_ / 3 * 3;
  base64::EncodeGroups({raw_.get(), ready}, base64::Alphabet::kUrlSafe, text_.get());
  token_.Write({text_.get(), ready / 3 * 4});
  token_bytes_ += ready / 3 * 4;
  raw_size_ -= ready;
  std::memmove(raw_.get(), raw_.get() + ready, raw_size_);
}

}  // namespace hashpost::fernet
