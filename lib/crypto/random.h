// Random bytes from OpenSSL (RAND_bytes(3)), and wiping of secrets from memory. Thread-safe.

#pragma once

#include <span>

namespace hashpost::crypto {

// Fills `bytes`. Throws std::runtime_error if OpenSSL has no entropy.
void FillRandom(std::span<char> bytes);

// The same, from the generator for what is to stay secret.
void FillRandomSecret(std::span<char> bytes);

// Overwrites `secret`, whatever the compiler thinks of that.
void Wipe(std::span<char> secret);

}  // namespace hashpost::crypto
