/* What the programs read from a frame, and from and to its tunnel metadata. Nothing here looks into a map. */
#pragma once

/* The helpers use types that they do not include. */
// clang-format off
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
// clang-format on

#include "kernel_layout.h"

#define INLINE static __always_inline

struct tunnel {
  __u32 vni;
  __u32 remote;
};

struct ethernet {
  struct weave_mac destination;
  struct weave_mac source;
  __be16 type;
};

/* Keeps the offset in the instruction: the verifier takes no other store to the context. */
INLINE void set_mark(struct __sk_buff* skb, __u32 mark) {
  asm volatile("*(u32 *)(%[context] + %[offset]) = %[mark]"
               :
               : [context] "r"(skb), [offset] "i"(offsetof(struct __sk_buff, mark)), [mark] "r"(mark)
               : "memory");
}

INLINE int is_group(struct weave_mac const* mac) { return mac->address[0] & 1; }

INLINE int is_zero(struct weave_mac const* mac) {
  return !(mac->address[0] | mac->address[1] | mac->address[2] | mac->address[3] | mac->address[4] | mac->address[5]);
}

INLINE int read_ethernet(struct __sk_buff* skb, struct ethernet* frame) {
  struct ethhdr copy;
  struct ethhdr const* header = (void*)(long)skb->data;
  if ((void*)(header + 1) > (void*)(long)skb->data_end) {
    if (bpf_skb_load_bytes(skb, 0, &copy, sizeof copy)) return -1;
    header = &copy;
  }
  __builtin_memset(frame, 0, sizeof *frame);
  __builtin_memcpy(frame->destination.address, header->h_dest, 6);
  __builtin_memcpy(frame->source.address, header->h_source, 6);
  frame->type = header->h_proto;
  return 0;
}

/* The kernel takes shorter forms of the key from older programs; this one exists since the beginning. */
INLINE int read_tunnel(struct __sk_buff* skb, struct tunnel* tunnel) {
  struct bpf_tunnel_key key;
  if (bpf_skb_get_tunnel_key(skb, &key, offsetof(struct bpf_tunnel_key, remote_ipv6[1]), 0)) return -1;
  tunnel->vni = key.tunnel_id & WEAVE_MARK_VNI;
  tunnel->remote = key.remote_ipv4;
  return 0;
}

INLINE int write_tunnel(struct __sk_buff* skb, __u32 vni, __u32 remote, __u32 local) {
  struct bpf_tunnel_key key = {};
  key.tunnel_id = vni;
  key.remote_ipv4 = remote;
  key.local_ipv4 = local;
  key.tunnel_ttl = 64;
  int const flags = BPF_F_ZERO_CSUM_TX | BPF_F_DONT_FRAGMENT;
  if (bpf_skb_set_tunnel_key(skb, &key, sizeof key, flags) == 0) return 0;
  /* Before Linux 6.0 there is no local address: the route decides. */
  return (int)bpf_skb_set_tunnel_key(skb, &key, offsetof(struct bpf_tunnel_key, local_ipv6[0]), flags);
}

INLINE int is_bridge_group(struct weave_mac const* mac) {
  __u8 const* a = mac->address;
  return a[0] == 0x01 && a[1] == 0x80 && a[2] == 0xc2 && !(a[3] | a[4] | a[5]);
}

INLINE int is_too_big_message(struct __sk_buff* skb, struct ethernet const* frame) {
  struct {
    __u8 type;
    __u8 code;
  } icmp;
  if (frame->type == bpf_htons(ETH_P_IP)) {
    struct iphdr ip;
    if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof ip) || ip.protocol != IPPROTO_ICMP) return 0;
    if (bpf_skb_load_bytes(skb, ETH_HLEN + ip.ihl * 4, &icmp, sizeof icmp)) return 0;
    return icmp.type == 3 && icmp.code == 4;
  }
  if (frame->type == bpf_htons(ETH_P_IPV6)) {
    __u8 next;
    if (bpf_skb_load_bytes(skb, ETH_HLEN + 6, &next, sizeof next) || next != IPPROTO_ICMPV6) return 0;
    if (bpf_skb_load_bytes(skb, ETH_HLEN + 40, &icmp, sizeof icmp)) return 0;
    return icmp.type == 2;
  }
  return 0;
}
