// EVP_CipherInit_ex2(3), EVP_CIPHER-AES(7).

#include "lib/crypto/aes_cbc.h"

#include <openssl/err.h>

#include "lib/crypto/openssl.h"

namespace hashpost::crypto {
namespace {

// Fetched once and never freed: as in sha256.cc.
const EVP_CIPHER* Algorithm() {
  static const EVP_CIPHER* const algorithm =
      NotNull(EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr), "AES-128-CBC");
  return algorithm;
}

}  // namespace

AesCbc::AesCbc(std::string_view key, std::string_view iv, bool encrypt)
    : context_(NotNull(EVP_CIPHER_CTX_new(), "context")) {
  if (key.size() != kKeySize || iv.size() != kBlockSize) {
    throw std::invalid_argument("AES-128-CBC takes a key and an IV of 16 bytes each");
  }
  Require(
      EVP_CipherInit_ex2(context_.get(), Algorithm(), Unsigned(key), Unsigned(iv), encrypt ? 1 : 0, nullptr),
      "start AES-128-CBC");
}

AesCbc AesCbc::Encryptor(std::string_view key, std::string_view iv) {
  return {key, iv, true};
}
AesCbc AesCbc::Decryptor(std::string_view key, std::string_view iv) {
  return {key, iv, false};
}

std::size_t AesCbc::Update(std::string_view bytes, char* out) {
  if (bytes.size() > kMaxPiece) throw std::length_error("more than 1 GiB for AES in one piece");
  int written = 0;
  Require(EVP_CipherUpdate(context_.get(), Unsigned(out), &written, Unsigned(bytes),
                           static_cast<int>(bytes.size())),
          "update AES-128-CBC");
  return static_cast<std::size_t>(written);
}

std::optional<std::size_t> AesCbc::Finish(char* out) {
  int written = 0;
  if (EVP_CipherFinal_ex(context_.get(), Unsigned(out), &written) != 1) {
    ERR_clear_error();  // expected: nobody may find it later and take it for his own
    return std::nullopt;
  }
  return static_cast<std::size_t>(written);
}

}  // namespace hashpost::crypto
