// EVP_CipherInit_ex2(3), EVP_CIPHER-AES(7).

#include "lib/crypto/aes_cbc.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <new>
#include <stdexcept>
#include <string>

namespace hashpost::crypto {
namespace {

unsigned char* Unsigned(char* bytes) {
  return reinterpret_cast<unsigned char*>(bytes);
}
const unsigned char* Unsigned(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// Fetched once and never freed: as in sha256.cc.
const EVP_CIPHER* Algorithm() {
  static const EVP_CIPHER* const algorithm = EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr);
  if (algorithm == nullptr) throw std::runtime_error("OpenSSL offers no AES-128-CBC");
  return algorithm;
}

}  // namespace

struct AesCbc::Context {
  Context() : evp(EVP_CIPHER_CTX_new()) {
    if (evp == nullptr) throw std::bad_alloc();
  }
  ~Context() { EVP_CIPHER_CTX_free(evp); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  EVP_CIPHER_CTX* evp;
};

AesCbc::AesCbc(std::string_view key, std::string_view iv, bool encrypt)
    : context_(std::make_unique<Context>()) {
  if (key.size() != kKeySize || iv.size() != kBlockSize) {
    throw std::invalid_argument("AES-128-CBC takes a key and an IV of 16 bytes each");
  }
  if (EVP_CipherInit_ex2(context_->evp, Algorithm(), Unsigned(key), Unsigned(iv), encrypt ? 1 : 0, nullptr) !=
      1) {
    throw std::runtime_error("OpenSSL refused: start AES-128-CBC");
  }
}
AesCbc::~AesCbc() = default;
AesCbc::AesCbc(AesCbc&&) noexcept = default;
AesCbc& AesCbc::operator=(AesCbc&&) noexcept = default;

AesCbc AesCbc::Encryptor(std::string_view key, std::string_view iv) {
  return {key, iv, true};
}
AesCbc AesCbc::Decryptor(std::string_view key, std::string_view iv) {
  return {key, iv, false};
}

std::size_t AesCbc::Update(std::string_view bytes, char* out) {
  if (bytes.size() > kMaxPiece) throw std::length_error("more than 1 GiB for AES in one piece");
  int written = 0;
  if (EVP_CipherUpdate(context_->evp, Unsigned(out), &written, Unsigned(bytes),
                       static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error("OpenSSL refused: update AES-128-CBC");
  }
  return static_cast<std::size_t>(written);
}

std::optional<std::size_t> AesCbc::Finish(char* out) {
  int written = 0;
  if (EVP_CipherFinal_ex(context_->evp, Unsigned(out), &written) != 1) {
    ERR_clear_error();  // expected: nobody may find it later and take it for his own
    return std::nullopt;
  }
  return static_cast<std::size_t>(written);
}

}  // namespace hashpost::crypto
