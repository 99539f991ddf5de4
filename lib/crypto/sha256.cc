// SHA-256 as FIPS 180-4 defines it, computed by OpenSSL 3 (EVP_MD_fetch(3), EVP_DigestInit(3)).

#include "lib/crypto/sha256.h"

#include <openssl/evp.h>

#include <new>
#include <stdexcept>

namespace hashpost::crypto {
namespace {

constexpr std::string_view kLowerDigits = "0123456789abcdef";

void Require(int openssl_result, const char* what) {
  if (openssl_result != 1) throw std::runtime_error(std::string("OpenSSL refused: ") + what);
}

// Fetching an algorithm takes a lock and a lookup in OpenSSL 3, so it is done once. Never freed: a thread may
// still hash while the process ends.
const EVP_MD* Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (algorithm == nullptr) throw std::runtime_error("OpenSSL offers no SHA-256");
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

struct Sha256::Context {
  Context() : evp(EVP_MD_CTX_new()) {
    if (evp == nullptr) throw std::bad_alloc();
  }
  ~Context() { EVP_MD_CTX_free(evp); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  void Start() { Require(EVP_DigestInit_ex2(evp, Algorithm(), nullptr), "start SHA-256"); }

  void Update(std::string_view bytes) {
    Require(EVP_DigestUpdate(evp, bytes.data(), bytes.size()), "update SHA-256");
  }

  Sha256Digest Finish() {
    std::array<std::uint8_t, Sha256Digest::kSize> bytes;
    Require(EVP_DigestFinal_ex(evp, bytes.data(), nullptr), "finish SHA-256");
    return Sha256Digest(bytes);
  }

  EVP_MD_CTX* evp;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  context_->Start();
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(std::string_view bytes) {
  context_->Update(bytes);
}

Sha256Digest Sha256::Finish() {
  const Sha256Digest digest = context_->Finish();
  context_->Start();
  return digest;
}

// Every POST and GET comes by here: one context for each thread saves an allocation for each message.
Sha256Digest HashSha256(std::string_view bytes) {
  thread_local Sha256::Context context;
  context.Start();  // first, so that a call that threw half-way leaves nothing behind
  context.Update(bytes);
  return context.Finish();
}

}  // namespace hashpost::crypto
