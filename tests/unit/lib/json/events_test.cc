#include "lib/json/events.h"

#include <cppunit/extensions/HelperMacros.h>

#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/unit/lib/json/memory_streams.h"

namespace hashpost::json {
namespace {

constexpr EventLimits kLimits{
    .max_depth = 4, .max_string_bytes = 20, .max_key_bytes = 5, .max_number_bytes = 400};

// Writes down what it is told, with the positions.
class Scribe : public Events {
 public:
  void Null(std::uint64_t end) override { Note("null", end); }
  void Bool(bool value, std::uint64_t end) override { Note(value ? "true" : "false", end); }
  void Number(std::string_view text, std::uint64_t end) override { Note("#" + std::string(text), end); }
  void String(std::string_view utf8, std::uint64_t end) override { Note("'" + std::string(utf8) + "'", end); }
  void StartObject(std::uint64_t end) override { Note("{", end); }
  void Key(std::string_view utf8, std::uint64_t end) override { Note(std::string(utf8) + ":", end); }
  void EndObject(std::uint64_t end) override { Note("}", end); }
  void StartArray(std::uint64_t end) override { Note("[", end); }
  void EndArray(std::uint64_t end) override { Note("]", end); }

  std::string notes;

 private:
  void Note(const std::string& what, std::uint64_t end) { notes += what + "@" + std::to_string(end) + " "; }
};

// The events, or the fault's number and its sentence.
std::string Tell(std::string_view text, std::size_t piece = SIZE_MAX, const EventLimits& limits = kLimits) {
  io::MemorySource source(text, piece);
  Scribe scribe;
  const auto fault = ReadEvents(source, scribe, limits);
  if (!fault) return scribe.notes;
  static const std::vector<std::pair<Fault, std::string>> kNames = {{Fault::kMalformed, "malformed"},
                                                                    {Fault::kNotUtf8, "not UTF-8"},
                                                                    {Fault::kTooDeep, "too deep"},
                                                                    {Fault::kTooLong, "too long"}};
  for (const auto& [kind, name] : kNames) {
    if (kind == fault->fault) return name + ": " + fault->sentence;
  }
  return "another fault";
}

void CheckFault(const std::string& text, const std::string& kind, const EventLimits& limits = kLimits) {
  for (const std::size_t piece : {SIZE_MAX, std::size_t{1}}) {
    const std::string told = Tell(text, piece, limits);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(text + " -> " + told, kind, told.substr(0, told.find(':')));
  }
}

class EventsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(EventsTest);
  CPPUNIT_TEST(TellsWhatIsThereAndWhereItEnds);
  CPPUNIT_TEST(TellsNumbersAsTheyAreWrittenHoweverBig);
  CPPUNIT_TEST(RefusesNumbersThatAreNone);
  CPPUNIT_TEST(AcceptsNanAndInfinityOnlyIfToldTo);
  CPPUNIT_TEST(AcceptsHalvesOfSurrogatePairsOnlyIfToldTo);
  CPPUNIT_TEST(PassesRepeatedKeys);
  CPPUNIT_TEST(RefusesWhatRapidJsonLetsThrough);
  CPPUNIT_TEST(RefusesWhatIsNotJson);
  CPPUNIT_TEST(BoundsDepthStringsKeysAndNumbers);
  CPPUNIT_TEST(NeverBuffersAStringFarBeyondTheBound);
  CPPUNIT_TEST(ReadsStringsAcrossBufferBorders);
  CPPUNIT_TEST(PassesOnWhatTheListenerThrows);
  CPPUNIT_TEST_SUITE_END();

 public:
  void TellsWhatIsThereAndWhereItEnds() {
    for (const std::size_t piece : {SIZE_MAX, std::size_t{1}, std::size_t{3}}) {
      CPPUNIT_ASSERT_EQUAL(
          std::string("{@2 a:@5 #1@7 b:@11 [@14 true@19 false@25 null@30 'x\n'@37 ]@39 }@40 "),
          Tell(" {\"a\":1,\"b\": [ true,false,null, \"x\\n\" ]} ", piece));
      CPPUNIT_ASSERT_EQUAL(std::string("{@1 }@2 "), Tell("{}", piece));
      CPPUNIT_ASSERT_EQUAL(std::string("'é😀'@16 "), Tell("\"é\\ud83d\\ude00\"", piece));
      CPPUNIT_ASSERT_EQUAL(std::string("#-0@2 "), Tell("-0 ", piece));
    }
  }

  void TellsNumbersAsTheyAreWrittenHoweverBig() {
    for (const std::string number :
         {"0", "-0", "12", "-12345678901234567890123", "1.50", "0.0", "1E5", "1e+400", "-1e-400", "1.0E-07",
          "128.74836467836484838364836483643636483648e-336"}) {
      for (const std::size_t piece : {SIZE_MAX, std::size_t{1}}) {
        CPPUNIT_ASSERT_EQUAL("#" + number + "@" + std::to_string(number.size()) + " ", Tell(number, piece));
      }
    }
    const std::string huge(400, '7');
    CPPUNIT_ASSERT_EQUAL("[@1 #" + huge + "@401 ]@402 ", Tell("[" + huge + "]"));
  }

  void RefusesNumbersThatAreNone() {
    for (const std::string bad : {"-", "+1", "01", "-01", "1.", ".5", "1.e5", "1e", "1e+", "0x10", "1_0",
                                  "--1", "1e5.5", "Inf", "nan", "infinity"}) {
      CheckFault(bad, "malformed");
      CheckFault("[" + bad + "]", "malformed");
    }
  }

  void AcceptsNanAndInfinityOnlyIfToldTo() {
    EventLimits accepting = kLimits;
    accepting.accept_nan = true;
    CPPUNIT_ASSERT_EQUAL(std::string("[@1 #NaN@4 #Infinity@13 #-Infinity@23 #-1@26 ]@27 "),
                         Tell("[NaN,Infinity,-Infinity,-1]", 1, accepting));
    for (const std::string name : {"NaN", "Infinity", "-Infinity"}) CheckFault(name, "malformed");
    for (const std::string bad : {"-NaN", "Na", "NaNN", "Inf", "-Inf", "+Infinity", "-", "InfinityI"}) {
      CheckFault(bad, "malformed", accepting);
    }
    CheckFault(std::string("-\0", 2), "malformed", accepting);
  }

  // Wherever the buffer ends: an escape may lie across two pieces.
  void AcceptsHalvesOfSurrogatePairsOnlyIfToldTo() {
    EventLimits accepting = kLimits;
    accepting.accept_halves = true;
    for (const std::size_t piece : {SIZE_MAX, std::size_t{1}, std::size_t{5}}) {
      CPPUNIT_ASSERT_EQUAL(std::string("[@1 '\xFF"
                                       "d83d'@9 '\xFF"
                                       "dc00x'@19 ]@20 "),
                           Tell("[\"\\uD83D\",\"\\udc00x\"]", piece, accepting));
      CPPUNIT_ASSERT_EQUAL(std::string("'\xFF"
                                       "d83d\U0001F600'@20 "),
                           Tell("\"\\ud83d\\ud83d\\ude00\"", piece, accepting));
      CPPUNIT_ASSERT_EQUAL(std::string("'\xFF"
                                       "d83dA'@14 "),
                           Tell("\"\\ud83d\\u0041\"", piece, accepting));
      CPPUNIT_ASSERT_EQUAL(std::string("'\xFF"
                                       "d83d\n'@10 "),
                           Tell("\"\\ud83d\\n\"", piece, accepting));
    }
    for (const std::string bad : {"\xFF",
                                  "\xFF"
                                  "d83d",
                                  "\xED\xA0\xBD", "\x80\\ud83d", "\\ud83d\xC3"}) {
      CheckFault("[\"" + bad + "\"]", "not UTF-8", accepting);
    }
    for (const std::string bad :
         {"\\ud83d\\u", "\\ud83", "\\ud83d\\uz000", "\\u+123", "\\u 123", "\\u0x1f"}) {
      CheckFault("[\"" + bad + "\"]", "malformed", accepting);
    }
  }

  void PassesRepeatedKeys() {
    CPPUNIT_ASSERT_EQUAL(std::string("{@1 a:@4 #1@6 a:@10 #2@12 }@13 "), Tell(R"({"a":1,"a":2})"));
  }

  void RefusesWhatRapidJsonLetsThrough() {
    CheckFault("\xEF\xBB\xBF{}", "malformed");
    CheckFault("\xEF\xBB[]", "malformed");
    CheckFault(std::string("[]\0x", 4), "malformed");
    CheckFault(std::string("[\0]", 3), "malformed");
    CheckFault(std::string("\"\0\"", 3), "malformed");
    for (const std::string bad :
         {"\\udc00", "\\ud800", "\\ud800\\u0041", "\x80", "\xC3", "\xED\xA0\x80", "\xC0\x80"}) {
      CheckFault("[\"" + bad + "\"]", "not UTF-8");
      CheckFault("{\"" + bad + "\":1}", "not UTF-8");
    }
  }

  void RefusesWhatIsNotJson() {
    for (const std::string bad :
         {"",      " ",   "{",    "[",   "[1",    "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",
          "[1 2]", "[]]", "{}{}", "tru", "nulll", "'a'", "\"a",  "\"\\x\"", "\"\n\"",   "[1}"}) {
      CheckFault(bad, "malformed");
    }
  }

  void BoundsDepthStringsKeysAndNumbers() {
    CPPUNIT_ASSERT_EQUAL(std::string("[@1 [@2 [@3 [@4 ]@5 ]@6 ]@7 ]@8 "), Tell("[[[[]]]]"));
    CheckFault("[[[[[]]]]]", "too deep");
    CheckFault(R"([{"a":[{"b":{}}]}])", "too deep");
    CheckFault(std::string(100000, '['), "too deep");
    const std::string twenty(20, 's');
    CPPUNIT_ASSERT_EQUAL("'" + twenty + "'@22 ", Tell("\"" + twenty + "\""));
    CheckFault("\"" + twenty + "s\"", "too long");
    CPPUNIT_ASSERT_EQUAL(std::string("{@1 keyed:@8 #1@10 }@11 "), Tell(R"({"keyed":1})"));
    CheckFault(R"({"keyed6":1})", "too long");
    CheckFault(std::string(401, '1'), "too long");
    CheckFault("1." + std::string(400, '1'), "too long");
  }

  // A source that would go on for ever.
  class Endless : public io::ByteSource {
   public:
    explicit Endless(std::string repeated) : repeated_(std::move(repeated)) {}
    std::size_t Read(std::span<char> buffer) override {
      if (!begun_) {
        begun_ = true;
        buffer[0] = '"';
        return 1;
      }
      CPPUNIT_ASSERT_MESSAGE("it reads on and on", (handed_out_ += repeated_.size()) < (1U << 20U));
      std::memcpy(buffer.data(), repeated_.data(), repeated_.size());
      return repeated_.size();
    }

   private:
    const std::string repeated_;
    bool begun_ = false;
    std::size_t handed_out_ = 0;
  };

  void NeverBuffersAStringFarBeyondTheBound() {
    for (const std::string repeated : {"plain text", "\\n", "\\u0041"}) {
      Endless source(repeated);
      Scribe scribe;
      const auto fault = ReadEvents(source, scribe, kLimits);
      CPPUNIT_ASSERT(fault && fault->fault == Fault::kTooLong);
    }
  }

  void ReadsStringsAcrossBufferBorders() {
    EventLimits roomy = kLimits;
    roomy.max_string_bytes = 100000;
    std::string inside;
    for (int i = 0; i < 9000; ++i) inside += "é" + std::to_string(i % 7);
    for (const std::size_t piece : {SIZE_MAX, std::size_t{1}, std::size_t{1000}, std::size_t{8191}}) {
      CPPUNIT_ASSERT_EQUAL("'" + inside + "'@" + std::to_string(inside.size() + 2) + " ",
                           Tell("\"" + inside + "\"", piece, roomy));
    }
  }

  void PassesOnWhatTheListenerThrows() {
    struct Throwing : Scribe {
      void Number(std::string_view, std::uint64_t) override { throw std::runtime_error("no numbers"); }
    } listener;
    io::MemorySource source("[1]");
    CPPUNIT_ASSERT_THROW(static_cast<void>(ReadEvents(source, listener, kLimits)), std::runtime_error);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(EventsTest);

}  // namespace
}  // namespace hashpost::json
