// Feeds arbitrary bytes to the readers of Fernet tokens and key files, and seals them, and checks what must
// hold whatever they are. Corpus: corpus/fernet_fuzz.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "lib/base64/base64.h"
#include "lib/crypto/hmac_sha256.h"
#include "lib/fernet/key.h"
#include "lib/fernet/open.h"
#include "lib/fernet/seal.h"
#include "tests/fuzz/require.h"

namespace {

using namespace hashpost;
using namespace hashpost::crypto;
using namespace hashpost::fernet;

// The key of the specification's vectors, so that its tokens in the corpus open.
const Keys& TestKeys() {
  static const Keys keys = Keys::Parse("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=\n" +
                                       Key(std::string(Key::kSize, 'k')).Text() + "\n");
  return keys;
}

class Collector final : public io::ByteSink {
 public:
  void Write(std::string_view bytes) override { text += bytes; }
  std::string text;
};

class Pieces final : public io::ByteSource {
 public:
  Pieces(std::string_view text, std::size_t piece) : text_(text), piece_(piece) {}
  std::size_t Read(std::span<char> buffer) override {
    const std::size_t size = text_.copy(buffer.data(), std::min(buffer.size(), piece_));
    text_.remove_prefix(size);
    return size;
  }

 private:
  std::string_view text_;
  std::size_t piece_;
};

std::optional<VerifiedToken> Verify(std::string_view text, std::size_t piece, io::ByteSink* spool = nullptr) {
  try {
    Verifier verifier(TestKeys(), spool);
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
      verifier.Write(text.substr(0, piece));
    return verifier.Finish();
  } catch (const TokenError& error) {
    Require(error.fault() != TokenFault::kChanged);
    return std::nullopt;
  }
}

std::string Seal(std::string_view plaintext, const Key& key, const Stamp& stamp, std::size_t piece) {
  Collector token;
  Sealer sealer(key, token, stamp);
  for (; !plaintext.empty(); plaintext.remove_prefix(std::min(piece, plaintext.size()))) {
    sealer.Write(plaintext.substr(0, piece));
  }
  Require(sealer.Finish() == token.text.size());
  return token.text;
}

// What is authentic opens, and sealed again with its time and IV it is the same token.
void CheckToken(std::string_view text, std::size_t piece) {
  Collector spool;
  const std::optional<VerifiedToken> token = Verify(text, piece, &spool);
  Require(token.has_value() == Verify(text, SIZE_MAX).has_value());
  if (!token) return;
  Collector plaintext;
  Pieces source(spool.text, piece);
  DecryptSpooled(*token, source, plaintext);
  Require(plaintext.text.size() == token->PlaintextBytes());
  Stamp stamp;
  stamp.time = token->Time();
  const std::string bytes =
      base64::Decode(text.substr(0, text.find_first_of("\r\n")), base64::Alphabet::kUrlSafe).value();
  bytes.copy(stamp.iv.data(), stamp.iv.size(), fernet::kIvAt);
  Require(text.starts_with(Seal(plaintext.text, token->key(), stamp, piece)));
}

// As if whoever made `bytes` had the key: the fuzzer would never guess a code.
void CheckSigned(std::string bytes, std::size_t piece) {
  HmacSha256 hmac(TestKeys().Sealing().SigningHalf());
  hmac.Update(bytes);
  const HmacSha256::Code code = hmac.Finish();
  CheckToken(base64::Encode(bytes.append(code.data(), code.size()), base64::Alphabet::kUrlSafe), piece);
}

void CheckRoundTrip(std::string_view plaintext, std::size_t piece) {
  const std::string text = Seal(plaintext, TestKeys().All()[1], Stamp{}, piece);
  Require(text.size() == fernet::TokenBytes(plaintext.size()));
  Collector spool;
  Verifier verifier(TestKeys(), &spool);
  verifier.Write(text);
  const VerifiedToken token = verifier.Finish();
  Require(token.key() == TestKeys().All()[1]);
  Collector opened;
  Pieces source(spool.text, piece);
  DecryptSpooled(token, source, opened);
  Require(opened.text == plaintext);
}

void CheckKeys(std::string_view text) {
  try {
    const Keys keys = Keys::Parse(text);
    std::string again;
    for (const Key& key : keys.All()) again += key.Text() + "\n";
    const Keys same = Keys::Parse(again);
    Require(std::equal(keys.All().begin(), keys.All().end(), same.All().begin(), same.All().end()));
  } catch (const KeyError& error) {
    Require(error.fault() == KeyFault::kEmpty || error.fault() == KeyFault::kMalformed ||
            error.fault() == KeyFault::kTooMany);
  }
}

void CheckBase64(std::string_view text) {
  for (const base64::Alphabet alphabet : {base64::Alphabet::kStandard, base64::Alphabet::kUrlSafe}) {
    if (const auto bytes = base64::Decode(text, alphabet)) Require(base64::Encode(*bytes, alphabet) == text);
    Require(base64::Decode(base64::Encode(text, alphabet), alphabet) == text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t piece = size == 0 ? 1 : 1 + data[size - 1] % 64;
  CheckToken(text, piece);
  CheckSigned(std::string(text), piece);
  CheckRoundTrip(text, piece);
  CheckKeys(text);
  CheckBase64(text);
  return 0;
}
