#include "lib/crypto/pem_files.h"

#include <cppunit/extensions/HelperMacros.h>

#include <fstream>
#include <string>

#include "tests/unit/temp_folder.h"

namespace hashpost::crypto {
namespace {

// Made for this test (openssl req -x509 -newkey ec, valid for 100 years); nothing trusts it.
const std::string kCertificate =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBdTCCARugAwIBAgIUCdZe7ne3kMsAsJeEJPl2rJNPfAAwCgYIKoZIzj0EAwIw\n"
    "DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjcxMzQyMTRaGA8yMTI2MTEwMzEzNDIx\n"
    "NFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABHCo\n"
    "bcug6YmGAu3WTfmZQ6l1nsd7/LXrFFLuMbzt7F0lmfZGFBr6RkbpJJezzJ+IKkpG\n"
    "93/p3YUEbKh23ygdNnijUzBRMB0GA1UdDgQWBBT8JfBJ74HjrcXoso2X0mA1T1ml\n"
    "9jAfBgNVHSMEGDAWgBT8JfBJ74HjrcXoso2X0mA1T1ml9jAPBgNVHRMBAf8EBTAD\n"
    "AQH/MAoGCCqGSM49BAMCA0gAMEUCIQCb2saLEll03IrSiuJxh0SkfJHE3xPUgwCb\n"
    "Sx9uuRcc7gIgPM9ZGfPhPApu/a7s7+Fxa0odw+4pOKR3EmR4aDapTDE=\n"
    "-----END CERTIFICATE-----\n";
const std::string kKey =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgE7O94JWK1x3OpA7m\n"
    "z7IvryptwUg6rhuXJ/qFUaxFSL2hRANCAARwqG3LoOmJhgLt1k35mUOpdZ7He/y1\n"
    "6xRS7jG87exdJZn2RhQa+kZG6SSXs8yfiCpKRvd/6d2FBGyodt8oHTZ4\n"
    "-----END PRIVATE KEY-----\n";
const std::string kOtherKey =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgfluYCRfJCtgp0FDx\n"
    "wgPzBLI5DFZHfBBbw80PLgwYQ4mhRANCAAT/geexxVcGylB+7hfQbRjurJjA6oCc\n"
    "fZlwZLM/ocHhRYdSOc6KBtlzUPK667b+ZnCUKBMcUpZIxp2hJbGLSyC8\n"
    "-----END PRIVATE KEY-----\n";
const std::string kLockedKey =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAif4L924KnB9AICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEPPhTu2pO4wTwv9/SljfM8EEgZBe\n"
    "d6VAumBKXbH4poGhDhY8eWX7I8YQbZNMUFwhO8NB5CyhYd81AZLl0URnIIhrgBjb\n"
    "4FSC2L3SDcaKdNhXizrWSAlIvv0fsv+qG8YXg+Y6LfvavUBq5vd/xdh7NOnMgCw2\n"
    "wEvIduvQExkHD1ds+nig8xpK7tzwR16C4CYdSLaF3NuqF48BIM529SQlp4b/TK0=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

class PemFilesTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(PemFilesTest);
  CPPUNIT_TEST(TakesWhatLibcurlLoads);
  CPPUNIT_TEST(SaysWhatIsWrong);
  CPPUNIT_TEST_SUITE_END();

 public:
  void TakesWhatLibcurlLoads() {
    const std::string certificate = Write("c", "Words in front\n" + kCertificate + kCertificate);
    CPPUNIT_ASSERT(!FaultOfTrusted(certificate));
    CPPUNIT_ASSERT(!FaultOfCertificate(certificate));
    CPPUNIT_ASSERT(!FaultOfPrivateKey(Write("k", kKey), certificate));
    const std::string both = Write("both", kKey + kCertificate);
    CPPUNIT_ASSERT(!FaultOfCertificate(both));
    CPPUNIT_ASSERT(!FaultOfPrivateKey(both, both));
    CPPUNIT_ASSERT(!FaultOfTrusted(both));
  }

  void SaysWhatIsWrong() {
    const std::string certificate = Write("c", kCertificate);
    const std::string nowhere = folder_.path() + "/nowhere";
    Says("cannot be read: No such file", FaultOfTrusted(nowhere));
    Says("cannot be read: No such file", FaultOfCertificate(nowhere));
    Says("cannot be read: No such file", FaultOfPrivateKey(nowhere, certificate));
    Says("holds no certificate", FaultOfTrusted(Write("k", kKey)));
    Says("holds no certificate", FaultOfTrusted(Write("empty", "")));
    Says("is not a regular file", FaultOfTrusted(folder_.path()));
    Says("holds no certificate",
         FaultOfTrusted(Write("cut", kCertificate.substr(0, kCertificate.size() / 2))));
    Says("does not begin with a certificate", FaultOfCertificate(Write("k", kKey)));
    Says("holds no private key", FaultOfPrivateKey(certificate, certificate));
    Says("is not the key of the certificate in ", FaultOfPrivateKey(Write("other", kOtherKey), certificate));
    Says("has a passphrase", FaultOfPrivateKey(Write("locked", kLockedKey), certificate));
  }

 private:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  static void Says(const std::string& words, const PemFault& fault) {
    CPPUNIT_ASSERT_MESSAGE(words, fault.has_value());
    CPPUNIT_ASSERT_EQUAL(words, fault->substr(0, words.size()));
  }

  TempFolder folder_;
};

CPPUNIT_TEST_SUITE_REGISTRATION(PemFilesTest);

}  // namespace
}  // namespace hashpost::crypto
