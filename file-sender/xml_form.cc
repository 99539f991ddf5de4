#include "file-sender/xml_form.h"

#include <algorithm>
#include <array>

#include "file-sender/python_number.h"
#include "lib/xml/chars.h"

namespace hashpost::sender {
namespace {

// Calls write(piece) for each piece of `utf8` as it stands inside the quotes of a JSON string, but with all
// that XML cannot hold as \uXXXX.
template <typename Write>
void SpellAsJson(std::string_view utf8, Write write) {
  while (!utf8.empty()) {
    const std::size_t plain = std::min(utf8.find_first_of("\"\\\t\n\r"), xml::FindNonXml(utf8));
    write(utf8.substr(0, plain));
    if (plain == utf8.size()) break;
    utf8.remove_prefix(plain);
    static constexpr std::string_view kShort = "\"\\\b\f\n\r\t";
    static constexpr std::string_view kLetters = "\"\\bfnrt";
    if (const std::size_t i = kShort.find(utf8.front()); i != std::string_view::npos) {
      const std::array<char, 2> escape = {'\\', kLetters[i]};
      write(std::string_view(escape.data(), escape.size()));
      utf8.remove_prefix(1);
    } else if (utf8.front() == '\xFF') {  // half of a surrogate pair, with its digits (lib/json/events.h)
      write("\\u");
      write(utf8.substr(1, 4));
      utf8.remove_prefix(5);
    } else if (utf8.front() == '\xEF') {
      write(utf8[2] == '\xBE' ? "\\ufffe" : "\\uffff");
      utf8.remove_prefix(3);
    } else {
      static constexpr std::string_view kHex = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(utf8.front());
      const std::array<char, 6> escape = {'\\', 'u', '0', '0', kHex[byte / 16], kHex[byte % 16]};
      write(std::string_view(escape.data(), escape.size()));
      utf8.remove_prefix(1);
    }
  }
}

}  // namespace

void XmlForm::Null(std::uint64_t) {
  StartScalar("null");
  writer_.EndElement();
}

void XmlForm::Bool(bool value, std::uint64_t) {
  StartScalar("bool");
  writer_.Text(value ? "True" : "False");
  writer_.EndElement();
}

void XmlForm::Number(std::string_view text, std::uint64_t) {
  StartScalar(IsPythonFloat(text) ? "float" : "int");
  writer_.Text(PythonNumber(text, scratch_));
  writer_.EndElement();
}

void XmlForm::String(std::string_view utf8, std::uint64_t) {
  StartScalar("str");
  if (xml::FindNonXml(utf8) == utf8.size()) {
    writer_.Text(utf8);
  } else {
    writer_.Attribute("escaped", "json");
    SpellAsJson(utf8, [this](std::string_view piece) { writer_.Text(piece); });
  }
  writer_.EndElement();
}

// The element of the value that comes, without its type.
void XmlForm::StartElement() {
  if (in_object_.empty()) {
    writer_.Declaration();
    writer_.StartElement("all");
    return;
  }
  root_is_empty_ = false;
  if (in_object_.back()) {
    StartElementOfKey();
  } else {
    writer_.StartElement("item");
  }
}

void XmlForm::StartElementOfKey() {
  const bool is_xml = xml::FindNonXml(key_) == key_.size();
  if (is_xml && xml::IsName(key_)) {
    writer_.StartElement(key_);
    return;
  }
  if (is_xml && xml::IsDigits(key_)) {
    (scratch_ = 'n') += key_;
    writer_.StartElement(scratch_);
    return;
  }
  scratch_ = key_;
  std::ranges::replace(scratch_, ' ', '_');
  if (is_xml && xml::IsName(scratch_)) {
    writer_.StartElement(scratch_);
    return;
  }
  writer_.StartElement("key");
  if (is_xml) {
    writer_.Attribute("name", key_);
  } else {
    scratch_.clear();
    SpellAsJson(key_, [this](std::string_view piece) { scratch_ += piece; });
    writer_.Attribute("name", scratch_);
    writer_.Attribute("name-escaped", "json");
  }
}

void XmlForm::StartScalar(std::string_view type) {
  StartElement();
  writer_.Attribute("type", type);
}

void XmlForm::StartContainer(bool object) {
  const bool is_root = in_object_.empty();
  StartElement();
  if (!is_root) writer_.Attribute("type", object ? "dict" : "list");
  in_object_.push_back(object);
}

void XmlForm::EndContainer(std::string_view type) {
  in_object_.pop_back();
  if (in_object_.empty() && root_is_empty_) writer_.Attribute("type", type);
  writer_.EndElement();
}

}  // namespace hashpost::sender
