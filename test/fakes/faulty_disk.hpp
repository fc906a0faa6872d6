#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sqlite3.h>

#include "base/bytes.hpp"
#include "base/random.hpp"

namespace weave::test {

/// A disk in memory that can lose its power, run full and fail. While it lives it is where SQLite keeps its files, all
/// of them in one directory. One thread.
///
/// As on a real disk, what is written is safe only when it has been synchronised: on power loss each sector of each
/// later write, each change of a file's size, and each file made or deleted since its directory was synchronised,
/// survives or not on its own. A sector is written whole or not at all. Every main database file exists from the
/// moment it is opened, as whoever opens databases makes them beforehand.
class FaultyDisk {
 public:
  FaultyDisk();
  ~FaultyDisk();
  FaultyDisk(FaultyDisk const&) = delete;
  FaultyDisk& operator=(FaultyDisk const&) = delete;

  /// Writes, truncations, synchronisations, files made and files deleted so far.
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  /// Power goes while that step is under way, and everything fails from then on.
  void lose_power_at(std::uint64_t step) { power_ends_at_ = step; }
  /// That step does nothing but to fail.
  void fail_at(std::uint64_t step) { fails_at_ = step; }
  /// Writes beyond that many bytes, of all files together, fail. None: no limit.
  void set_capacity(std::optional<std::uint64_t> bytes) { capacity_ = bytes; }
  [[nodiscard]] std::uint64_t used() const;

  enum class Survives { nothing, everything, anything }; ///< of what was not synchronised
  /// Whatever was open must have been closed.
  void restore_power(Survives survives, RandomSource& random);

 private:
  struct Change {
    std::uint64_t offset = 0; ///< or the new size
    Bytes data;
    bool is_truncation = false;
  };
  struct File {
    Bytes content;
    Bytes stable;
    std::vector<Change> unsynchronised;
  };
  using Directory = std::map<std::string, std::shared_ptr<File>>;
  struct Handle;
  struct Methods;

  /// SQLITE_OK, or why this step does not happen. `interrupted`: it is the one during which power goes.
  [[nodiscard]] int step(bool& interrupted);
  [[nodiscard]] int write(File& file, ByteView data, std::uint64_t offset);
  [[nodiscard]] int truncate(File& file, std::uint64_t size);
  [[nodiscard]] int synchronise(File& file, bool with_directory);
  [[nodiscard]] int remove(std::string const& name, bool synchronised);
  static void apply(Bytes& content, Change const& change);
  static Bytes survivor(File const& file, Survives survives, RandomSource& random);

  sqlite3_vfs vfs_{};
  sqlite3_vfs* real_ = nullptr;
  Directory files_;
  Directory stable_files_;
  std::uint64_t steps_ = 0;
  std::optional<std::uint64_t> power_ends_at_;
  std::optional<std::uint64_t> fails_at_;
  std::optional<std::uint64_t> capacity_;
  bool has_power_ = true;
};

} // namespace weave::test
