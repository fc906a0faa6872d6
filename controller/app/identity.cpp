#include "controller/app/identity.hpp"

#include <array>
#include <fstream>
#include <sstream>

#include <sodium/crypto_hash_sha256.h>

#include "base/bytes.hpp"

namespace weave::controller {
namespace {

constexpr std::string_view kPrefix = "9oBJ0Jmip-";

std::string first_readable(std::initializer_list<std::filesystem::path> paths) {
  for (auto const& path : paths) {
    std::ifstream in{path, std::ios::binary};
    if (!in) continue;
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  return {};
}

} // namespace

PeerName peer_name_from_system_id(std::string_view system_id) {
  auto const input = std::string{kPrefix} + std::string{system_id};
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest{};
  auto const bytes = as_bytes(input);
  crypto_hash_sha256(digest.data(), bytes.data(), bytes.size());
  digest[0] = static_cast<std::uint8_t>((digest[0] & 0xfe) | 0x02);
  return PeerName{ByteReader{digest}.u48().value()};
}

std::string read_system_id(std::filesystem::path const& root) {
  return first_readable({root / "etc/machine-id", root / "var/lib/dbus/machine-id"}) +
         first_readable({"/sys/class/dmi/id/product_uuid", "/sys/hypervisor/uuid"});
}

PeerName peer_name_of_host(std::filesystem::path const& root, RandomSource& random) {
  auto const system_id = read_system_id(root);
  if (!system_id.empty()) return peer_name_from_system_id(system_id);
  auto constexpr kLocalUnicast = 0x0200'0000'0000ULL;
  auto constexpr kFlags = 0x0300'0000'0000ULL;
  return PeerName{(random.u64() & ~kFlags) | kLocalUnicast};
}

} // namespace weave::controller
