#include "plugin/messages.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace weave::plugin {

namespace json = boost::json;

namespace {

constexpr std::string_view kGenericOptions = "com.docker.network.generic";

/// Reads the members of one object and remembers the first that has the wrong type.
class Fields {
 public:
  explicit Fields(std::string_view text) {
    json::error_code failed;
    auto value = json::parse(json::string_view{text.data(), text.size()}, failed);
    if (failed) {
      error_ = failed.message();
    } else if (!value.is_object()) {
      error_ = "not an object";
    } else {
      object_ = std::move(value.as_object());
    }
  }
  Fields(json::object object, std::string error) : object_{std::move(object)}, error_{std::move(error)} {}

  [[nodiscard]] std::string text(std::string_view key) {
    auto const* value = present(key);
    if (value == nullptr) return {};
    if (auto const* text = value->if_string()) return std::string{text->data(), text->size()};
    wrong(key, "a string");
    return {};
  }
  [[nodiscard]] bool flag(std::string_view key) {
    auto const* value = present(key);
    if (value == nullptr) return false;
    if (auto const* flag = value->if_bool()) return *flag;
    wrong(key, "true or false");
    return false;
  }
  [[nodiscard]] json::object object(std::string_view key) {
    auto const* value = present(key);
    if (value == nullptr) return {};
    if (auto const* object = value->if_object()) return *object;
    wrong(key, "an object");
    return {};
  }
  [[nodiscard]] json::array array(std::string_view key) {
    auto const* value = present(key);
    if (value == nullptr) return {};
    if (auto const* array = value->if_array()) return *array;
    wrong(key, "an array");
    return {};
  }
  [[nodiscard]] Options options(std::string_view key) {
    Options options;
    for (auto const& member : object(key)) {
      if (auto const* text = member.value().if_string()) {
        options.emplace(std::string{member.key_c_str(), member.key().size()}, std::string{text->data(), text->size()});
      }
    }
    return options;
  }
  [[nodiscard]] bool has(std::string_view key) { return present(key) != nullptr; }
  /// The members of a member object; errors in it are collected with take_error.
  [[nodiscard]] Fields inner(std::string_view key) { return Fields{object(key), error_}; }
  void take_error(Fields const& other) {
    if (error_.empty()) error_ = other.error_;
  }

  template <class Request>
  [[nodiscard]] Result<Request> finish(Request request) {
    if (!error_.empty()) return failure(ErrorKind::malformed, error_);
    return request;
  }

 private:
  [[nodiscard]] json::value const* present(std::string_view key) const {
    auto const* value = object_.if_contains(json::string_view{key.data(), key.size()});
    return value != nullptr && value->is_null() ? nullptr : value;
  }
  void wrong(std::string_view key, std::string_view wanted) {
    if (error_.empty()) error_ = fmt::format("{} must be {}", key, wanted);
  }

  json::object object_;
  std::string error_;
};

std::string text_of(json::value const& value) { return json::serialize(value); }

} // namespace

template <>
Result<CreateNetworkRequest> decode(std::string_view text) {
  Fields fields{text};
  CreateNetworkRequest request{.network_id = fields.text("NetworkID"), .options = {}, .pools = {}};
  auto options = fields.inner("Options");
  request.options = options.options(kGenericOptions);
  fields.take_error(options);
  for (auto const& entry : fields.array("IPv4Data")) {
    if (!entry.is_object()) continue;
    Fields data{entry.as_object(), {}};
    request.pools.push_back(data.text("Pool"));
    if (request.pools.size() == 1) request.address_space = data.text("AddressSpace");
    fields.take_error(data);
  }
  request.ipv6 = !fields.array("IPv6Data").empty();
  return fields.finish(std::move(request));
}

template <>
Result<NetworkRequest> decode(std::string_view text) {
  Fields fields{text};
  NetworkRequest request{.network_id = fields.text("NetworkID")};
  return fields.finish(std::move(request));
}

template <>
Result<AllocateNetworkRequest> decode(std::string_view text) {
  Fields fields{text};
  AllocateNetworkRequest request{.network_id = fields.text("NetworkID"), .options = fields.options("Options")};
  return fields.finish(std::move(request));
}

template <>
Result<CreateEndpointRequest> decode(std::string_view text) {
  Fields fields{text};
  CreateEndpointRequest request{
      .network_id = fields.text("NetworkID"), .endpoint_id = fields.text("EndpointID"), .interface = std::nullopt};
  if (fields.has("Interface")) {
    auto interface = fields.inner("Interface");
    request.interface = EndpointInterface{.address = interface.text("Address"),
                                          .address_ipv6 = interface.text("AddressIPv6"),
                                          .mac_address = interface.text("MacAddress")};
    fields.take_error(interface);
  }
  return fields.finish(std::move(request));
}

template <>
Result<JoinRequest> decode(std::string_view text) {
  Fields fields{text};
  JoinRequest request{.network_id = fields.text("NetworkID"),
                      .endpoint_id = fields.text("EndpointID"),
                      .sandbox_key = fields.text("SandboxKey")};
  return fields.finish(std::move(request));
}

template <>
Result<EndpointRequest> decode(std::string_view text) {
  Fields fields{text};
  EndpointRequest request{.network_id = fields.text("NetworkID"), .endpoint_id = fields.text("EndpointID")};
  return fields.finish(std::move(request));
}

template <>
Result<RequestPoolRequest> decode(std::string_view text) {
  Fields fields{text};
  RequestPoolRequest request{.address_space = fields.text("AddressSpace"),
                             .pool = fields.text("Pool"),
                             .sub_pool = fields.text("SubPool"),
                             .v6 = fields.flag("V6")};
  return fields.finish(std::move(request));
}

template <>
Result<RequestAddressRequest> decode(std::string_view text) {
  Fields fields{text};
  RequestAddressRequest request{
      .pool_id = fields.text("PoolID"), .address = fields.text("Address"), .options = fields.options("Options")};
  return fields.finish(std::move(request));
}

template <>
Result<ReleaseAddressRequest> decode(std::string_view text) {
  Fields fields{text};
  ReleaseAddressRequest request{.pool_id = fields.text("PoolID"), .address = fields.text("Address")};
  return fields.finish(std::move(request));
}

std::string encode_empty() { return "{}"; }

std::string encode_activation() { return R"({"Implements":["NetworkDriver","IpamDriver"]})"; }

std::string encode_network_capabilities(Scope scope) {
  return text_of({{"Err", ""}, {"Scope", scope == Scope::local ? "local" : "global"}, {"ConnectivityScope", ""}});
}

std::string encode_ipam_capabilities() { return R"({"RequiresMACAddress":false,"RequiresRequestReplay":false})"; }

std::string encode_address_spaces() {
  return R"({"Error":"","LocalDefaultAddressSpace":"weavelocal","GlobalDefaultAddressSpace":"weaveglobal"})";
}

std::string encode_allocated_network(Options const& options) {
  json::object members;
  for (auto const& [name, value] : options) members[name] = value;
  return text_of({{"Err", ""}, {"Options", std::move(members)}});
}

std::string encode_endpoint_info() { return R"({"Err":"","Value":{}})"; }

std::string encode_error(std::string_view text) {
  return text_of({{"Err", json::string_view{text.data(), text.size()}}});
}

std::string encode(CreateEndpointReply const& reply) {
  json::object const interface {
    {"Address", ""}, {"AddressIPv6", ""}, { "MacAddress", reply.mac_address }
  };
  return text_of({{"Err", ""}, {"Interface", interface}});
}

std::string encode(JoinReply const& reply) {
  json::object const names{{"SrcName", reply.source_name}, {"DstName", ""}, {"DstPrefix", "ethwe"}};
  json::value routes;
  // RouteType 1: directly connected.
  if (reply.multicast_route) {
    routes = json::array{json::object{{"Destination", "224.0.0.0/4"}, {"RouteType", 1}, {"NextHop", ""}}};
  }
  return text_of({{"Err", ""},
                  {"InterfaceName", names},
                  {"Gateway", ""},
                  {"GatewayIPv6", ""},
                  {"StaticRoutes", std::move(routes)},
                  {"DisableGatewayService", false}});
}

std::string encode(RequestPoolReply const& reply) {
  json::object const data{{"com.docker.network.gateway", reply.gateway}};
  return text_of({{"Error", ""}, {"PoolID", reply.pool_id}, {"Pool", reply.pool}, {"Data", data}});
}

std::string encode(RequestAddressReply const& reply) {
  return text_of({{"Error", ""}, {"Address", reply.address}, {"Data", nullptr}});
}

} // namespace weave::plugin
