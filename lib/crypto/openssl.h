// OpenSSL's objects with one owner, and its refusals as exceptions. Only for lib/crypto.

#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

namespace hashpost::crypto {

struct FreeOpenSsl {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(STACK_OF(X509_INFO) * parts) const { sk_X509_INFO_pop_free(parts, X509_INFO_free); }
};
template <class T>
using Owned = std::unique_ptr<T, FreeOpenSsl>;

inline void Require(int openssl_result, const char* what) {
  if (openssl_result != 1) throw std::runtime_error(std::string("OpenSSL refused: ") + what);
}

// Of what OpenSSL allocates or fetches: a null pointer is an exception.
template <class T>
T* NotNull(T* object, const char* what) {
  if (object == nullptr) throw std::runtime_error(std::string("OpenSSL offers no ") + what);
  return object;
}

inline unsigned char* Unsigned(char* bytes) {
  return reinterpret_cast<unsigned char*>(bytes);
}
inline const unsigned char* Unsigned(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace hashpost::crypto
