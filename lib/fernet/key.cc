#include "lib/fernet/key.h"

#include <algorithm>
#include <optional>

#include "lib/base64/base64.h"
#include "lib/crypto/hmac_sha256.h"
#include "lib/crypto/random.h"
#include "lib/crypto/sha256.h"

namespace hashpost::fernet {
namespace {

constexpr std::size_t kTextSize = 44;  // of 32 bytes
constexpr std::size_t kFingerprintDigits = 16;
constexpr std::string_view kAdvice =
    " A key is 32 random bytes in base64, 44 characters, as `openssl rand -base64 32` prints them.";

[[noreturn]] void ThrowMalformed(const std::string& what) {
  throw KeyError(KeyFault::kMalformed, what + std::string(kAdvice));
}

// What `text` spells in one of the alphabets; at most one of them fits unless no digit tells them apart.
std::optional<std::string> Decode(std::string_view text) {
  std::optional<std::string> bytes = base64::Decode(text, base64::Alphabet::kStandard);
  if (!bytes) bytes = base64::Decode(text, base64::Alphabet::kUrlSafe);
  return bytes;
}

// The next line of `text`, without its end; the line and its end are cut off `text`.
std::string_view CutLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

}  // namespace

Key::Key(std::string_view bytes) {
  if (bytes.size() != kSize) throw std::invalid_argument("A Fernet key has 32 bytes.");
  std::copy(bytes.begin(), bytes.end(), bytes_.begin());
}

Key::~Key() {
  crypto::Wipe(bytes_);
}

Key Key::Generate() {
  Key key(std::string(kSize, '\0'));
  crypto::FillRandomSecret(key.bytes_);
  return key;
}

Key Key::Parse(std::string_view text) {
  if (text.size() != kTextSize) {
    ThrowMalformed("It has " + std::to_string(text.size()) + " characters where a key has " +
                   std::to_string(kTextSize) + ".");
  }
  std::optional<std::string> bytes = Decode(text);
  if (!bytes) ThrowMalformed("It is not base64 of the standard or the URL-safe alphabet, with padding.");
  if (bytes->size() != kSize) {
    const std::size_t size = bytes->size();
    crypto::Wipe(*bytes);
    ThrowMalformed("It spells " + std::to_string(size) + " bytes where a key has 32.");
  }
  Key key(*bytes);
  crypto::Wipe(*bytes);
  return key;
}

std::string Key::Text() const {
  return base64::Encode({bytes_.data(), kSize}, base64::Alphabet::kUrlSafe);
}

std::string Key::Fingerprint() const {
  return crypto::HashSha256({bytes_.data(), kSize}).Hex().substr(0, kFingerprintDigits);
}

bool operator==(const Key& a, const Key& b) {
  return crypto::EqualInConstantTime({a.bytes_.data(), a.bytes_.size()}, {b.bytes_.data(), b.bytes_.size()});
}

Keys Keys::Parse(std::string_view text) {
  Keys keys;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = CutLine(text);
    if (IsBlank(line)) continue;
    try {
      const Key key = Key::Parse(line);
      if (std::find(keys.keys_.begin(), keys.keys_.end(), key) == keys.keys_.end()) keys.keys_.push_back(key);
    } catch (const KeyError& error) {
      throw KeyError(error.fault(), "Line " + std::to_string(number) + " is no key. " + error.what());
    }
    if (keys.keys_.size() > kMax) {
      throw KeyError(KeyFault::kTooMany, "There are more than " + std::to_string(kMax) +
                                             " keys. Remove those that no token needs any more.");
    }
  }
  if (keys.keys_.empty()) {
    throw KeyError(KeyFault::kEmpty, "It holds no key." + std::string(kAdvice));
  }
  return keys;
}

}  // namespace hashpost::fernet
