#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "datapath/ipsec/xfrm.hpp"
#include "datapath/netlink/message.hpp"

namespace weave::datapath::ipsec {

/// Requests of NETLINK_XFRM as the kernel takes them (protocol/datapath.md §7.2), flags but REQUEST excluded. Pure.
[[nodiscard]] Result<Bytes> encode_allocate(Ipv4Address source, Ipv4Address destination, std::uint32_t tag);
/// `complete`: what was allocated becomes usable; otherwise it must not exist. Holds the key: to be wiped.
[[nodiscard]] Result<Bytes> encode_association(AssociationId const& id, Secret const& key, std::uint32_t tag,
                                               bool complete);
[[nodiscard]] Result<Bytes> encode_remove(AssociationId const& id);
/// Adds or replaces.
[[nodiscard]] Result<Bytes> encode_policy(Policy const& policy, std::uint32_t tag);
[[nodiscard]] Result<Bytes> encode_remove(PolicyId const& id);
[[nodiscard]] Result<Bytes> encode_list_associations();
[[nodiscard]] Result<Bytes> encode_list_policies();

/// From an answer to a list of associations, to an allocation, or from a notice. None: another kind of message, not
/// IPv4 ESP, or not with this tag.
[[nodiscard]] Result<std::optional<AssociationId>> decode_association(netlink::Message const& message,
                                                                      std::uint32_t tag);
/// None: another kind of message, or a policy that does not have this tag and the form of ours.
[[nodiscard]] Result<std::optional<Policy>> decode_policy(netlink::Message const& message, std::uint32_t tag);
/// A notice that an association or a policy was taken away or changed.
[[nodiscard]] bool is_change(netlink::Message const& message);

} // namespace weave::datapath::ipsec
