#include "test/fakes/faulty_disk.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace weave::test {
namespace {

constexpr std::uint64_t kSector = 512;

} // namespace

struct FaultyDisk::Handle {
  sqlite3_file base; // first: SQLite knows the handle by it
  FaultyDisk* disk;
  std::shared_ptr<File> file;
  bool is_temporary;
  bool owes_directory; ///< a new journal: its first synchronisation takes the directory along
};

/// What SQLite calls.
struct FaultyDisk::Methods {
  static FaultyDisk& disk_of(sqlite3_vfs* vfs) { return *static_cast<FaultyDisk*>(vfs->pAppData); }
  static Handle& handle_of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }

  static int open(sqlite3_vfs* vfs, char const* name, sqlite3_file* file, int flags, int* out_flags);
  static int remove(sqlite3_vfs* vfs, char const* name, int synchronised) {
    return disk_of(vfs).remove(name, synchronised != 0);
  }
  static int access(sqlite3_vfs* vfs, char const* name, int, int* result) {
    auto const& disk = disk_of(vfs);
    auto const found = disk.files_.find(name);
    *result = found != disk.files_.end() && !found->second->content.empty() ? 1 : 0;
    return disk.has_power_ ? SQLITE_OK : SQLITE_IOERR_ACCESS;
  }
  static int full_name(sqlite3_vfs*, char const* name, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", name);
    return SQLITE_OK;
  }
  static int randomness(sqlite3_vfs* vfs, int size, char* out) {
    auto* const real = disk_of(vfs).real_;
    return real->xRandomness(real, size, out);
  }
  static int sleep(sqlite3_vfs*, int microseconds) { return microseconds; }
  static int time(sqlite3_vfs* vfs, double* now) {
    auto* const real = disk_of(vfs).real_;
    return real->xCurrentTime(real, now);
  }
  static int last_error(sqlite3_vfs*, int, char*) { return 0; }

  static int close(sqlite3_file* file) {
    handle_of(file).~Handle();
    return SQLITE_OK;
  }
  static int read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset);
  static int write(sqlite3_file* file, void const* data, int size, sqlite3_int64 offset) {
    auto& handle = handle_of(file);
    ByteView const bytes{static_cast<std::uint8_t const*>(data), static_cast<std::size_t>(size)};
    auto const at = static_cast<std::uint64_t>(offset);
    if (!handle.is_temporary) return handle.disk->write(*handle.file, bytes, at);
    apply(handle.file->content, {.offset = at, .data = Bytes(bytes.begin(), bytes.end())});
    return SQLITE_OK;
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    auto& handle = handle_of(file);
    return handle.is_temporary ? SQLITE_OK : handle.disk->truncate(*handle.file, static_cast<std::uint64_t>(size));
  }
  static int synchronise(sqlite3_file* file, int) {
    auto& handle = handle_of(file);
    if (handle.is_temporary) return SQLITE_OK;
    auto const result = handle.disk->synchronise(*handle.file, handle.owes_directory);
    if (result == SQLITE_OK) handle.owes_directory = false;
    return result;
  }
  static int size(sqlite3_file* file, sqlite3_int64* out) {
    *out = static_cast<sqlite3_int64>(handle_of(file).file->content.size());
    return handle_of(file).disk->has_power_ ? SQLITE_OK : SQLITE_IOERR_FSTAT;
  }
  static int lock(sqlite3_file*, int) { return SQLITE_OK; }
  static int reserved(sqlite3_file*, int* out) {
    *out = 0;
    return SQLITE_OK;
  }
  static int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file*) { return static_cast<int>(kSector); }
  // As SQLite takes Linux to be.
  static int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }
};

int FaultyDisk::Methods::open(sqlite3_vfs* vfs, char const* name, sqlite3_file* file, int flags, int* out_flags) {
  static constexpr sqlite3_io_methods kMethods{.iVersion = 1,
                                               .xClose = close,
                                               .xRead = read,
                                               .xWrite = write,
                                               .xTruncate = truncate,
                                               .xSync = synchronise,
                                               .xFileSize = size,
                                               .xLock = lock,
                                               .xUnlock = lock,
                                               .xCheckReservedLock = reserved,
                                               .xFileControl = control,
                                               .xSectorSize = sector_size,
                                               .xDeviceCharacteristics = characteristics,
                                               .xShmMap = nullptr,
                                               .xShmLock = nullptr,
                                               .xShmBarrier = nullptr,
                                               .xShmUnmap = nullptr,
                                               .xFetch = nullptr,
                                               .xUnfetch = nullptr};
  auto& disk = disk_of(vfs);
  file->pMethods = nullptr;
  auto& handle = *new (file) Handle{.base = {.pMethods = &kMethods},
                                    .disk = &disk,
                                    .file = {},
                                    .is_temporary = name == nullptr,
                                    .owes_directory = false};
  if (out_flags != nullptr) *out_flags = flags;
  if (handle.is_temporary) {
    handle.file = std::make_shared<File>();
    return SQLITE_OK;
  }
  auto const is_main = (flags & SQLITE_OPEN_MAIN_DB) != 0;
  auto& entry = disk.files_[name];
  if (!entry && is_main) entry = std::make_shared<File>();
  if (!entry) {
    bool interrupted = false;
    auto const failed = (flags & SQLITE_OPEN_CREATE) == 0 ? SQLITE_CANTOPEN : disk.step(interrupted);
    if (failed == SQLITE_OK || interrupted) entry = std::make_shared<File>();
    if (failed != SQLITE_OK) {
      if (!entry) disk.files_.erase(name);
      handle.~Handle();
      file->pMethods = nullptr;
      return SQLITE_CANTOPEN;
    }
  }
  handle.file = entry;
  handle.owes_directory = !is_main;
  return SQLITE_OK;
}

int FaultyDisk::Methods::read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  auto const& handle = handle_of(file);
  if (!handle.disk->has_power_) return SQLITE_IOERR_READ;
  auto const& content = handle.file->content;
  auto const wanted = static_cast<std::size_t>(size);
  auto const from = std::min(static_cast<std::size_t>(offset), content.size());
  auto const there = std::min(wanted, content.size() - from);
  if (there > 0) std::memcpy(out, content.data() + from, there); // an empty file has no data to point at
  std::memset(static_cast<char*>(out) + there, 0, wanted - there);
  return there == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

FaultyDisk::FaultyDisk() : real_{sqlite3_vfs_find(nullptr)} {
  vfs_ = {.iVersion = 1,
          .szOsFile = static_cast<int>(sizeof(Handle)),
          .mxPathname = real_->mxPathname,
          .pNext = nullptr,
          .zName = "weave-faulty-disk",
          .pAppData = this,
          .xOpen = Methods::open,
          .xDelete = Methods::remove,
          .xAccess = Methods::access,
          .xFullPathname = Methods::full_name,
          .xDlOpen = nullptr,
          .xDlError = nullptr,
          .xDlSym = nullptr,
          .xDlClose = nullptr,
          .xRandomness = Methods::randomness,
          .xSleep = Methods::sleep,
          .xCurrentTime = Methods::time,
          .xGetLastError = Methods::last_error,
          .xCurrentTimeInt64 = nullptr,
          .xSetSystemCall = nullptr,
          .xGetSystemCall = nullptr,
          .xNextSystemCall = nullptr};
  sqlite3_vfs_register(&vfs_, 1);
}

FaultyDisk::~FaultyDisk() {
  sqlite3_vfs_unregister(&vfs_);
  sqlite3_vfs_register(real_, 1);
}

std::uint64_t FaultyDisk::used() const {
  std::uint64_t sum = 0;
  for (auto const& [name, file] : files_) sum += file->content.size();
  return sum;
}

int FaultyDisk::step(bool& interrupted) {
  interrupted = false;
  if (!has_power_) return SQLITE_IOERR;
  ++steps_;
  if (steps_ == power_ends_at_) {
    has_power_ = false;
    interrupted = true;
    return SQLITE_IOERR;
  }
  return steps_ == fails_at_ ? SQLITE_IOERR : SQLITE_OK;
}

int FaultyDisk::write(File& file, ByteView data, std::uint64_t offset) {
  auto const end = offset + data.size();
  auto const growth = end > file.content.size() ? end - file.content.size() : 0;
  if (has_power_ && growth > 0 && capacity_ && used() + growth > *capacity_) return SQLITE_FULL;
  bool interrupted = false;
  auto const failed = step(interrupted);
  if (failed != SQLITE_OK && !interrupted) return failed;
  Change change{.offset = offset, .data = Bytes(data.begin(), data.end())};
  apply(file.content, change);
  file.unsynchronised.push_back(std::move(change));
  return failed;
}

int FaultyDisk::truncate(File& file, std::uint64_t size) {
  bool interrupted = false;
  auto const failed = step(interrupted);
  if (failed != SQLITE_OK && !interrupted) return failed;
  Change const change{.offset = size, .data = {}, .is_truncation = true};
  apply(file.content, change);
  file.unsynchronised.push_back(change);
  return failed;
}

int FaultyDisk::synchronise(File& file, bool with_directory) {
  bool interrupted = false;
  if (step(interrupted) != SQLITE_OK) return SQLITE_IOERR_FSYNC;
  file.stable = file.content;
  file.unsynchronised.clear();
  if (with_directory) stable_files_ = files_;
  return SQLITE_OK;
}

int FaultyDisk::remove(std::string const& name, bool synchronised) {
  if (has_power_ && !files_.contains(name)) return SQLITE_IOERR_DELETE_NOENT;
  bool interrupted = false;
  auto const failed = step(interrupted);
  if (failed != SQLITE_OK && !interrupted) return SQLITE_IOERR_DELETE;
  files_.erase(name);
  if (failed != SQLITE_OK) return SQLITE_IOERR_DELETE;
  if (synchronised) stable_files_ = files_;
  return SQLITE_OK;
}

void FaultyDisk::apply(Bytes& content, Change const& change) {
  if (change.is_truncation) {
    content.resize(change.offset);
    return;
  }
  content.resize(std::max<std::size_t>(content.size(), change.offset + change.data.size()));
  std::ranges::copy(change.data, content.begin() + static_cast<std::ptrdiff_t>(change.offset));
}

Bytes FaultyDisk::survivor(File const& file, Survives survives, RandomSource& random) {
  if (survives == Survives::nothing) return file.stable;
  if (survives == Survives::everything) return file.content;
  auto result = file.stable;
  for (auto const& change : file.unsynchronised) {
    if (change.is_truncation) {
      if (random.below(2) == 0) apply(result, change);
      continue;
    }
    // The size may have grown without what was to be there.
    if (random.below(2) == 0) result.resize(std::max<std::size_t>(result.size(), change.offset + change.data.size()));
    auto const end = change.offset + change.data.size();
    for (auto at = change.offset; at < end;) {
      auto const next = std::min(end, (at / kSector + 1) * kSector);
      auto const part = ByteView{change.data}.subspan(at - change.offset, next - at);
      if (random.below(2) == 0) apply(result, {.offset = at, .data = Bytes(part.begin(), part.end())});
      at = next;
    }
  }
  return result;
}

void FaultyDisk::restore_power(Survives survives, RandomSource& random) {
  Directory survivors;
  auto const keep = [&](std::string const& name, std::shared_ptr<File> const& file) {
    auto fresh = std::make_shared<File>();
    fresh->content = fresh->stable = survivor(*file, survives, random);
    survivors[name] = std::move(fresh);
  };
  auto const chance = [&](Survives certain) {
    return survives == certain || (survives == Survives::anything && random.below(2) == 0);
  };
  for (auto const& [name, file] : stable_files_) {
    auto const still_there = files_.contains(name) && files_.at(name) == file;
    if (still_there || chance(Survives::nothing)) keep(name, file);
  }
  for (auto const& [name, file] : files_) {
    auto const known = stable_files_.contains(name) && stable_files_.at(name) == file;
    if (!known && chance(Survives::everything)) keep(name, file);
  }
  files_ = stable_files_ = std::move(survivors);
  power_ends_at_.reset();
  fails_at_.reset();
  has_power_ = true;
}

} // namespace weave::test
