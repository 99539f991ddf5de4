#include "file-sender/file_record.h"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace hashpost::sender {
namespace {

constexpr char kFormat = 1;
constexpr char kHasDelivered = 1;

void PutNumber(std::string& bytes, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(number >> shift));
}

class RecordReader {
 public:
  explicit RecordReader(std::string_view bytes) : rest_(bytes) {}

  std::string_view Take(std::size_t size) {
    if (rest_.size() < size) throw std::runtime_error("A record of the sender's state is cut short.");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  char TakeByte() { return Take(1).front(); }

  std::uint64_t TakeNumber() {
    std::uint64_t number = 0;
    for (const char byte : Take(8)) number = number << 8U | static_cast<unsigned char>(byte);
    return number;
  }

  crypto::Sha256Digest TakeDigest() {
    std::array<std::uint8_t, crypto::Sha256Digest::kSize> bytes{};
    std::copy_n(Take(bytes.size()).begin(), bytes.size(), bytes.begin());
    return crypto::Sha256Digest(bytes);
  }

  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace

bool FileRecord::IsSettled(const FileStamp& now, std::uint64_t settings_now) const {
  if (kind == Kind::kPending || stamp != now || !stamp.IsCertainAt(read_at)) return false;
  return kind == Kind::kDelivered || settings == settings_now;
}

std::string Encode(const FileRecord& record) {
  std::string bytes{kFormat, static_cast<char>(record.kind), record.delivered ? kHasDelivered : '\0'};
  bytes.append(record.delivered.value_or(crypto::Sha256Digest()).Bytes());
  bytes.append(record.content.Bytes());
  for (const std::uint64_t number :
       {record.stamp.size, record.stamp.mtime, record.stamp.ctime, record.stamp.inode, record.read_at,
        record.token_time, record.since, record.settings}) {
    PutNumber(bytes, number);
  }
  return bytes.append(record.reason);
}

FileRecord Decode(std::string_view bytes) {
  RecordReader reader(bytes);
  if (reader.TakeByte() != kFormat) {
    throw std::runtime_error("The sender's state is of another version; use the version that wrote it.");
  }
  FileRecord record;
  record.kind = static_cast<FileRecord::Kind>(reader.TakeByte());
  if (record.kind < FileRecord::Kind::kDelivered || record.kind > FileRecord::Kind::kPending) {
    throw std::runtime_error("A record of the sender's state is of no known kind.");
  }
  const bool has_delivered = reader.TakeByte() == kHasDelivered;
  const crypto::Sha256Digest delivered = reader.TakeDigest();
  if (has_delivered) record.delivered = delivered;
  record.content = reader.TakeDigest();
  for (std::uint64_t* number :
       {&record.stamp.size, &record.stamp.mtime, &record.stamp.ctime, &record.stamp.inode, &record.read_at,
        &record.token_time, &record.since, &record.settings}) {
    *number = reader.TakeNumber();
  }
  record.reason = reader.rest();
  return record;
}

}  // namespace hashpost::sender
