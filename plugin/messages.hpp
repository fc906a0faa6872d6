#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace weave::plugin {

// Requests and replies of Docker's remote network and IPAM driver protocol (protocol/surfaces.md §10). Texts stay texts
// here; the drivers parse addresses. Keys that are missing or null are empty, unknown keys are skipped, a value of the
// wrong type is an error.

/// String-valued options; values of other types are skipped, as the original did.
using Options = std::map<std::string, std::string>;

struct CreateNetworkRequest {
  std::string network_id;
  Options options;                ///< of `com.docker.network.generic` only
  std::vector<std::string> pools; ///< IPv4 subnets
  std::string address_space = {}; ///< of the first one: names the IPAM driver that it comes from
  bool ipv6 = false;              ///< IPv6 pools are given

  friend bool operator==(CreateNetworkRequest const&, CreateNetworkRequest const&) = default;
};

/// DeleteNetwork, FreeNetwork.
struct NetworkRequest {
  std::string network_id;

  friend bool operator==(NetworkRequest const&, NetworkRequest const&) = default;
};

struct AllocateNetworkRequest {
  std::string network_id;
  Options options;

  friend bool operator==(AllocateNetworkRequest const&, AllocateNetworkRequest const&) = default;
};

struct EndpointInterface {
  std::string address; ///< CIDR
  std::string address_ipv6;
  std::string mac_address;

  friend bool operator==(EndpointInterface const&, EndpointInterface const&) = default;
};

struct CreateEndpointRequest {
  std::string network_id;
  std::string endpoint_id;
  std::optional<EndpointInterface> interface;

  friend bool operator==(CreateEndpointRequest const&, CreateEndpointRequest const&) = default;
};

struct JoinRequest {
  std::string network_id;
  std::string endpoint_id;
  std::string sandbox_key;

  friend bool operator==(JoinRequest const&, JoinRequest const&) = default;
};

/// Leave, DeleteEndpoint, EndpointOperInfo.
struct EndpointRequest {
  std::string network_id;
  std::string endpoint_id;

  friend bool operator==(EndpointRequest const&, EndpointRequest const&) = default;
};

struct RequestPoolRequest {
  std::string address_space;
  std::string pool;     ///< CIDR or empty
  std::string sub_pool; ///< CIDR or empty
  bool v6 = false;

  friend bool operator==(RequestPoolRequest const&, RequestPoolRequest const&) = default;
};

struct RequestAddressRequest {
  std::string pool_id;
  std::string address; ///< without prefix length; empty: any
  Options options;

  friend bool operator==(RequestAddressRequest const&, RequestAddressRequest const&) = default;
};

struct ReleaseAddressRequest {
  std::string pool_id;
  std::string address;

  friend bool operator==(ReleaseAddressRequest const&, ReleaseAddressRequest const&) = default;
};

/// Defined for each request above. Errors are malformed, with a text for people.
template <class Request>
[[nodiscard]] Result<Request> decode(std::string_view json);

struct CreateEndpointReply {
  std::string mac_address; ///< empty if the request named it: Docker refuses a repetition

  friend bool operator==(CreateEndpointReply const&, CreateEndpointReply const&) = default;
};

struct JoinReply {
  std::string source_name; ///< the interface to move into the container
  bool multicast_route = false;

  friend bool operator==(JoinReply const&, JoinReply const&) = default;
};

struct RequestPoolReply {
  std::string pool_id;
  std::string pool;
  std::string gateway;

  friend bool operator==(RequestPoolReply const&, RequestPoolReply const&) = default;
};

struct RequestAddressReply {
  std::string address; ///< CIDR

  friend bool operator==(RequestAddressReply const&, RequestAddressReply const&) = default;
};

enum class Scope { local, global };

// JSON text without a newline.
[[nodiscard]] std::string encode_empty();
[[nodiscard]] std::string encode_activation();
[[nodiscard]] std::string encode_network_capabilities(Scope scope);
[[nodiscard]] std::string encode_ipam_capabilities();
[[nodiscard]] std::string encode_address_spaces();
[[nodiscard]] std::string encode_allocated_network(Options const& options);
[[nodiscard]] std::string encode_endpoint_info();
[[nodiscard]] std::string encode_error(std::string_view text);
[[nodiscard]] std::string encode(CreateEndpointReply const& reply);
[[nodiscard]] std::string encode(JoinReply const& reply);
[[nodiscard]] std::string encode(RequestPoolReply const& reply);
[[nodiscard]] std::string encode(RequestAddressReply const& reply);

} // namespace weave::plugin
