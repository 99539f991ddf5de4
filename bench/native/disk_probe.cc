#include "bench/native/disk_probe.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <ostream>
#include <sstream>
#include <system_error>

#include "bench/native/samples.h"
#include "lib/io/unique_fd.h"

namespace hashpost::bench {
namespace {

void Check(bool good, const char* call) {
  if (!good) throw std::system_error(errno, std::generic_category(), call);
}

struct FileSystem {
  std::string type = "unknown";
  std::string device = "unknown";
};

// From proc_pid_mountinfo(5): "36 35 98:0 / /mnt rw,noatime shared:1 - ext3 /dev/root rw".
FileSystem FileSystemOf(const std::string& folder) {
  struct stat status {};
  Check(::stat(folder.c_str(), &status) == 0, "stat");
  const std::string wanted =
      std::to_string(major(status.st_dev)) + ":" + std::to_string(minor(status.st_dev));
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string word;
    std::string number;
    fields >> word >> word >> number;
    const auto separator = line.find(" - ");
    if (number != wanted || separator == std::string::npos) continue;
    FileSystem found;
    std::istringstream(line.substr(separator + 3)) >> found.type >> found.device;
    return found;
  }
  return {};
}

void Write(int file, const std::string& block, off_t offset) {
  Check(::pwrite(file, block.data(), block.size(), offset) == static_cast<ssize_t>(block.size()), "pwrite");
}

}  // namespace

void ProbeSync(const std::string& folder, std::size_t bytes, std::uint64_t count, bool overwrite,
               std::ostream& out) {
  const std::string path = folder + "/sync-probe-" + std::to_string(::getpid());
  const io::UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  Check(static_cast<bool>(file), "open");
  ::unlink(path.c_str());  // it lives as long as it is open
  const std::string block(bytes, 'x');
  const auto offset = [&](std::uint64_t i) { return static_cast<off_t>(i * bytes); };
  if (overwrite) {
    for (std::uint64_t i = 0; i < count; ++i) Write(file.get(), block, offset(i));
    Check(::fsync(file.get()) == 0, "fsync");
  }
  Samples samples;
  for (std::uint64_t i = 0; i < count; ++i) {
    Write(file.get(), block, offset(i));
    const auto start = Clock::now();
    Check(::fdatasync(file.get()) == 0, "fdatasync");
    samples.Add(Clock::now() - start);
  }
  const FileSystem system = FileSystemOf(folder);
  out << R"({"probe":"fdatasync","write":")" << (overwrite ? "overwrite" : "append") << R"(","bytes":)"
      << bytes << R"(,"count":)" << count << R"(,"p50_us":)" << samples.Microseconds(50) << R"(,"p99_us":)"
      << samples.Microseconds(99) << R"(,"file_system":")" << system.type << R"(","device":")"
      << system.device << "\"}\n";
}

}  // namespace hashpost::bench
