// What the disk itself takes for a durable write, and what kind of disk it is: printed beside every durable
// figure.

#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>

namespace hashpost::bench {

// Appends `bytes` bytes to a new file in `folder` and calls fdatasync, `count` times; with `overwrite` writes
// over the bytes of a file that is there already. Removes the file. Writes percentiles of the fdatasync, and
// the file system's name and device, as JSON to `out`. Throws std::system_error.
void ProbeSync(const std::string& folder, std::size_t bytes, std::uint64_t count, bool overwrite,
               std::ostream& out);

}  // namespace hashpost::bench
