// The contexts in which OpenSSL computes piece by piece (EVP_MD_CTX(3), EVP_MAC_CTX(3), EVP_CIPHER_CTX(3)),
// each with one owner; known here by their names only, so that nobody else includes OpenSSL.

#pragma once

#include <memory>

struct evp_md_ctx_st;
struct evp_mac_ctx_st;
struct evp_cipher_ctx_st;

namespace hashpost::crypto {

struct FreeContext {
  void operator()(evp_md_ctx_st* context) const;
  void operator()(evp_mac_ctx_st* context) const;
  void operator()(evp_cipher_ctx_st* context) const;
};
template <class T>
using Context = std::unique_ptr<T, FreeContext>;

}  // namespace hashpost::crypto
