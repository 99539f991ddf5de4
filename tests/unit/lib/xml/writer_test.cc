#include "lib/xml/writer.h"

#include <cppunit/extensions/HelperMacros.h>

#include <stdexcept>

#include "tests/unit/lib/json/memory_streams.h"

namespace hashpost::xml {
namespace {

class WriterTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(WriterTest);
  CPPUNIT_TEST(LaysOutElementsByDepth);
  CPPUNIT_TEST(WritesReferencesForWhatParsersWouldChange);
  CPPUNIT_TEST(IndentsAnyDepth);
  CPPUNIT_TEST(HandsOnLongTextsInPiecesAndCountsThem);
  CPPUNIT_TEST(PassesOnWhatTheSinkThrows);
  CPPUNIT_TEST_SUITE_END();

 public:
  void LaysOutElementsByDepth() {
    io::MemorySink sink;
    Writer writer(sink);
    writer.Declaration();
    writer.StartElement("all");
    writer.StartElement("a");
    writer.Attribute("type", "str");
    writer.Text("");
    writer.EndElement();
    writer.StartElement("b");
    writer.StartElement("c");
    writer.Text("x");
    writer.Text("y");
    writer.EndElement();
    writer.EndElement();
    writer.EndElement();
    writer.Finish();
    const std::string expected =
        "<?xml version=\"1.0\" ?>\n<all>\n\t<a type=\"str\"/>\n\t<b>\n\t\t<c>xy</c>\n\t</b>\n</all>\n";
    CPPUNIT_ASSERT_EQUAL(expected, sink.text);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{expected.size()}, writer.bytes());
  }

  void WritesReferencesForWhatParsersWouldChange() {
    io::MemorySink sink;
    Writer writer(sink);
    writer.StartElement("a");
    writer.Attribute("name", "<&>\"' \t\n\ré");
    writer.Text("<&>\"' \t\n\ré");
    writer.EndElement();
    writer.Finish();
    CPPUNIT_ASSERT_EQUAL(
        std::string("<a name=\"&lt;&amp;&gt;&quot;' &#9;&#10;&#13;é\">&lt;&amp;&gt;&quot;' \t\n&#13;é</a>\n"),
        sink.text);
  }

  void IndentsAnyDepth() {
    io::MemorySink sink;
    Writer writer(sink);
    std::string expected;
    for (std::size_t depth = 0; depth < 50; ++depth) {
      writer.StartElement("a");
      expected += std::string(depth, '\t') + (depth < 49 ? "<a>\n" : "<a/>\n");
    }
    for (std::size_t depth = 50; depth-- > 0;) {
      writer.EndElement();
      if (depth < 49) expected += std::string(depth, '\t') + "</a>\n";
    }
    writer.Finish();
    CPPUNIT_ASSERT_EQUAL(expected, sink.text);
  }

  void HandsOnLongTextsInPiecesAndCountsThem() {
    const std::string line(1000, 'x');
    const std::string huge(200000, 'y');
    io::MemorySink sink;
    Writer writer(sink);
    std::string expected = "<a>";
    writer.StartElement("a");
    for (int i = 0; i < 200; ++i) {
      writer.Text(line);
      expected += line;
    }
    writer.Text(huge);
    expected += huge + "</a>\n";
    writer.EndElement();
    writer.Finish();
    CPPUNIT_ASSERT(expected == sink.text);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{expected.size()}, writer.bytes());
  }

  void PassesOnWhatTheSinkThrows() {
    struct Full : io::ByteSink {
      void Write(std::string_view) override { throw std::runtime_error("full"); }
    } full;
    Writer writer(full);
    writer.StartElement("a");
    CPPUNIT_ASSERT_THROW(writer.Finish(), std::runtime_error);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(WriterTest);

}  // namespace
}  // namespace hashpost::xml
