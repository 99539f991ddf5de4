#include "fcgi-worker/resources/message_json.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

#include "fcgi-worker/http/negotiation.h"
#include "lib/json/json.h"

namespace hashpost::resources {
namespace {

constexpr std::size_t kOverhead = 64U << 10U;
constexpr std::string_view kMember = "message";

struct FaultName {
  std::string_view slug;
  std::string_view title;
};

FaultName NameOf(json::Fault fault) {
  switch (fault) {
    case json::Fault::kMalformed:
      return {"malformed-json", "Malformed JSON"};
    case json::Fault::kNotUtf8:
      return {"not-utf-8", "Not UTF-8"};
    case json::Fault::kTooDeep:
      return {"json-too-deep", "JSON too deep"};
    case json::Fault::kNotAnObject:
      return {"not-an-object", "Not an object"};
    case json::Fault::kMissing:
      return {"message-missing", "Message missing"};
    case json::Fault::kDuplicate:
      return {"message-duplicate", "Message given twice"};
    case json::Fault::kNotAString:
      return {"message-not-a-string", "Message not a string"};
    case json::Fault::kTooLong:
      return {"too-large", "Message too large"};
  }
  return {"malformed-json", "Malformed JSON"};
}

}  // namespace

void CheckPost(const http::Request& request) {
  if (http::HasContentCoding(request)) {
    throw http::HttpError(
        {415,
         "unsupported-content-coding",
         "Unsupported content coding",
         "The content has a coding that is not accepted: send it as it is, without Content-Encoding. (Where "
         "this service takes gzip, it wants a Content-Length, and neither Content-Digest nor Repr-Digest.)",
         {{"Accept-Encoding", "identity"}}});
  }
  // RFC 9110 §13.1.1: nothing here has a tag that If-Match could name. (If-None-Match and dates then hold.)
  if (request.Header("IF_MATCH")) {
    throw http::HttpError({412, "precondition-failed", "Precondition failed",
                           "There is nothing at /messages that If-Match could match: leave it out."});
  }
}

std::size_t MaxJsonBytes(std::size_t max_message_bytes) {
  return 6 * max_message_bytes + kOverhead;
}

std::size_t JsonCost(std::size_t length, std::size_t max_message_bytes) {
  // RapidJSON's buffer of the decoded string, which grows by half, and our copy of the message.
  return length + length / 2 + std::min(length, max_message_bytes);
}

http::Problem MessageTooLarge(std::size_t max_message_bytes) {
  return {413, "too-large", "Message too large",
          "A message may have at most " + std::to_string(max_message_bytes) +
              " bytes: send less, or ask the operator to raise HASHPOST_MAX_MESSAGE_BYTES."};
}

std::string ReadMessage(io::ByteSource& json, std::size_t max_message_bytes) {
  auto result = json::ReadStringMember(json, kMember, {.max_value_bytes = max_message_bytes});
  if (auto* message = std::get_if<std::string>(&result)) return std::move(*message);
  auto& fault = std::get<json::ParseFault>(result);
  if (fault.fault == json::Fault::kTooLong) throw http::HttpError(MessageTooLarge(max_message_bytes));
  const FaultName name = NameOf(fault.fault);
  throw http::HttpError({400, name.slug, name.title, std::move(fault.sentence)});
}

}  // namespace hashpost::resources
