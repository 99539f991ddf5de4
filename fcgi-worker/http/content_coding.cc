#include "fcgi-worker/http/content_coding.h"

#include <optional>

#include "fcgi-worker/http/field_syntax.h"

namespace hashpost::http {
namespace {

struct Element {
  std::string_view coding;
  bool taken = true;
};

// One element of the list, up to its comma: a coding, and perhaps its weight.
Element TakeElement(FieldReader& reader) {
  Element element{.coding = reader.TakeToken()};
  reader.SkipWhiteSpace();
  while (reader.Take(";")) {
    reader.SkipWhiteSpace();
    const std::string_view name = reader.TakeToken();
    const std::string_view value = reader.Take("=") ? reader.TakeToken() : std::string_view();
    if (value.empty()) element.taken = false;
    // 0, 0.0, 0.00 or 0.000
    if (EqualsIgnoringCase(name, "q") && value.find_first_not_of("0.") == std::string_view::npos) {
      element.taken = false;
    }
    reader.SkipWhiteSpace();
  }
  if (element.coding.empty() || (!reader.AtEnd() && reader.Peek() != ',')) element.taken = false;
  return element;
}

}  // namespace

bool AcceptsGzip(std::string_view accept_encoding) {
  std::optional<bool> gzip;
  bool any = false;
  FieldReader reader(accept_encoding);
  for (;;) {
    reader.SkipWhiteSpace();
    if (reader.AtEnd()) break;
    if (reader.Take(",")) continue;
    const Element element = TakeElement(reader);
    reader.SkipElement();
    if (element.coding == "*") any = element.taken;
    if (EqualsIgnoringCase(element.coding, "gzip") || EqualsIgnoringCase(element.coding, "x-gzip")) {
      gzip = gzip.value_or(false) || element.taken;
    }
  }
  return gzip.value_or(any);
}

std::string GzipTag(std::string_view etag) {
  etag.remove_suffix(1);
  return std::string(etag) + "-gzip\"";
}

}  // namespace hashpost::http
