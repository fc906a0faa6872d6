#pragma once

#include <string_view>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weave::datapath {

/// The frame that tells a network segment where `address` lives now: a broadcast ARP request whose sender and target
/// are the same address, target MAC all ones (protocol/datapath.md §10, attach step 5).
[[nodiscard]] Bytes gratuitous_arp_frame(MacAddress const& mac, Ipv4Address address);

/// Sends it once on `link_name` of the calling thread's network namespace. The interface must be up.
[[nodiscard]] Result<void> send_gratuitous_arp(std::string_view link_name, MacAddress const& mac, Ipv4Address address);

} // namespace weave::datapath
