#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "controller/docker/engine.hpp"

namespace weave::controller::docker {

/// "1.41". Value type.
struct ApiVersion {
  int major = 1;
  int minor = 0;

  [[nodiscard]] static Result<ApiVersion> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  friend auto operator<=>(ApiVersion const&, ApiVersion const&) = default;
};

/// What an engine says it speaks.
struct EngineVersions {
  ApiVersion newest;
  ApiVersion oldest; ///< 1.0 if it does not say (before 1.12.0)
};

/// The version we were written against, and the oldest that has what we need (networks).
inline constexpr ApiVersion kOurVersion{1, 41};
inline constexpr ApiVersion kOldestUseful{1, 21};

/// What `GET /info` says of an engine's swarm.
struct SwarmMembership {
  bool member = false;
  std::vector<std::string> other_managers; ///< their IPv4 addresses, each once
};

/// The older of ours and the engine's newest, but not older than the engine still speaks: what we use has not changed
/// since. Error: system, if the engine is too old.
[[nodiscard]] Result<ApiVersion> choose_version(EngineVersions const& engine);

// Texts of the engine's interface. Errors are malformed.
[[nodiscard]] Result<EngineVersions> decode_versions(std::string_view json);
[[nodiscard]] Result<NetworkInfo> decode_network(std::string_view json);
[[nodiscard]] Result<std::string> decode_created_id(std::string_view json);
[[nodiscard]] Result<std::vector<NetworkInfo>> decode_networks(std::string_view body);
[[nodiscard]] Result<std::vector<ContainerSummary>> decode_containers(std::string_view json);
[[nodiscard]] Result<SwarmMembership> decode_swarm(std::string_view info);
[[nodiscard]] std::string encode_network(NetworkSpec const& spec);
/// The engine's own words, or the body itself.
[[nodiscard]] Error decode_error(int status, std::string_view body);

} // namespace weave::controller::docker
