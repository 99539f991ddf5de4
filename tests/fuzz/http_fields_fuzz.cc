// Feeds arbitrary bytes to the parsers of header fields in fcgi-worker/http and checks what must hold
// whatever they are. Corpus: corpus/http_fields_fuzz.

#include <array>
#include <cstdint>
#include <cstdlib>

#include "fcgi-worker/http/conditional.h"
#include "fcgi-worker/http/digest_fields.h"
#include "fcgi-worker/http/negotiation.h"
#include "fcgi-worker/http/problem.h"
#include "tests/fuzz/require.h"

namespace {

using hashpost::Require;
using namespace hashpost::http;

constexpr std::array<std::string_view, 2> kOffers = {"application/json", "text/plain"};

void CheckMediaTypes(std::string_view text) {
  if (const auto media_type = ParseMediaType(text)) {
    const auto again = ParseMediaType(media_type->essence);
    Require(again && again->essence == media_type->essence && again->charset.empty());
  }
  const auto choice = Negotiate(text, kOffers);
  Require(!choice || *choice < kOffers.size());
  // What comes with "anything" at the lowest weight that is not 0 is never refused, unless each offer is
  // named.
  if (text.find_first_of("\"/") == std::string_view::npos) {
    Require(Negotiate(std::string(text) + ", */*;q=0.001", kOffers).has_value());
  }
}

void CheckDates(std::string_view text) {
  const auto date = ParseDate(text);
  if (date && *date >= 0) Require(ParseDate(FormatDate(*date)) == date);
}

void CheckDigests(std::string_view text) {
  Request request;
  request.fields = {{"CONTENT_DIGEST", text}};
  try {
    const auto digest = ClaimedDigest(request);
    if (!digest) return;
    const std::string field = FormatDigestField(*digest);
    request.fields = {{"REPR_DIGEST", field}, {"CONTENT_DIGEST", text}};
    Require(ClaimedDigest(request) == digest);
  } catch (const HttpError& error) {
    Require(ToResponse(error.problem()).status == 400);
  }
}

void CheckConditions(std::string_view text) {
  const std::array<std::string, 1> etags = {"\"a\""};
  const Validators current{.etags = etags, .last_modified = 784111777};
  for (const std::string_view name :
       {"IF_MATCH", "IF_NONE_MATCH", "IF_MODIFIED_SINCE", "IF_UNMODIFIED_SINCE"}) {
    for (const std::string_view method : {"GET", "DELETE"}) {
      Request request;
      request.method = method;
      request.fields = {{name, text}};
      const Precondition outcome = Evaluate(request, current);
      Require(outcome != Precondition::kNotModified || method == "GET");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckMediaTypes(text);
  CheckDates(text);
  CheckDigests(text);
  CheckConditions(text);
  return 0;
}
