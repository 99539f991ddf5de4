// Fields of a request (RFC 9110 §5.3), and what may come once only.

#include "fcgi-worker/http/fields.h"

#include "fcgi-worker/http/field_syntax.h"
#include "fcgi-worker/http/problem.h"

namespace hashpost::http {

void Fields::Add(std::string_view name, std::string_view value) {
  if (std::find(kKnownFields.begin(), kKnownFields.end(), name) == kKnownFields.end()) return;
  const auto field =
      std::find_if(fields_.begin(), fields_.end(), [&](const Field& known) { return known.name == name; });
  if (field == fields_.end()) {
    fields_.push_back({name, value});
    return;
  }
  auto joined = std::find_if(joined_.begin(), joined_.end(),
                             [&](const std::string& text) { return text.data() == field->value.data(); });
  if (joined == joined_.end()) {
    joined_.emplace_front(field->value);
    joined = joined_.begin();
  }
  joined->append(", ").append(value);
  field->value = *joined;
}

std::optional<std::string_view> Fields::Get(FieldName name) const {
  for (const Field& field : fields_) {
    if (field.name == name.text()) return field.value;
  }
  return std::nullopt;
}

void CheckFields(const Fields& fields) {
  const std::string_view type = fields.Get("CONTENT_TYPE").value_or("");
  const std::string_view lines = fields.Get("CONTENT-TYPE").value_or(type);
  FieldReader reader(type);
  reader.SkipElement();
  if (reader.AtEnd() && lines == type) return;
  throw HttpError({400, "repeated-field", "Repeated field",
                   "Content-Type came more than once, or beside another field that is taken for it: send it "
                   "once, and no field with an underscore for a hyphen."});
}

}  // namespace hashpost::http
