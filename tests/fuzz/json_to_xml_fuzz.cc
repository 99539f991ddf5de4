// Feeds arbitrary bytes to the sender's conversion: what is JSON must become XML that libxml2 takes, wherever
// the pieces of the text end; what is not must leave no output. Corpus: corpus/json_to_xml_fuzz.

#include <libxml/parser.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "file-sender/json_to_xml.h"
#include "file-sender/repeated_keys.h"
#include "lib/json/json.h"
#include "lib/utf8/utf8.h"
#include "tests/fuzz/require.h"
#include "tests/unit/file-sender/memory_text.h"
#include "tests/unit/lib/json/memory_streams.h"

namespace {

using namespace hashpost;

struct Outcome {
  std::string xml;
  std::string sentence;  // of the refusal, if there is one
};

Outcome Convert(std::string_view json, std::size_t piece) {
  io::MemoryText text(json, piece);
  io::MemorySink sink;
  const auto outcome = sender::JsonToXml(text, sink);
  const auto* refused = std::get_if<sender::Refused>(&outcome);
  if (refused == nullptr) return {sink.text, ""};
  Require(!refused->has_changed && sink.text.empty() && utf8::IsValid(refused->sentence));
  return {"", refused->sentence};
}

void CheckWellFormed(const std::string& xml) {
  xmlDoc* const document = xmlReadMemory(
      xml.data(), static_cast<int>(xml.size()), nullptr, "UTF-8",
      XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_HUGE | XML_PARSE_OLD10 | XML_PARSE_NONET);
  Require(document != nullptr);
  xmlFreeDoc(document);
}

// With bounds this small objects are given up all the time; the text stays JSON, and has nothing left out
// twice.
void CheckSmallBounds(std::string_view json) {
  io::MemoryText text(json);
  sender::SplicedText whole(text, {});
  sender::RepeatedKeys keys({.keys = 3, .key_bytes = 8, .splices = 3});
  Require(!json::ReadEvents(whole, keys, sender::kJsonLimits));
  const std::uint64_t left_out = keys.left_out();
  const std::vector<sender::Splice> splices = keys.TakeSplices();
  Require(splices.size() <= 3 && (left_out == 0) == splices.empty());
  sender::SplicedText spliced(text, splices);
  sender::RepeatedKeys again;
  Require(!json::ReadEvents(spliced, again, sender::kJsonLimits));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  const Outcome whole = Convert(json, SIZE_MAX);
  const Outcome in_pieces = Convert(json, 1 + size % 5);
  Require(whole.xml == in_pieces.xml && whole.sentence.empty() == in_pieces.sentence.empty());
  if (!whole.sentence.empty()) return 0;
  Require(utf8::IsValid(json));
  CheckWellFormed(whole.xml);
  CheckSmallBounds(json);
  return 0;
}
