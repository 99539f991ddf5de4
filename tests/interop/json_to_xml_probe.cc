// json-to-xml-probe FILE…: writes the XML form of each FILE to FILE.xml and says "ok" or why it is refused, a
// line for each. For tests/interop/json_to_xml.py and for measuring.

#include <fcntl.h>

#include <fstream>
#include <iostream>
#include <string>

#include "file-sender/json_to_xml.h"
#include "lib/io/unique_fd.h"

namespace {

using namespace hashpost;

struct FileSink : io::ByteSink {
  explicit FileSink(const std::string& path) : file(path, std::ios::binary | std::ios::trunc) {
    file.exceptions(std::ios::failbit | std::ios::badbit);
  }
  void Write(std::string_view bytes) override {
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  std::ofstream file;
};

void Convert(const std::string& path) {
  const io::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  io::FileReader json(fd.get());
  FileSink xml(path + ".xml");
  const auto outcome = sender::JsonToXml(json, xml);
  const auto* refused = std::get_if<sender::Refused>(&outcome);
  std::cout << (refused == nullptr ? "ok" : refused->sentence) << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) Convert(argv[i]);
  return 0;
}
