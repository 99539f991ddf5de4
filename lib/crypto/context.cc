#include "lib/crypto/context.h"

#include <openssl/evp.h>

namespace hashpost::crypto {

void FreeContext::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}
void FreeContext::operator()(evp_mac_ctx_st* context) const {
  EVP_MAC_CTX_free(context);
}
void FreeContext::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);
}

}  // namespace hashpost::crypto
