// Content-Digest and Repr-Digest (RFC 9530 §2, §3): dictionaries (RFC 8941 §3.2) of byte sequences (§3.3.5).

#include "fcgi-worker/http/digest_fields.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "fcgi-worker/http/field_syntax.h"
#include "fcgi-worker/http/problem.h"
#include "lib/base64/base64.h"

namespace hashpost::http {
namespace {

bool IsLowerLetter(char byte) {
  return byte >= 'a' && byte <= 'z';
}
bool IsKeyChar(char byte) {
  return IsLowerLetter(byte) || IsDigit(byte) || byte == '_' || byte == '-' || byte == '.' || byte == '*';
}
bool IsBase64Char(char byte) {
  return IsLowerLetter(byte) || (byte >= 'A' && byte <= 'Z') || IsDigit(byte) || byte == '+' || byte == '/' ||
         byte == '=';
}

// A key (RFC 8941 §3.1.2), empty if there is none.
std::string_view TakeKey(FieldReader& reader) {
  if (!IsLowerLetter(reader.Peek()) && reader.Peek() != '*') return {};
  return reader.TakeWhile(IsKeyChar);
}

std::optional<std::string> TakeByteSequence(FieldReader& reader) {
  if (!reader.Take(":")) return std::nullopt;
  std::string text(reader.TakeWhile(IsBase64Char));
  if (!reader.Take(":")) return std::nullopt;
  while (text.size() % 4 != 0) text += '=';  // absent padding is not to fail (RFC 8941 §4.2.7)
  return base64::Decode(text);
}

// Goes over the parameters, which have no meaning here, and the comma to the next member; false if what
// stands here is neither that nor the end.
bool GoToNextMember(FieldReader& reader) {
  if (reader.Peek() != ';') reader.SkipWhiteSpace();
  if (!reader.AtEnd() && reader.Peek() != ',' && reader.Peek() != ';') return false;
  if (!reader.SkipElement()) return true;
  reader.SkipWhiteSpace();
  return !reader.AtEnd();
}

enum class Reading { kRead, kFault };

// The sha-256 member of the dictionary `field` into `digest`; the last one counts if it comes twice (RFC 8941
// §3.2).
Reading ReadField(std::string_view field, std::optional<crypto::Sha256Digest>& digest) {
  FieldReader reader(field);
  reader.SkipWhiteSpace();
  while (!reader.AtEnd()) {
    const std::string_view algorithm = TakeKey(reader);
    if (algorithm.empty() || !reader.Take("=")) return Reading::kFault;
    const std::optional<std::string> bytes = TakeByteSequence(reader);
    if (!bytes || !GoToNextMember(reader)) return Reading::kFault;
    if (algorithm != "sha-256") continue;
    std::array<std::uint8_t, crypto::Sha256Digest::kSize> raw;
    if (bytes->size() != raw.size()) return Reading::kFault;
    std::copy(bytes->begin(), bytes->end(), raw.begin());
    digest = crypto::Sha256Digest(raw);
  }
  return Reading::kRead;
}

[[noreturn]] void ThrowBadField(std::string sentence) {
  throw HttpError(Problem{.status = 400,
                          .slug = "bad-digest-field",
                          .title = "Bad digest field",
                          .err_msg = std::move(sentence)});
}

std::optional<crypto::Sha256Digest> ReadHeader(const Request& request, FieldName cgi_name,
                                               const std::string& name) {
  std::optional<crypto::Sha256Digest> digest;
  const std::optional<std::string_view> field = request.Header(cgi_name);
  if (field && ReadField(*field, digest) == Reading::kFault) {
    ThrowBadField("The field " + name +
                  " cannot be read; send it as RFC 9530 says: sha-256=:<base64 of 32 bytes>:.");
  }
  return digest;
}

}  // namespace

std::string FormatDigestField(const crypto::Sha256Digest& digest) {
  return "sha-256=:" + base64::Encode(digest.Bytes()) + ":";
}

std::optional<crypto::Sha256Digest> ClaimedDigest(const Request& request) {
  const auto of_content = ReadHeader(request, "CONTENT_DIGEST", "Content-Digest");
  const auto of_representation = ReadHeader(request, "REPR_DIGEST", "Repr-Digest");
  if (of_content && of_representation && *of_content != *of_representation) {
    ThrowBadField("Content-Digest and Repr-Digest name different digests; send one, or the same in both.");
  }
  return of_content ? of_content : of_representation;
}

}  // namespace hashpost::http
