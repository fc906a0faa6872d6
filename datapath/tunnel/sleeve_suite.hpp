#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weave::datapath {

/// What protects the packets of an encrypted sleeve connection. The order decides when preferences contradict.
enum class SleeveSuite : std::uint8_t {
  secretbox,         ///< XSalsa20-Poly1305, the only one that the original knows
  chacha20_poly1305, ///< IETF; fast on any processor
  aes_256_gcm        ///< the fastest where the processor has instructions for AES
};

/// "secretbox", "chacha20-poly1305", "aes-256-gcm": in the feature and in status.
[[nodiscard]] std::string_view to_string(SleeveSuite suite);

/// The key in the introduction under which a peer names the suites that it has beside secretbox, the preferred one
/// first, separated by spaces. The original ignores it. With a password all features are sealed under the session key
/// (protocol/mesh.md §3.2), so that nobody between the peers can take a suite out; see SleeveKeying for the second
/// lock.
inline constexpr std::string_view kSleeveSuitesFeature = "SleeveSuites";

/// An offer by preference: AES first where the processor helps.
[[nodiscard]] std::string sleeve_suites(bool has_aes_instructions);
/// The value of the feature on this host; empty where the library can do neither. Any thread.
[[nodiscard]] std::string const& sleeve_suites_of_this_host();

/// What two ends use who offered these: of the suites in common the one whose lower rank of the two is the best, of
/// equals the earlier one in SleeveSuite; secretbox if there is none in common. So AES is chosen if both put it first.
/// Both ends come to the same. Unknown words are suites that we do not have.
[[nodiscard]] SleeveSuite choose_sleeve_suite(std::string_view ours, std::string_view theirs);

} // namespace weave::datapath
