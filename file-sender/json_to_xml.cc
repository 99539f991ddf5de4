#include "file-sender/json_to_xml.h"

#include <vector>

#include "file-sender/repeated_keys.h"
#include "file-sender/spliced_text.h"
#include "file-sender/xml_form.h"
#include "lib/xml/writer.h"

namespace hashpost::sender {

std::variant<Converted, Refused> JsonToXml(io::RandomAccess& json, io::ByteSink& xml) {
  Converted converted{};
  std::vector<Splice> splices;
  {
    SplicedText text(json, {});
    RepeatedKeys keys;
    if (const auto fault = json::ReadEvents(text, keys, kJsonLimits)) return Refused{false, fault->sentence};
    converted.left_out = keys.left_out();
    converted.may_repeat = keys.met_bound();
    splices = keys.TakeSplices();
  }
  SplicedText text(json, splices);
  xml::Writer writer(xml);
  XmlForm form(writer);
  if (json::ReadEvents(text, form, kJsonLimits)) {
    return Refused{true,
                   "The file changed while it was read; write it under another name and then rename it."};
  }
  writer.Finish();
  converted.xml_bytes = writer.bytes();
  return converted;
}

}  // namespace hashpost::sender
