#include "file-sender/json_to_xml.h"

#include <vector>

#include "file-sender/json_fault.h"
#include "file-sender/repeated_keys.h"
#include "file-sender/spliced_text.h"
#include "file-sender/xml_form.h"
#include "lib/xml/writer.h"

namespace hashpost::sender {

namespace {

struct TooMuchXml {};

class BoundedSink final : public io::ByteSink {
 public:
  BoundedSink(io::ByteSink& sink, std::uint64_t most) : sink_(sink), left_(most) {}
  void Write(std::string_view bytes) override {
    if (bytes.size() > left_) throw TooMuchXml();
    left_ -= bytes.size();
    sink_.Write(bytes);
  }

 private:
  io::ByteSink& sink_;
  std::uint64_t left_;
};

}  // namespace

std::variant<Converted, Refused> JsonToXml(io::RandomAccess& json, io::ByteSink& xml,
                                           std::uint64_t max_xml_bytes) {
  Converted converted{};
  std::vector<Splice> splices;
  {
    SplicedText text(json, {});
    RepeatedKeys keys;
    if (const auto fault = json::ReadEvents(text, keys, kJsonLimits))
      return Refused{false, Explain(json, *fault)};
    converted.left_out = keys.left_out();
    converted.may_repeat = keys.met_bound();
    splices = keys.TakeSplices();
  }
  SplicedText text(json, splices);
  BoundedSink bounded(xml, max_xml_bytes);
  xml::Writer writer(bounded);
  XmlForm form(writer);
  try {
    if (json::ReadEvents(text, form, kJsonLimits)) {
      return Refused{true,
                     "The file changed while it was read; write it under another name and then rename it."};
    }
    writer.Finish();
  } catch (const TooMuchXml&) {
    return Refused{false,
                   "Its XML would have more than " + std::to_string(max_xml_bytes) +
                       " bytes, since it is nested deeply; send it flatter, or raise SENDER_MAX_GROWTH."};
  }
  converted.xml_bytes = writer.bytes();
  return converted;
}

}  // namespace hashpost::sender
