// XmlForm: writes the XML form (docs/file-drop.md) of the JSON text whose events it gets.
// Memory: that of its writer, and a number or a key. One thread; lives no longer than its writer.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/events.h"
#include "lib/xml/writer.h"

namespace hashpost::sender {

class XmlForm : public json::Events {
 public:
  explicit XmlForm(xml::Writer& writer) : writer_(writer) {}

  // All throw what the writer's sink throws.
  void Null(std::uint64_t end) override;
  void Bool(bool value, std::uint64_t end) override;
  void Number(std::string_view text, std::uint64_t end) override;
  void String(std::string_view utf8, std::uint64_t end) override;
  void StartObject(std::uint64_t) override { StartContainer(true); }
  void Key(std::string_view utf8, std::uint64_t) override { key_ = utf8; }
  void EndObject(std::uint64_t) override { EndContainer("dict"); }
  void StartArray(std::uint64_t) override { StartContainer(false); }
  void EndArray(std::uint64_t) override { EndContainer("list"); }

 private:
  void StartElement();
  void StartElementOfKey();
  void StartScalar(std::string_view type);
  void StartContainer(bool object);
  void EndContainer(std::string_view type);

  xml::Writer& writer_;
  std::vector<bool> in_object_;  // for each open container: is it an object?
  bool root_is_empty_ = true;
  std::string key_;
  std::string scratch_;
};

}  // namespace hashpost::sender
