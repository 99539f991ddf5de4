// Feeds arbitrary bytes to the readers of Fernet tokens and key files, and seals them, and checks what must
// hold whatever they are. Corpus: corpus/fernet_fuzz.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "lib/crypto/base64.h"
#include "lib/crypto/fernet_key.h"
#include "lib/crypto/fernet_open.h"
#include "lib/crypto/fernet_seal.h"
#include "lib/crypto/hmac_sha256.h"
#include "tests/fuzz/require.h"

namespace {

using namespace hashpost;
using namespace hashpost::crypto;

// The key of the specification's vectors, so that its tokens in the corpus open.
const FernetKeys& Keys() {
  static const FernetKeys keys =
      FernetKeys::Parse("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=\n" +
                        FernetKey(std::string(FernetKey::kSize, 'k')).Text() + "\n");
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

std::optional<VerifiedToken> Verify(std::string_view text, std::size_t piece) {
  try {
    FernetVerifier verifier(Keys());
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
      verifier.Write(text.substr(0, piece));
    return verifier.Finish();
  } catch (const FernetError& error) {
    Require(error.fault() != TokenFault::kChanged);
    return std::nullopt;
  }
}

std::string Seal(std::string_view plaintext, const FernetKey& key, const FernetStamp& stamp,
                 std::size_t piece) {
  Collector token;
  FernetSealer sealer(key, token, stamp);
  for (; !plaintext.empty(); plaintext.remove_prefix(std::min(piece, plaintext.size()))) {
    sealer.Write(plaintext.substr(0, piece));
  }
  Require(sealer.Finish() == token.text.size());
  return token.text;
}

// What is authentic opens, and sealed again with its time and IV it is the same token.
void CheckToken(std::string_view text, std::size_t piece) {
  const std::optional<VerifiedToken> token = Verify(text, piece);
  Require(token.has_value() == Verify(text, SIZE_MAX).has_value());
  if (!token) return;
  Collector plaintext;
  Pieces source(text, piece);
  DecryptFernet(*token, source, plaintext);
  Require(plaintext.text.size() == token->PlaintextBytes());
  FernetStamp stamp;
  stamp.time = token->Time();
  const std::string bytes =
      DecodeBase64(text.substr(0, text.find_first_of("\r\n")), Base64Alphabet::kUrlSafe).value();
  bytes.copy(stamp.iv.data(), stamp.iv.size(), fernet::kIvAt);
  Require(text.starts_with(Seal(plaintext.text, token->Key(), stamp, piece)));
}

// As if whoever made `bytes` had the key: the fuzzer would never guess a code.
void CheckSigned(std::string bytes, std::size_t piece) {
  HmacSha256 hmac(Keys().Sealing().SigningHalf());
  hmac.Update(bytes);
  const HmacSha256::Code code = hmac.Finish();
  CheckToken(EncodeBase64(bytes.append(code.data(), code.size()), Base64Alphabet::kUrlSafe), piece);
}

void CheckRoundTrip(std::string_view plaintext, std::size_t piece) {
  const std::string text = Seal(plaintext, Keys().All()[1], FernetStamp{}, piece);
  Require(text.size() == fernet::TokenBytes(plaintext.size()));
  Collector spool;
  FernetVerifier verifier(Keys(), &spool);
  verifier.Write(text);
  const VerifiedToken token = verifier.Finish();
  Require(token.Key() == Keys().All()[1]);
  Collector opened;
  Pieces source(spool.text, piece);
  DecryptSpooledFernet(token, source, opened);
  Require(opened.text == plaintext);
}

void CheckKeys(std::string_view text) {
  try {
    const FernetKeys keys = FernetKeys::Parse(text);
    std::string again;
    for (const FernetKey& key : keys.All()) again += key.Text() + "\n";
    const FernetKeys same = FernetKeys::Parse(again);
    Require(std::equal(keys.All().begin(), keys.All().end(), same.All().begin(), same.All().end()));
  } catch (const FernetKeyError& error) {
    Require(error.fault() == KeyFault::kEmpty || error.fault() == KeyFault::kMalformed ||
            error.fault() == KeyFault::kTooMany);
  }
}

void CheckBase64(std::string_view text) {
  for (const Base64Alphabet alphabet : {Base64Alphabet::kStandard, Base64Alphabet::kUrlSafe}) {
    if (const auto bytes = DecodeBase64(text, alphabet)) Require(EncodeBase64(*bytes, alphabet) == text);
    Require(DecodeBase64(EncodeBase64(text, alphabet), alphabet) == text);
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
