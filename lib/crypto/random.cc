#include "lib/crypto/random.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <stdexcept>

namespace hashpost::crypto {
namespace {

void Fill(std::span<char> bytes, int (*generate)(unsigned char*, int)) {
  if (generate(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error("OpenSSL has no random bytes.");
  }
}

}  // namespace

void FillRandom(std::span<char> bytes) {
  Fill(bytes, RAND_bytes);
}

void FillRandomSecret(std::span<char> bytes) {
  Fill(bytes, RAND_priv_bytes);
}

void Wipe(std::span<char> secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
}

}  // namespace hashpost::crypto
