// Base64 (RFC 4648 §4) by OpenSSL's block primitives (EVP_EncodeInit(3)), made strict.

#include "lib/crypto/base64.h"

#include <openssl/evp.h>

#include <climits>
#include <stdexcept>

namespace hashpost::crypto {
namespace {

// OpenSSL counts in int; a gigabyte of input keeps clear of its end, and nothing here is that long.
constexpr std::size_t kMaxBytes = 1U << 30;
static_assert(kMaxBytes / 3 * 4 + 4 < INT_MAX);

const unsigned char* Unsigned(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string EncodeBase64(std::string_view bytes) {
  if (bytes.size() > kMaxBytes) throw std::length_error("more than 1 GiB for base64");
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock ends its work with a NUL
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), Unsigned(bytes),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.empty()) return std::string();
  if (text.size() % 4 != 0 || text.size() > kMaxBytes) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), Unsigned(text),
                                     static_cast<int>(text.size()));
  if (length < 0 || static_cast<std::size_t>(length) != bytes.size()) return std::nullopt;
  if (text.back() == '=') bytes.pop_back();  // EVP_DecodeBlock counts padding as zero bytes
  if (text[text.size() - 2] == '=') bytes.pop_back();
  // EVP_DecodeBlock skips white space and overlooks stray bits: only what encodes back to the same is
  // canonical.
  if (EncodeBase64(bytes) != text) return std::nullopt;
  return bytes;
}

}  // namespace hashpost::crypto
