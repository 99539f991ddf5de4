#include "lib/crypto/random.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "lib/crypto/openssl.h"

namespace hashpost::crypto {
namespace {

void Fill(std::span<char> bytes, int (*generate)(unsigned char*, int)) {
  Require(generate(Unsigned(bytes.data()), static_cast<int>(bytes.size())), "random bytes");
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
