#include "lib/xml/writer.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace hashpost::xml {
namespace {

constexpr std::size_t kBufferBytes = 65536;

using References = std::array<std::string_view, 256>;  // by the byte that each stands for

constexpr References kInText = [] {
  References references{};
  references['&'] = "&amp;";
  references['<'] = "&lt;";
  references['>'] = "&gt;";
  references['"'] = "&quot;";
  references['\r'] = "&#13;";  // parsers make a line feed of it (XML 1.0 §2.11)
  return references;
}();

constexpr References kInAttribute = [] {
  References references = kInText;
  references['\t'] = "&#9;";  // parsers make a space of it (XML 1.0 §3.3.3)
  references['\n'] = "&#10;";
  return references;
}();

constexpr std::array<bool, 256> Present(const References& references) {
  std::array<bool, 256> present{};
  for (std::size_t i = 0; i < present.size(); ++i) present[i] = !references[i].empty();
  return present;
}

// Calls append(piece) for each piece of `text` with its references.
template <typename AppendFunction>
void Escape(std::string_view text, const References& references, const std::array<bool, 256>& present,
            AppendFunction append) {
  const char* next = text.data();
  const char* const end = next + text.size();
  while (next != end) {
    const char* plain = next;
    while (plain != end && !present[static_cast<unsigned char>(*plain)]) ++plain;
    if (plain != next) append(std::string_view(next, static_cast<std::size_t>(plain - next)));
    if (plain == end) break;
    append(references[static_cast<unsigned char>(*plain)]);
    next = plain + 1;
  }
}

}  // namespace

Writer::Writer(io::ByteSink& sink) : sink_(sink), buffer_(kBufferBytes, '\0') {}

void Writer::Declaration() {
  Append("<?xml version=\"1.0\" ?>\n");
}

void Writer::StartElement(std::string_view name) {
  if (!begin_.empty()) CloseTag(Inside::kElements);
  Indent(begin_.size());
  begin_.push_back(names_.size());
  names_ += name;
  Append("<");
  Append(name);
  inside_ = Inside::kTag;
}

void Writer::Attribute(std::string_view name, std::string_view value) {
  static constexpr auto kPresent = Present(kInAttribute);
  Append(" ");
  Append(name);
  Append("=\"");
  Escape(value, kInAttribute, kPresent, [this](std::string_view piece) { Append(piece); });
  Append("\"");
}

void Writer::Text(std::string_view text) {
  static constexpr auto kPresent = Present(kInText);
  if (text.empty()) return;
  CloseTag(Inside::kText);
  Escape(text, kInText, kPresent, [this](std::string_view piece) { Append(piece); });
}

void Writer::EndElement() {
  if (inside_ == Inside::kTag) {
    Append("/>\n");
  } else {
    if (inside_ == Inside::kElements) Indent(begin_.size() - 1);
    Append("</");
    Append(std::string_view(names_).substr(begin_.back()));
    Append(">\n");
  }
  names_.resize(begin_.back());
  begin_.pop_back();
  inside_ = Inside::kElements;
}

// Ends the start tag of the element that is open last, unless that was done.
void Writer::CloseTag(Inside next) {
  if (inside_ == Inside::kTag) Append(next == Inside::kElements ? ">\n" : ">");
  inside_ = next;
}

void Writer::Indent(std::size_t depth) {
  static constexpr std::string_view kTabs = "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t";
  for (; depth > kTabs.size(); depth -= kTabs.size()) Append(kTabs);
  Append(kTabs.substr(0, depth));
}

void Writer::Append(std::string_view bytes) {
  if (bytes.size() > kBufferBytes - used_) {
    Flush();
    if (bytes.size() > kBufferBytes) {
      sink_.Write(bytes);
      flushed_ += bytes.size();
      return;
    }
  }
  std::memcpy(buffer_.data() + used_, bytes.data(), bytes.size());
  used_ += bytes.size();
}

void Writer::Flush() {
  if (used_ == 0) return;
  sink_.Write(std::string_view(buffer_).substr(0, used_));
  flushed_ += used_;
  used_ = 0;
}

}  // namespace hashpost::xml
