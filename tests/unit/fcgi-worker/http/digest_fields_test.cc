#include "fcgi-worker/http/digest_fields.h"

#include <cppunit/extensions/HelperMacros.h>

#include <vector>

#include "fcgi-worker/http/problem.h"

namespace hashpost::http {
namespace {

// RFC 9530 §B.1: {"hello": "world"} and a line feed.
const std::string kHello = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
const std::string kOther = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";

crypto::Sha256Digest Hello() {
  return crypto::HashSha256("{\"hello\": \"world\"}\n");
}

std::optional<crypto::Sha256Digest> Claimed(const std::vector<Field>& fields) {
  Request request;
  for (const Field& field : fields) request.fields.Add(field.name, field.value);
  return ClaimedDigest(request);
}

// What ClaimedDigest makes of one field: a digest in hex, "none" or the slug of the problem.
std::string Outcome(const std::vector<Field>& fields) {
  try {
    const auto digest = Claimed(fields);
    return digest ? digest->Hex() : "none";
  } catch (const HttpError& error) {
    CPPUNIT_ASSERT_EQUAL(400, error.problem().status);
    return std::string(error.problem().slug);
  }
}

class DigestFieldsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(DigestFieldsTest);
  CPPUNIT_TEST(FormatsTheStandardsExample);
  CPPUNIT_TEST(ReadsEitherField);
  CPPUNIT_TEST(ClaimsNothingWithoutSha256);
  CPPUNIT_TEST(ReadsWhatStructuredFieldsAllow);
  CPPUNIT_TEST(RefusesFieldsThatCannotBeParsed);
  CPPUNIT_TEST(RefusesFieldsThatDisagree);
  CPPUNIT_TEST(TakesTheLastOfTwoMembersOfOneName);
  CPPUNIT_TEST(NamesTheFieldInTheSentence);
  CPPUNIT_TEST_SUITE_END();

 public:
  void FormatsTheStandardsExample() { CPPUNIT_ASSERT_EQUAL(kHello, FormatDigestField(Hello())); }

  void ReadsEitherField() {
    CPPUNIT_ASSERT(Claimed({}) == std::nullopt);
    CPPUNIT_ASSERT(Claimed({{"DIGEST", "sha-256=garbage"}}) == std::nullopt);  // RFC 3230, obsolete
    CPPUNIT_ASSERT(Claimed({{"CONTENT_DIGEST", kHello}}) == Hello());
    CPPUNIT_ASSERT(Claimed({{"REPR_DIGEST", kHello}}) == Hello());
    CPPUNIT_ASSERT(Claimed({{"REPR_DIGEST", kHello}, {"CONTENT_DIGEST", kHello}}) == Hello());
    CPPUNIT_ASSERT(Claimed({{"REPR_DIGEST", "md5=:AAAA:"}, {"CONTENT_DIGEST", kHello}}) == Hello());
    CPPUNIT_ASSERT(Claimed({{"REPR_DIGEST", kHello}, {"CONTENT_DIGEST", ""}}) == Hello());
  }

  void ClaimsNothingWithoutSha256() {
    for (const std::string_view value : {"", " ", "md5=:AAAA:", "sha-512=:AAAA:, md5=::", "sha-256x=:AAAA:",
                                         "*=:AA==:", "xsha-256=:AAAA:"}) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(std::string(value), std::string("none"),
                                   Outcome({{"CONTENT_DIGEST", value}}));
    }
  }

  void ReadsWhatStructuredFieldsAllow() {
    std::string unpadded = kHello;
    unpadded.erase(unpadded.find("=:", 10), 1);
    const std::vector<std::string> good = {
        " " + kHello + " ",
        kHello + ",sha-512=:AAAA:",
        "sha-512=:AAAA:\t,  " + kHello,
        kHello + ";a",
        kHello + ";a=1; b=-1.5;c=\"x\\\"\\\\,y\";d=?1;e=tok/en:x;f=:AAAA:;*g=*",
        unpadded,
    };
    for (const std::string& value : good) {
      CPPUNIT_ASSERT_EQUAL_MESSAGE(value, Hello().Hex(), Outcome({{"CONTENT_DIGEST", value}}));
    }
  }

  void RefusesFieldsThatCannotBeParsed() {
    const std::vector<std::string> bad = {
        "garbage",
        "sha-256",
        "sha-256=",
        "sha-256=:",
        "sha-256=::",
        "sha-256=:AAAA:",
        "sha-256=:AAAA",
        "sha-256=AAAA",
        "sha-256=\"AAAA\"",
        "sha-256=1",
        "sha-256=(:AAAA:)",
        "SHA-256=:AAAA:",
        "=:AAAA:",
        ",",
        "md5=:AAAA:,",
        ",md5=:AAAA:",
        "md5=:AAAA: sha-512=:AAAA:",
        "md5=:AA=A:",
        "md5=:A:",
        "md5=:AB:",
        "md5=:A A:",
        "md5=:AA-_:",
        "md5 =:AAAA:",
        "md5= :AAAA:",
        "\xFF",
        kHello + "x",
        kHello + kHello,
        "sha-256=:" + std::string(44, 'A') + ":",
        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDh=:",  // a bit that belongs to no byte
        "sha-256=44aff4ab2d7c3250525675a08f0cfa9591168cffe51791c5f5bbc417c15a6c38",
    };
    for (const std::string& value : bad) {
      for (const std::string_view name : {"CONTENT_DIGEST", "REPR_DIGEST"}) {
        CPPUNIT_ASSERT_EQUAL_MESSAGE(value, std::string("bad-digest-field"), Outcome({{name, value}}));
      }
    }
  }

  void RefusesFieldsThatDisagree() {
    CPPUNIT_ASSERT_EQUAL(std::string("bad-digest-field"),
                         Outcome({{"CONTENT_DIGEST", kHello}, {"REPR_DIGEST", kOther}}));
  }

  void TakesTheLastOfTwoMembersOfOneName() {
    CPPUNIT_ASSERT_EQUAL(Hello().Hex(), Outcome({{"CONTENT_DIGEST", kOther + ", " + kHello}}));
    // Two lines are one list.
    CPPUNIT_ASSERT_EQUAL(Hello().Hex(), Outcome({{"CONTENT_DIGEST", kOther}, {"CONTENT_DIGEST", kHello}}));
    CPPUNIT_ASSERT(Claimed({{"CONTENT_DIGEST", kHello}, {"CONTENT_DIGEST", kOther}}) != Hello());
    CPPUNIT_ASSERT_EQUAL(std::string("bad-digest-field"),
                         Outcome({{"REPR_DIGEST", kHello}, {"REPR_DIGEST", "garbage"}}));
    CPPUNIT_ASSERT_EQUAL(std::string("bad-digest-field"),
                         Outcome({{"CONTENT_DIGEST", "sha-256=:AAAA:, " + kHello}}));
  }

  void NamesTheFieldInTheSentence() {
    for (const auto& [cgi, name] :
         {std::pair("CONTENT_DIGEST", "Content-Digest"), {"REPR_DIGEST", "Repr-Digest"}}) {
      try {
        (void)Claimed({{cgi, "garbage"}});
        CPPUNIT_FAIL("not refused");
      } catch (const HttpError& error) {
        CPPUNIT_ASSERT(std::string(error.what()).find(name) != std::string::npos);
      }
    }
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DigestFieldsTest);

}  // namespace
}  // namespace hashpost::http
