// Writer: XML 1.0 in UTF-8, as it is told, in the layout of Python's xml.dom.minidom: a declaration without
// encoding, each element on a line of its own, indented by tabs, text right between its tags, an element
// without content as <name/>. Our own since libxml2's text writer, with the same layout, writes 139 MB/s of
// small elements here, before any JSON is read (docs/file-drop.md has the comparison). Memory: 64 KiB, and
// the names of the elements that are open. One thread; lives no longer than its sink.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/io/byte_stream.h"

namespace hashpost::xml {

class Writer {
 public:
  // Every function throws what `sink` throws.
  explicit Writer(io::ByteSink& sink);

  // <?xml version="1.0" ?>, once, before all else.
  void Declaration();

  // `name`: one for which IsName holds (chars.h). An element has text or elements inside, not both.
  void StartElement(std::string_view name);

  // Right after StartElement, each name once. `value`: UTF-8 that XML can hold (FindNonXml in chars.h).
  // & < > " and white space but the space are written as references, so that every parser returns `value`.
  void Attribute(std::string_view name, std::string_view value);

  // Text of the element that was started last; may be called again to go on. `text`: UTF-8 that XML can hold,
  // cut anywhere. & < > " are written as references, and carriage returns, which parsers would change.
  void Text(std::string_view text);

  void EndElement();

  // After the last EndElement: hands on what is still here.
  void Finish() { Flush(); }

  // What was written by now.
  [[nodiscard]] std::uint64_t bytes() const { return flushed_ + used_; }

 private:
  enum class Inside { kTag, kText, kElements };  // where the element that is open last stands

  void Append(std::string_view bytes);
  void Indent(std::size_t depth);
  void CloseTag(Inside next);
  void Flush();

  io::ByteSink& sink_;
  std::string buffer_;  // as large as it ever gets
  std::size_t used_ = 0;
  std::uint64_t flushed_ = 0;
  std::string names_;               // of the open elements, one behind another
  std::vector<std::size_t> begin_;  // where each begins
  Inside inside_ = Inside::kElements;
};

}  // namespace hashpost::xml
