// EVP_MAC(3), EVP_MAC-HMAC(7), CRYPTO_memcmp(3).

#include "lib/crypto/hmac_sha256.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <new>
#include <stdexcept>
#include <string>

namespace hashpost::crypto {
namespace {

void Require(int openssl_result, const char* what) {
  if (openssl_result != 1) throw std::runtime_error(std::string("OpenSSL refused: ") + what);
}

// Fetched once and never freed: as in sha256.cc.
EVP_MAC* Algorithm() {
  static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  if (algorithm == nullptr) throw std::runtime_error("OpenSSL offers no HMAC");
  return algorithm;
}

}  // namespace

struct HmacSha256::Context {
  Context() : evp(EVP_MAC_CTX_new(Algorithm())) {
    if (evp == nullptr) throw std::bad_alloc();
  }
  ~Context() { EVP_MAC_CTX_free(evp); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  EVP_MAC_CTX* evp;
};

HmacSha256::HmacSha256(std::string_view key) : context_(std::make_unique<Context>()) {
  std::array<char, 7> digest = {"SHA256"};
  const std::array<OSSL_PARAM, 2> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0), OSSL_PARAM_construct_end()};
  Require(EVP_MAC_init(context_->evp, reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                       parameters.data()),
          "start HMAC");
}
HmacSha256::~HmacSha256() = default;
HmacSha256::HmacSha256(HmacSha256&&) noexcept = default;
HmacSha256& HmacSha256::operator=(HmacSha256&&) noexcept = default;

void HmacSha256::Update(std::string_view bytes) {
  Require(EVP_MAC_update(context_->evp, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()),
          "update HMAC");
}

HmacSha256::Code HmacSha256::Finish() {
  Code code;
  std::size_t size = 0;
  Require(EVP_MAC_final(context_->evp, reinterpret_cast<unsigned char*>(code.data()), &size, code.size()),
          "finish HMAC");
  if (size != code.size()) throw std::runtime_error("OpenSSL's HMAC-SHA256 has a strange length");
  return code;
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace hashpost::crypto
