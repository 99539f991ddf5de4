#include "file-sender/json_to_xml.h"

#include <cppunit/extensions/HelperMacros.h>
#include <libxml/parser.h>

#include <fstream>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/unit/file-sender/memory_text.h"
#include "tests/unit/lib/json/memory_streams.h"

namespace hashpost::sender {
namespace {

constexpr std::string_view kHead = "<?xml version=\"1.0\" ?>\n";

// What libxml2 says, which knows names of the fourth edition only when it is told to (XML_PARSE_OLD10).
bool IsWellFormed(const std::string& xml) {
  xmlDoc* const document = xmlReadMemory(
      xml.data(), static_cast<int>(xml.size()), nullptr, "UTF-8",
      XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_HUGE | XML_PARSE_OLD10 | XML_PARSE_NONET);
  xmlFreeDoc(document);
  return document != nullptr;
}

// The XML, or the sentence of the refusal.
std::string Convert(std::string_view json, std::size_t piece = SIZE_MAX) {
  io::MemoryText text(json, piece);
  io::MemorySink sink;
  const auto outcome = JsonToXml(text, sink);
  if (const auto* refused = std::get_if<Refused>(&outcome)) {
    CPPUNIT_ASSERT(!refused->has_changed && sink.text.empty());
    return refused->sentence;
  }
  CPPUNIT_ASSERT_EQUAL(std::uint64_t{sink.text.size()}, std::get<Converted>(outcome).xml_bytes);
  CPPUNIT_ASSERT_MESSAGE(sink.text, IsWellFormed(sink.text));
  return sink.text;
}

// Cases of a JSON text and what comes after the declaration.
void Check(const std::vector<std::pair<std::string, std::string>>& cases) {
  for (const auto& [json, expected] : cases) {
    CPPUNIT_ASSERT_EQUAL_MESSAGE(json, std::string(kHead) + expected, Convert(json));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(json, std::string(kHead) + expected, Convert(json, 1));
  }
}

struct Sample {
  std::string json;
  std::string xml;
};

// tests/interop/vectors/json2xml-samples.txt: a line with JSON, what Python's print made of its XML, a line
// of dashes.
std::vector<Sample> ReadSamples() {
  std::ifstream file("tests/interop/vectors/json2xml-samples.txt");
  std::vector<Sample> samples;
  for (std::string line; std::getline(file, line);) {
    CPPUNIT_ASSERT(line.starts_with("JSON "));
    Sample sample{line.substr(5), ""};
    while (std::getline(file, line) && line != "-----") sample.xml += line + "\n";
    sample.xml.pop_back();
    samples.push_back(sample);
  }
  return samples;
}

// Random JSON with nasty keys and values.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::string Value(int depth) {
    switch (Pick(depth > 5 ? 5 : 7)) {
      case 0:
        return "null";
      case 1:
        return Pick(2) != 0 ? "true" : "false";
      case 2:
        return std::vector<std::string>{
            "0", "-0", "1e5", "-1.5e-7", "NaN", "1e999", "123456789012345678901"}[Pick(7)];
      case 3:
      case 4:
        return Text();
      default:
        return Container(depth);
    }
  }

 private:
  std::size_t Pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
  }

  std::string Container(int depth) {
    const bool object = Pick(2) != 0;
    std::string text = object ? "{" : "[";
    for (std::size_t i = 0, size = Pick(6); i < size; ++i) {
      if (i > 0) text += Pick(4) == 0 ? " ,\n" : ",";
      if (object) text += Text() + ":";
      text += Value(depth + 1);
    }
    return text + (object ? "}" : "]");
  }

  std::string Text() {
    static const std::vector<std::string> kPieces = {"a",          "b",
                                                     "1",          "-",
                                                     ".",          ":",
                                                     " ",          "_",
                                                     "<",          ">",
                                                     "&",          "'",
                                                     "\\\"",       "\\\\",
                                                     "\\u0000",    "\\u0001",
                                                     "\\n",        "\\r",
                                                     "\\t",        "é",
                                                     "\\u00e9",    "\\ud83d\\ude00",
                                                     "\\ud83d",    "\\uDE00",
                                                     "\\uffff",    "\\ufffe",
                                                     "]]>",        "<!--",
                                                     "\\u0301",    "\u2c00",
                                                     "\U00010000", "\\u0085",
                                                     "\\u2028",    "xml",
                                                     "/",          "="};
    std::string text = "\"";
    for (std::size_t i = 0, size = Pick(4); i < size; ++i) text += kPieces[Pick(kPieces.size())];
    return text + "\"";
  }

  std::mt19937 random_;
};

class JsonToXmlTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(JsonToXmlTest);
  CPPUNIT_TEST(WritesTheSamplesByteForByte);
  CPPUNIT_TEST(GivesXmlWhereTheOldFormHadNone);
  CPPUNIT_TEST(NamesElementsByKeys);
  CPPUNIT_TEST(KeepsCharactersThatXmlCannotHold);
  CPPUNIT_TEST(KeepsWhiteSpaceThatParsersChange);
  CPPUNIT_TEST(WritesTheLastOfRepeatedKeysInTheFirstPlace);
  CPPUNIT_TEST(GoesDownToTheDepthBound);
  CPPUNIT_TEST(RefusesWhatIsNotJsonAndWritesNothing);
  CPPUNIT_TEST(SaysWhereAFaultIsAndWhatIsTakenForJson);
  CPPUNIT_TEST(RefusesXmlOverItsBound);
  CPPUNIT_TEST(GivesWellFormedXmlForRandomJson);
  CPPUNIT_TEST(SaysThatATextHasChanged);
  CPPUNIT_TEST(PassesOnWhatTheSinkThrows);
  CPPUNIT_TEST_SUITE_END();

 public:
  void WritesTheSamplesByteForByte() {
    const std::vector<Sample> samples = ReadSamples();
    CPPUNIT_ASSERT_EQUAL(std::size_t{24}, samples.size());
    for (const Sample& sample : samples) {
      const std::string xml = Convert(sample.json);
      CPPUNIT_ASSERT_MESSAGE(sample.json, xml.starts_with(kHead));
      // (The old sender crashed on the others.)
      if (sample.xml.starts_with("<?xml")) CPPUNIT_ASSERT_EQUAL(sample.xml, xml);
    }
  }

  void GivesXmlWhereTheOldFormHadNone() {
    Check({{"{}", "<all type=\"dict\"/>\n"},
           {"[]", "<all type=\"list\"/>\n"},
           {" null ", "<all type=\"null\"/>\n"},
           {"true", "<all type=\"bool\">True</all>\n"},
           {"5", "<all type=\"int\">5</all>\n"},
           {"5.0", "<all type=\"float\">5.0</all>\n"},
           {"\"str\"", "<all type=\"str\">str</all>\n"},
           {"\"\"", "<all type=\"str\"/>\n"},
           {"[[]]", "<all>\n\t<item type=\"list\"/>\n</all>\n"},
           {"[1e400,-1e400,-0,Infinity]",
            "<all>\n\t<item type=\"float\">inf</item>\n\t<item type=\"float\">-inf</item>\n"
            "\t<item type=\"int\">0</item>\n\t<item type=\"float\">inf</item>\n</all>\n"}});
    const std::string huge(5000, '8');
    Check({{huge, "<all type=\"int\">" + huge + "</all>\n"}});
  }

  void NamesElementsByKeys() {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"a", "<a "},
        {"007", "<n007 "},
        {"٣", "<n٣ "},
        {"a b c", "<a_b_c "},
        {" ", "<_ "},
        {"a ", "<a_ "},
        {" 1", "<_1 "},
        {"1 2", "<key name=\"1 2\" "},
        {"²", "<key name=\"²\" "},
        {"a:b", "<key name=\"a:b\" "},
        {"😀", "<key name=\"😀\" "},
        {"日本", "<日本 "},
        {"item", "<item "},
        {"key", "<key "},
        {"type", "<type "},
        {"a\\nb\\t", "<key name=\"a&#10;b&#9;\" "},
        {"'\\\"", "<key name=\"'&quot;\" "},
        {"-1", "<key name=\"-1\" "}};
    for (const auto& [key, tag] : cases) {
      Check({{"{\"" + key + "\":null}", "<all>\n\t" + tag + "type=\"null\"/>\n</all>\n"}});
    }
  }

  void KeepsCharactersThatXmlCannotHold() {
    Check({{R"("\u0000a\\\"\n\r\t\b\u001f\ufffe\uffff<é")",
            "<all type=\"str\" "
            "escaped=\"json\">\\u0000a\\\\\\&quot;\\n\\r\\t\\b\\u001f\\ufffe\\uffff&lt;é</all>\n"},
           // Half of a surrogate pair, which the grammar allows; the old sender took it.
           {R"(["\ud83d", "a\uDE00b\n", "\uD83D\ud83d\ude00"])",
            "<all>\n\t<item type=\"str\" escaped=\"json\">\\ud83d</item>\n"
            "\t<item type=\"str\" escaped=\"json\">a\\ude00b\\n</item>\n"
            "\t<item type=\"str\" escaped=\"json\">\\ud83d\U0001F600</item>\n</all>\n"},
           {R"({"\ud83d":1})",
            "<all>\n\t<key name=\"\\ud83d\" name-escaped=\"json\" type=\"int\">1</key>\n</all>\n"},
           {R"({"\uD83D":1, "\ud83d":2})",
            "<all>\n\t<key name=\"\\ud83d\" name-escaped=\"json\" type=\"int\">2</key>\n</all>\n"},
           {R"({"a\u0001\\":1})",
            "<all>\n\t<key name=\"a\\u0001\\\\\" name-escaped=\"json\" type=\"int\">1</key>\n</all>\n"},
           {R"("plain \\ backslash")", "<all type=\"str\">plain \\ backslash</all>\n"}});
  }

  void KeepsWhiteSpaceThatParsersChange() {
    Check({{R"("a\r\nb\rc\td ")", "<all type=\"str\">a&#13;\nb&#13;c\td </all>\n"}});
  }

  void WritesTheLastOfRepeatedKeysInTheFirstPlace() {
    Check({{R"({"a":1,"b":{"c":1,"c":[]},"a":{"d":2,"d":3}})",
            "<all>\n\t<a type=\"dict\">\n\t\t<d type=\"int\">3</d>\n\t</a>\n"
            "\t<b type=\"dict\">\n\t\t<c type=\"list\"/>\n\t</b>\n</all>\n"},
           // Not the same key, though the same element.
           {R"({"a b":1,"a_b":2})",
            "<all>\n\t<a_b type=\"int\">1</a_b>\n\t<a_b type=\"int\">2</a_b>\n</all>\n"}});
  }

  void GoesDownToTheDepthBound() {
    const std::string xml = Convert(std::string(1000, '[') + std::string(1000, ']'));
    CPPUNIT_ASSERT(xml.find("\n" + std::string(999, '\t') + "<item type=\"list\"/>\n") != std::string::npos);
    const std::string sentence = Convert(std::string(1001, '[') + std::string(1001, ']'));
    CPPUNIT_ASSERT_EQUAL(
        std::string("The JSON is nested more than 1000 levels deep (before line 1, column 1001 (byte 1000)); "
                    "send it flatter."),
        sentence);
  }

  void RefusesWhatIsNotJsonAndWritesNothing() {
    for (const std::string json : {"", " ", "{", "[1,2", "{\"a\":1}x", "\xEF\xBB\xBF{}", "[\"\xff\"]",
                                   "[\"\xff"
                                   "d83d\"]",
                                   "[\"\xED\xA0\xBD\"]", "{'a':1}", "[1,]", "nan", "\"a\nb\""}) {
      CPPUNIT_ASSERT_MESSAGE(json, !Convert(json).starts_with("<"));
    }
    CPPUNIT_ASSERT(Convert("\"" + std::string((16U << 20U) + 1, 'x') + "\"").find("16777216 bytes") !=
                   std::string::npos);
    const std::string longest = Convert("\"" + std::string(16U << 20U, 'x') + "\"");
    CPPUNIT_ASSERT(longest.starts_with(kHead) && longest.size() > (16U << 20U));
  }

  void SaysWhereAFaultIsAndWhatIsTakenForJson() {
    using namespace std::string_literals;
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"[1,\n  2,\n  é x]", "line 3, column 3 (byte 11)"},
        {"{\"a\": 1,\r\n \"é\": tru}", "line 2, column "},
        {"[\"\xff\"]", "line 1, column "},
        {"{\"a\": 1} x", "something follows the value, at line 1, column 10 (byte 9)"},
        {"{\"a\": 1}\n{\"a\": 2}\n", "a second value in line 2, as JSON Lines (NDJSON) has"},
        {"\n1\r\n\r\n 2", "a second value in line 4"},
        {"\xEF\xBB\xBF{}", "starts with a byte order mark (BOM)"},
        {"\xFF\xFE[\0]\0"s, "is UTF-16"},
        {"\xFE\xFF\0[\0]"s, "is UTF-16"},
        {"[\0]\0"s, "is UTF-16"},
        {"\0[\0]"s, "is UTF-16"},
        {"[\0\0\0]\0\0\0"s, "is UTF-16 (or UTF-32)"}};
    for (const auto& [json, words] : cases) {
      for (const std::size_t piece : {SIZE_MAX, std::size_t{1}}) {
        const std::string sentence = Convert(json, piece);
        CPPUNIT_ASSERT_MESSAGE(sentence, sentence.find(words) != std::string::npos);
      }
    }
  }

  void RefusesXmlOverItsBound() {
    const std::string json = std::string(900, '[') + std::string(900, ']');
    const std::size_t size = Convert(json).size();
    CPPUNIT_ASSERT(size > 400 * json.size());
    io::MemoryText text(json);
    io::MemorySink enough;
    CPPUNIT_ASSERT(std::holds_alternative<Converted>(JsonToXml(text, enough, size)));
    io::MemorySink bounded;
    const auto outcome = JsonToXml(text, bounded, size - 1);
    const auto& refused = std::get<Refused>(outcome);
    CPPUNIT_ASSERT(!refused.has_changed && bounded.text.size() < size);
    CPPUNIT_ASSERT(refused.sentence.find("SENDER_MAX_GROWTH") != std::string::npos);
  }

  void GivesWellFormedXmlForRandomJson() {
    for (unsigned seed = 0; seed < 3000; ++seed) {
      const std::string json = Generator(seed).Value(0);
      const std::string xml = Convert(json, 1 + seed % 50);
      CPPUNIT_ASSERT_MESSAGE(json + " -> " + xml, xml.starts_with(kHead));
    }
  }

  // Valid when it is read first, and another one afterwards.
  class Changing : public io::RandomAccess {
   public:
    std::size_t ReadAt(std::uint64_t offset, std::span<char> buffer) override {
      if (offset == 0) ++times_;
      io::MemoryText text(times_ == 1 ? "[1, 2]" : "[1, 2");
      return text.ReadAt(offset, buffer);
    }

   private:
    int times_ = 0;
  };

  void SaysThatATextHasChanged() {
    Changing text;
    io::MemorySink sink;
    const auto outcome = JsonToXml(text, sink);
    CPPUNIT_ASSERT(std::get<Refused>(outcome).has_changed);
  }

  void PassesOnWhatTheSinkThrows() {
    struct Full : io::ByteSink {
      void Write(std::string_view) override { throw std::runtime_error("full"); }
    } full;
    io::MemoryText text("[1]");
    CPPUNIT_ASSERT_THROW(static_cast<void>(JsonToXml(text, full)), std::runtime_error);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(JsonToXmlTest);

}  // namespace
}  // namespace hashpost::sender
