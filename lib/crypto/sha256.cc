// SHA-256 as FIPS 180-4 defines it, computed by OpenSSL 3 (EVP_MD_fetch(3), EVP_DigestInit(3)).

#include "lib/crypto/sha256.h"

#include "lib/crypto/openssl.h"

namespace hashpost::crypto {
namespace {

constexpr std::string_view kLowerDigits = "0123456789abcdef";

// Fetching an algorithm takes a lock and a lookup in OpenSSL 3, so it is done once. Never freed: a thread may
// still hash while the process ends.
const EVP_MD* Algorithm() {
  static const EVP_MD* const algorithm = NotNull(EVP_MD_fetch(nullptr, "SHA256", nullptr), "SHA-256");
  return algorithm;
}

int DigitValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<Sha256Digest> Sha256Digest::FromHex(std::string_view hex) {
  if (hex.size() != 2 * kSize) return std::nullopt;
  Sha256Digest digest;
  for (std::size_t i = 0; i < kSize; ++i) {
    const int high = DigitValue(hex[2 * i]);
    const int low = DigitValue(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest.bytes_[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return digest;
}

std::string Sha256Digest::Hex() const {
  std::string hex(2 * kSize, '0');
  for (std::size_t i = 0; i < kSize; ++i) {
    hex[2 * i] = kLowerDigits[bytes_[i] >> 4];
    hex[2 * i + 1] = kLowerDigits[bytes_[i] & 0x0F];
  }
  return hex;
}

Sha256::Sha256() : context_(NotNull(EVP_MD_CTX_new(), "context")) {
  Start();
}

void Sha256::Start() {
  Require(EVP_DigestInit_ex2(context_.get(), Algorithm(), nullptr), "start SHA-256");
}

void Sha256::Update(std::string_view bytes) {
  Require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()), "update SHA-256");
}

Sha256Digest Sha256::Finish() {
  std::array<std::uint8_t, Sha256Digest::kSize> bytes;
  Require(EVP_DigestFinal_ex(context_.get(), bytes.data(), nullptr), "finish SHA-256");
  Start();
  return Sha256Digest(bytes);
}

// Every POST and GET comes by here: one context for each thread saves an allocation for each message.
Sha256Digest HashSha256(std::string_view bytes) {
  thread_local Sha256 hash;
  hash.Start();  // first, so that a call that threw half-way leaves nothing behind
  hash.Update(bytes);
  std::array<std::uint8_t, Sha256Digest::kSize> digest;
  Require(EVP_DigestFinal_ex(hash.context_.get(), digest.data(), nullptr), "finish SHA-256");
  return Sha256Digest(digest);
}

}  // namespace hashpost::crypto
