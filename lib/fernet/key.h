// Key and Keys: the 32 bytes that seal and open a token (the public Fernet specification: the first 16 sign,
// the last 16 encrypt), and a list of them, so that keys can be rotated. The bytes are wiped when an object
// ends. No error and no fingerprint shows anything of a key. Plain values: copies are independent; many
// threads may read one object.

#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace hashpost::fernet {

enum class KeyFault {
  kMissing,     // there is no such file
  kUnreadable,  // it cannot be opened or read, or is no regular file
  kEmpty,       // it holds nothing but white space
  kMalformed,   // a line is not 32 bytes in base64
  kTooMany,     // more than Keys::kMax keys
  kNotCreated,  // a new key file could not be written
};

// what(): one sentence or two for the operator: what is wrong, where, what to do.
class KeyError : public std::runtime_error {
 public:
  KeyError(KeyFault fault, const std::string& sentence) : std::runtime_error(sentence), fault_(fault) {}
  [[nodiscard]] KeyFault fault() const { return fault_; }

 private:
  KeyFault fault_;
};

class Key {
 public:
  static constexpr std::size_t kSize = 32;

  // From `bytes`, exactly kSize of them; std::invalid_argument otherwise. The caller wipes his own.
  explicit Key(std::string_view bytes);
  Key(const Key&) = default;
  Key& operator=(const Key&) = default;
  ~Key();

  // From OpenSSL's random generator. Throws std::runtime_error if it has no entropy.
  [[nodiscard]] static Key Generate();

  // The key that `text` spells: canonical base64 of 32 bytes with its padding (44 characters), in the
  // standard or the URL-safe alphabet, not mixed. Throws KeyError kMalformed.
  [[nodiscard]] static Key Parse(std::string_view text);

  // URL-safe base64, 44 characters, as Parse and other implementations take it. The caller wipes it.
  [[nodiscard]] std::string Text() const;

  // 16 lower-case hexadecimal digits that name the key and tell nothing of it: the front of SHA-256 over its
  // bytes.
  [[nodiscard]] std::string Fingerprint() const;

  // The two halves of 16 bytes; the views are valid as long as this object.
  [[nodiscard]] std::string_view SigningHalf() const { return {bytes_.data(), kSize / 2}; }
  [[nodiscard]] std::string_view EncryptionHalf() const { return {bytes_.data() + kSize / 2, kSize / 2}; }

  friend bool operator==(const Key& a, const Key& b);

 private:
  std::array<char, kSize> bytes_;
};

class Keys {
 public:
  static constexpr std::size_t kMax = 16;

  explicit Keys(const Key& only) : keys_{only} {}

  // One key a line, 1 to kMax of them, as Key::Parse takes them; lines end with LF or CR LF, the last
  // one may do without; blank lines are skipped, and a key that came before is taken once. Throws
  // KeyError kEmpty, kMalformed or kTooMany; the sentence names the line.
  [[nodiscard]] static Keys Parse(std::string_view text);

  // The first: seals. Every one opens. Valid as long as this object.
  [[nodiscard]] const Key& Sealing() const { return keys_.front(); }
  [[nodiscard]] std::span<const Key> All() const { return keys_; }

 private:
  Keys() = default;
  std::vector<Key> keys_;
};

}  // namespace hashpost::fernet
