// PEM files for TLS (RFC 7468): certificates (RFC 5280) and a private key, tried before a connection needs
// them, in the way in which libcurl will load them. Stateless; thread-safe.

#pragma once

#include <optional>
#include <string>

namespace hashpost::crypto {

// What is wrong with a file, or nullopt: the predicate of a sentence whose subject is the file, such as
// "cannot be read: Permission denied."
using PemFault = std::optional<std::string>;

// `path`: the certificates of those whom to trust, at least one.
[[nodiscard]] PemFault FaultOfTrusted(const std::string& path);

// `path`: an own certificate, first in the file, with those that signed it behind it.
[[nodiscard]] PemFault FaultOfCertificate(const std::string& path);

// `path`: the private key of the certificate in `certificate_path`, in which FaultOfCertificate found
// nothing wrong. A key with a passphrase is a fault: nobody is there to type it.
[[nodiscard]] PemFault FaultOfPrivateKey(const std::string& path, const std::string& certificate_path);

}  // namespace hashpost::crypto
