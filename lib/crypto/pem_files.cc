#include "lib/crypto/pem_files.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "lib/crypto/openssl.h"

namespace hashpost::crypto {
namespace {

// OpenSSL keeps errors of a thread in a queue; none of these tries leaves one behind.
struct ClearErrors {
  ~ClearErrors() { ERR_clear_error(); }
};

// OpenSSL would ask for a passphrase on the terminal; this says instead that it wanted one.
int NoPassphrase(char*, int, int, void* wanted) {
  *static_cast<bool*>(wanted) = true;
  return -1;
}

std::string CannotBeRead() {
  return "cannot be read: " + std::system_category().message(errno) + ".";
}

// A FIFO would be waited for, here and at each upload.
PemFault FaultOfFile(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return CannotBeRead();
  if (!S_ISREG(status.st_mode)) return "is not a regular file.";
  return std::nullopt;
}

Owned<BIO> Open(const std::string& path) {
  errno = 0;
  return FaultOfFile(path) ? nullptr : Owned<BIO>(BIO_new_file(path.c_str(), "r"));
}

Owned<X509> FirstCertificate(BIO* bio) {
  bool wanted = false;
  return Owned<X509>(PEM_read_bio_X509_AUX(bio, nullptr, NoPassphrase, &wanted));
}

}  // namespace

PemFault FaultOfTrusted(const std::string& path) {
  const ClearErrors clear;
  if (auto fault = FaultOfFile(path)) return fault;
  const Owned<BIO> bio = Open(path);
  if (!bio) return CannotBeRead();
  bool wanted = false;
  const Owned<STACK_OF(X509_INFO)> parts(PEM_X509_INFO_read_bio(bio.get(), nullptr, NoPassphrase, &wanted));
  const int count = parts ? sk_X509_INFO_num(parts.get()) : 0;
  for (int i = 0; i < count; ++i) {
    if (sk_X509_INFO_value(parts.get(), i)->x509 != nullptr) return std::nullopt;
  }
  return "holds no certificate in PEM form.";
}

PemFault FaultOfCertificate(const std::string& path) {
  const ClearErrors clear;
  if (auto fault = FaultOfFile(path)) return fault;
  const Owned<BIO> bio = Open(path);
  if (!bio) return CannotBeRead();
  if (!FirstCertificate(bio.get())) return "does not begin with a certificate in PEM form.";
  return std::nullopt;
}

PemFault FaultOfPrivateKey(const std::string& path, const std::string& certificate_path) {
  const ClearErrors clear;
  if (auto fault = FaultOfFile(path)) return fault;
  const Owned<BIO> bio = Open(path);
  if (!bio) return CannotBeRead();
  bool wanted = false;
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, &wanted));
  if (wanted) {
    return "has a passphrase, and nobody is there to type it: write a copy without one that only this user "
           "can read (umask 077; openssl pkey -in OLD -out NEW), and name that.";
  }
  if (!key) return "holds no private key in PEM form.";
  const Owned<BIO> certificate_bio = Open(certificate_path);
  const Owned<X509> certificate =
      certificate_bio ? FirstCertificate(certificate_bio.get()) : Owned<X509>(nullptr);
  if (!certificate || X509_check_private_key(certificate.get(), key.get()) != 1) {
    return "is not the key of the certificate in " + certificate_path + ".";
  }
  return std::nullopt;
}

}  // namespace hashpost::crypto
