// EVP_MAC(3), EVP_MAC-HMAC(7), CRYPTO_memcmp(3).

#include "lib/crypto/hmac_sha256.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "lib/crypto/openssl.h"

namespace hashpost::crypto {
namespace {

// Fetched once and never freed: as in sha256.cc.
EVP_MAC* Algorithm() {
  static EVP_MAC* const algorithm = NotNull(EVP_MAC_fetch(nullptr, "HMAC", nullptr), "HMAC");
  return algorithm;
}

}  // namespace

HmacSha256::HmacSha256(std::string_view key) : context_(NotNull(EVP_MAC_CTX_new(Algorithm()), "context")) {
  std::array<char, 7> digest = {"SHA256"};
  const std::array<OSSL_PARAM, 2> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0), OSSL_PARAM_construct_end()};
  Require(EVP_MAC_init(context_.get(), Unsigned(key), key.size(), parameters.data()), "start HMAC");
}

void HmacSha256::Update(std::string_view bytes) {
  Require(EVP_MAC_update(context_.get(), Unsigned(bytes), bytes.size()), "update HMAC");
}

HmacSha256::Code HmacSha256::Finish() {
  Code code;
  std::size_t size = 0;
  Require(EVP_MAC_final(context_.get(), Unsigned(code.data()), &size, code.size()), "finish HMAC");
  if (size != code.size()) throw std::runtime_error("OpenSSL's HMAC-SHA256 has a strange length");
  return code;
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace hashpost::crypto
