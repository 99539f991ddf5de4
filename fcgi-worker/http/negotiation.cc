// Media types (RFC 9110 §8.3.1) and proactive negotiation (RFC 9110 §12.5.1, §12.5.3, weights: §12.4.2).

#include "fcgi-worker/http/negotiation.h"

#include <utility>

#include "fcgi-worker/http/field_syntax.h"

namespace hashpost::http {
namespace {

// In lower case.
bool NamesUtf8(std::string_view charset) {
  return charset == "utf-8" || charset == "utf8";
}

// In thousandths, as three digits is what the grammar allows. Also takes ".2", for the sake of Java's own
// client, whose Accept ends in "*; q=.2, */*; q=.2".
std::optional<int> ParseWeight(std::string_view text) {
  FieldReader reader(text);
  const std::string_view whole = reader.TakeWhile(IsDigit);
  std::string_view fraction;
  if (reader.Take(".")) {
    fraction = reader.TakeWhile(IsDigit);
    if (whole.empty() && fraction.empty()) return std::nullopt;
  } else if (whole.empty()) {
    return std::nullopt;
  }
  if (!reader.AtEnd() || fraction.size() > 3 || (whole != "" && whole != "0" && whole != "1"))
    return std::nullopt;
  int weight = whole == "1" ? 1000 : 0;
  int unit = 100;
  for (const char digit : fraction) {
    weight += (digit - '0') * unit;
    unit /= 10;
  }
  if (weight > 1000) return std::nullopt;
  return weight;
}

struct MediaRange {
  std::string_view type;
  std::string_view subtype;
  bool has_charset = false;  // "charset=utf-8", which all that we answer has
  bool has_unmet = false;    // another parameter, which nothing that we answer has
  int weight = 1000;
};

// Parameters of a range up to its weight; those behind the weight mean nothing (RFC 9110 §12.5.1).
bool TakeRangeParameters(FieldReader& reader, MediaRange& range) {
  FieldParameter parameter;
  bool weighed = false;
  for (;;) {
    const ParameterStep step = reader.TakeParameter(parameter);
    if (step != ParameterStep::kTaken) return step == ParameterStep::kEnd;
    if (weighed) continue;
    if (EqualsIgnoringCase(parameter.name, "q")) {
      const std::optional<int> weight = ParseWeight(parameter.value);
      if (!weight) return false;
      range.weight = *weight;
      weighed = true;
    } else if (EqualsIgnoringCase(parameter.name, "charset") && NamesUtf8(ToLower(parameter.value))) {
      range.has_charset = true;
    } else {
      range.has_unmet = true;
    }
  }
}

// One element of Accept, up to its comma.
std::optional<MediaRange> TakeRange(FieldReader& reader) {
  MediaRange range;
  range.type = reader.TakeToken();
  if (range.type.empty()) return std::nullopt;
  if (reader.Take("/")) {
    range.subtype = reader.TakeToken();
  } else if (range.type == "*") {
    range.subtype = "*";  // Java again
  }
  if (range.subtype.empty() || (range.type == "*" && range.subtype != "*")) return std::nullopt;
  if (!TakeRangeParameters(reader, range)) return std::nullopt;
  if (!reader.AtEnd() && reader.Peek() != ',') return std::nullopt;
  return range;
}

// How closely `range` describes `offer`; 0: not at all.
int Specificity(const MediaRange& range, std::string_view offer) {
  if (range.has_unmet) return 0;
  if (range.type == "*") return 1;
  const std::size_t slash = offer.find('/');
  if (!EqualsIgnoringCase(range.type, offer.substr(0, slash))) return 0;
  if (range.subtype == "*") return 2;
  if (!EqualsIgnoringCase(range.subtype, offer.substr(slash + 1))) return 0;
  return range.has_charset ? 4 : 3;
}

// The quality that `accept` gives to `offer`, in thousandths. An `accept` that lists nothing gives all to
// each.
int Quality(std::string_view accept, std::string_view offer) {
  FieldReader reader(accept);
  bool lists_something = false;
  int best_specificity = 0;
  int quality = 0;
  for (;;) {
    reader.SkipWhiteSpace();
    if (reader.AtEnd()) break;
    if (reader.Take(",")) continue;  // an empty element (RFC 9110 §5.6.1.2)
    lists_something = true;
    const std::optional<MediaRange> range = TakeRange(reader);
    reader.SkipElement();
    const int specificity = range ? Specificity(*range, offer) : 0;
    if (specificity == 0 || specificity < best_specificity) continue;
    if (specificity > best_specificity || range->weight > quality) quality = range->weight;
    best_specificity = specificity;
  }
  return lists_something ? quality : 1000;
}

struct Coding {
  std::string_view name;
  bool taken = true;
};

// One element of Accept-Encoding, up to its comma: a coding, and perhaps its weight.
Coding TakeCoding(FieldReader& reader) {
  Coding coding{.name = reader.TakeToken()};
  FieldParameter parameter;
  ParameterStep step = ParameterStep::kEnd;
  while ((step = reader.TakeParameter(parameter)) == ParameterStep::kTaken) {
    if (EqualsIgnoringCase(parameter.name, "q") && ParseWeight(parameter.value).value_or(0) == 0) {
      coding.taken = false;
    }
  }
  if (coding.name.empty() || step == ParameterStep::kFault || (!reader.AtEnd() && reader.Peek() != ',')) {
    coding.taken = false;
  }
  return coding;
}

}  // namespace

bool MediaType::IsUtf8() const {
  return charset.empty() || NamesUtf8(charset) || charset == "us-ascii";
}

bool HasEssence(std::string_view value, std::string_view essence) {
  if (!EqualsIgnoringCase(value.substr(0, essence.size()), essence)) return false;
  FieldReader rest(value.substr(essence.size()));
  rest.SkipWhiteSpace();
  return rest.AtEnd() || rest.Peek() == ';';
}

bool HasContentCoding(const Request& request) {
  FieldReader reader(request.Header("CONTENT_ENCODING").value_or(""));
  while (!reader.AtEnd()) {
    reader.SkipWhiteSpace();
    const std::string_view coding = reader.TakeToken();
    reader.SkipWhiteSpace();
    if (!coding.empty() && !EqualsIgnoringCase(coding, "identity")) return true;
    if (!reader.AtEnd() && !reader.Take(",")) return true;
  }
  return false;
}

std::optional<MediaType> ParseMediaType(std::string_view value) {
  FieldReader reader(value);
  reader.SkipWhiteSpace();
  const std::string_view type = reader.TakeToken();
  if (type.empty() || !reader.Take("/")) return std::nullopt;
  const std::string_view subtype = reader.TakeToken();
  if (subtype.empty()) return std::nullopt;

  MediaType media_type{.essence = ToLower(type) + "/" + ToLower(subtype), .charset = {}};
  FieldParameter parameter;
  ParameterStep step = ParameterStep::kEnd;
  while ((step = reader.TakeParameter(parameter)) == ParameterStep::kTaken) {
    if (!EqualsIgnoringCase(parameter.name, "charset")) continue;
    std::string charset = ToLower(parameter.value);
    // Two charsets that differ leave open what the bytes mean.
    if (!media_type.charset.empty() && media_type.charset != charset) return std::nullopt;
    media_type.charset = std::move(charset);
  }
  if (step == ParameterStep::kFault || !reader.AtEnd()) return std::nullopt;
  return media_type;
}

std::optional<std::size_t> Negotiate(std::optional<std::string_view> accept,
                                     std::span<const std::string_view> offers) {
  if (!accept || *accept == "*/*") accept = "";  // most requests
  std::optional<std::size_t> best;
  int best_quality = 0;
  for (std::size_t i = 0; i < offers.size(); ++i) {
    const int quality = Quality(*accept, offers[i]);
    if (quality > best_quality) {
      best = i;
      best_quality = quality;
    }
  }
  return best;
}

bool AcceptsGzip(std::string_view accept_encoding) {
  std::optional<bool> gzip;
  bool any = false;
  FieldReader reader(accept_encoding);
  for (;;) {
    reader.SkipWhiteSpace();
    if (reader.AtEnd()) break;
    if (reader.Take(",")) continue;
    const Coding coding = TakeCoding(reader);
    reader.SkipElement();
    if (coding.name == "*") any = coding.taken;
    if (EqualsIgnoringCase(coding.name, "gzip") || EqualsIgnoringCase(coding.name, "x-gzip")) {
      gzip = gzip.value_or(false) || coding.taken;
    }
  }
  return gzip.value_or(any);
}

std::string GzipTag(std::string_view etag) {
  etag.remove_suffix(1);
  return std::string(etag) + "-gzip\"";
}

}  // namespace hashpost::http
