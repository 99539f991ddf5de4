#include "file-sender/upload_options.h"

#include <sys/stat.h>

#include <cstddef>
#include <memory>
#include <new>
#include <string>

namespace hashpost::sender {
namespace {

std::size_t IgnoreBytes(char*, std::size_t unit, std::size_t units, void*) {
  return unit * units;
}

// To find out what the receiver's port speaks: `scheme` with its address and no path.
void SetUpTrial(CURL* curl, const Receiver& receiver, const std::string& scheme) {
  SetUp(curl, receiver);
  curl_easy_setopt(curl, CURLOPT_URL, (scheme + "://" + receiver.authority + "/").c_str());
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(receiver.connect_time.count()));
}

}  // namespace

CurlHandle NewCurlHandle() {
  CurlHandle curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) throw std::bad_alloc();
  return curl;
}

bool IsUrl(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  return curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK;
}

void SetUp(CURL* curl, const Receiver& receiver) {
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(receiver.connect_time.count()));
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10U);
  // Without these two, http_proxy, ALL_PROXY and NO_PROXY in the environment would decide. Empty: no proxy,
  // and no host that goes around the one that was set.
  curl_easy_setopt(curl, CURLOPT_PROXY, receiver.proxy.c_str());
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
  curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (!receiver.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, receiver.ca_file.c_str());
    // Or else the system's folder of CAs would be trusted as well.
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
    // Without that folder libcurl would keep what it has read of the file for a day.
    curl_easy_setopt(curl, CURLOPT_CA_CACHE_TIMEOUT, 0L);
  }
  // With a passphrase that fits nothing, OpenSSL does not ask on the terminal for that of a key.
  curl_easy_setopt(curl, CURLOPT_KEYPASSWD, "");
  if (!receiver.certificate.empty()) {
    curl_easy_setopt(curl, CURLOPT_SSLCERT, receiver.certificate.c_str());
    curl_easy_setopt(curl, CURLOPT_SSLKEY, receiver.certificate_key.c_str());
  }
}

TlsFiles StampTlsFiles(const Receiver& receiver) {
  TlsFiles stamps{};
  std::size_t next = 0;
  for (const std::string* file : {&receiver.ca_file, &receiver.certificate, &receiver.certificate_key}) {
    struct stat status {};
    if (!file->empty() && ::stat(file->c_str(), &status) == 0) stamps.at(next) = FileStamp(status);
    ++next;
  }
  return stamps;
}

bool SpeaksTls(const Receiver& receiver) {
  const CurlHandle curl = NewCurlHandle();
  SetUpTrial(curl.get(), receiver, "https");
  curl_easy_setopt(curl.get(), CURLOPT_CONNECT_ONLY, 1L);
  const CURLcode code = curl_easy_perform(curl.get());
  // (Who it is does not matter here: nothing is sent. A certificate that is not trusted is one, all the
  // same.)
  return code == CURLE_OK || code == CURLE_PEER_FAILED_VERIFICATION;
}

bool SpeaksPlainHttp(const Receiver& receiver) {
  const CurlHandle curl = NewCurlHandle();
  SetUpTrial(curl.get(), receiver, "http");
  curl_easy_setopt(curl.get(), CURLOPT_NOBODY, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, IgnoreBytes);
  long status = 0;
  if (curl_easy_perform(curl.get()) == CURLE_OK) {
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  }
  return status >= 200 && status != 400;  // (400: a TLS port that says in HTTP that it is one)
}

}  // namespace hashpost::sender
