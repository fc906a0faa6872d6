/* The fast path with BPF: three classifiers (clsact) between the bridge, `vxlan external` devices and the TAP device of
 * the packet worker. They decide by the maps of kernel_layout.h and go on doing so without the daemon. Semantics:
 * protocol/datapath.md §1, §5; kernel facts: KERNEL-VXLAN §9. From Linux 5.8 on. */
/* The helpers use types that they do not include. */
// clang-format off
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
// clang-format on

#include "kernel_frames.h"
#include "kernel_layout.h"
#include "kernel_tables.h"

/* Where a frame came from, and whether it is a copy. */
#define FROM_US 1
#define FLOODED 2

/* Which loop a program has. Calling back (Linux 5.17) takes lists of any length; before that the verifier walks through
 * every turn, which bounds the list by its patience. Global functions would be a way around, but need a kernel that
 * describes its types. */
#define LONG_LISTS 1
#define SHORT_LISTS 0

INLINE void count(__u32 event, __u64 by) {
  __u64* counter = bpf_map_lookup_elem(&weave_events, &event);
  if (counter) *counter += by;
}

INLINE int drop(__u32 event) {
  count(event, 1);
  return TC_ACT_SHOT;
}

INLINE struct weave_conf* configuration(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&weave_conf, &zero);
}

INLINE struct weave_place* find_mac(struct weave_mac const* mac) { return bpf_map_lookup_elem(&weave_macs, mac); }

INLINE void learn(struct weave_mac const* mac, __u32 id) {
  __u32 const tick = (__u32)bpf_jiffies64();
  struct weave_place* place = find_mac(mac);
  if (!place) {
    struct weave_place const fresh = {.id = id, .tick = tick, .last_seen = bpf_ktime_get_ns()};
    bpf_map_update_elem(&weave_macs, mac, &fresh, BPF_ANY);
    return;
  }
  if (place->id == id && place->tick == tick) return;
  place->tick = tick;
  __u64 const now = bpf_ktime_get_ns();
  if (place->id != id) {
    place->id = id;
    place->last_seen = now;
    count(WEAVE_MAC_MOVES, 1);
  } else if (now - place->last_seen > WEAVE_REFRESH) {
    place->last_seen = now;
  }
}

INLINE void count_towards(struct __sk_buff* skb, __u32 id, __u32 kind) {
  struct weave_traffic* traffic = bpf_map_lookup_elem(&weave_traffic, &id);
  if (!traffic) return;
  if (kind & FROM_US) {
    traffic->sent_packets += 1;
    traffic->sent_bytes += skb->len;
  } else {
    traffic->relayed_packets += 1;
    traffic->relayed_bytes += skb->len;
  }
}

/* Puts the tags of datapath/fastpath/user_tag.hpp on. Returns how many, -1 on failure. */
INLINE int push_tags(struct __sk_buff* skb, __u32 vni, __u32 kind) {
  __u16 destination = vni >> 12 & WEAVE_ID_MASK;
  if (kind & FLOODED) destination |= 0x2000;
  if (bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), destination)) return -1;
  if (kind & FROM_US) return 1;
  if (bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021AD), vni & WEAVE_ID_MASK)) {
    bpf_skb_vlan_pop(skb);
    return -1;
  }
  return 2;
}

INLINE __u32 user_port(void) {
  struct weave_conf* conf = configuration();
  return conf ? conf->user_ifindex : 0;
}

/* Hands a copy of the frame to a neighbour, except to where it came from. */
INLINE void copy(struct __sk_buff* skb, __u32 id, __u32 source, __u32 kind, __u32 from) {
  __u32 const vni = (id & WEAVE_ID_MASK) << 12 | (source & WEAVE_ID_MASK);
  struct weave_neighbour* to = bpf_map_lookup_elem(&weave_neigh, &id);
  if (!to) return;
  long failed = 0;
  if (to->carrier == WEAVE_CARRIER_TUNNEL) {
    if (to->remote == from && to->ifindex == skb->ifindex) return;
    failed = write_tunnel(skb, vni, to->remote, to->local);
    __u32 const mark = skb->mark;
    set_mark(skb, WEAVE_MARK_TUNNELLED);
    if (!failed) failed = bpf_clone_redirect(skb, to->ifindex, 0);
    set_mark(skb, mark);
  } else if (to->carrier == WEAVE_CARRIER_USER) {
    int const tags = push_tags(skb, vni, kind | FLOODED);
    failed = tags < 0 ? -1 : bpf_clone_redirect(skb, user_port(), 0);
    if (tags > 1) bpf_skb_vlan_pop(skb);
    if (tags > 0) bpf_skb_vlan_pop(skb);
  } else {
    count(WEAVE_DROP_NO_CARRIER, 1);
    return;
  }
  if (failed) {
    count(WEAVE_DROP_SEND_FAILED, 1);
    return;
  }
  count(WEAVE_FLOODED_COPIES, 1);
  count_towards(skb, id, kind);
}

struct flood {
  struct __sk_buff* skb;
  __u32 element;
  __u32 source;
  __u32 kind;
  __u32 from;
};

/* One turn of the loop over a whole list; 1 ends it. */
static long copy_next(__u32 turn, void* context) {
  struct flood* flood = context;
  struct weave_list* list = bpf_map_lookup_elem(&weave_lists, &flood->element);
  if (!list) return 1;
  __u32 const at = turn % WEAVE_LIST_IDS;
  if (at >= list->count) return 1;
  copy(flood->skb, list->ids[at], flood->source, flood->kind, flood->from);
  if (at < WEAVE_LIST_IDS - 1) return 0;
  flood->element = list->next;
  return flood->element == 0;
}

/* The first element of a list only. */
INLINE void copy_short_list(struct flood* flood) {
  struct weave_list* list = bpf_map_lookup_elem(&weave_lists, &flood->element);
  if (!list) return;
  for (__u32 at = 0; at < WEAVE_LIST_IDS; ++at) {
    if (at >= list->count) break;
    copy(flood->skb, list->ids[at], flood->source, flood->kind, flood->from);
  }
}

INLINE __u32 list_of(__u32 source) {
  __u32* head = bpf_map_lookup_elem(&weave_heads, &source);
  return head ? *head : 0;
}

INLINE void send_copies(struct flood* flood, int loop) {
  if (loop == LONG_LISTS) {
    bpf_loop(WEAVE_LIST_CHAIN * WEAVE_LIST_IDS, copy_next, flood, 0);
  } else {
    copy_short_list(flood);
  }
}

/* The destination is not, or not certainly, on this host only. */
INLINE int is_for_others(struct weave_mac const* destination, __u32 own) {
  if (is_group(destination)) return 1;
  struct weave_place* place = find_mac(destination);
  return !place || place->id != own;
}

INLINE struct weave_neighbour* next_hop(__u32 destination) {
  __u32* route = bpf_map_lookup_elem(&weave_routes, &destination);
  if (!route) return 0;
  __u32 const value = *route;
  if (!(value & WEAVE_ROUTE_HOP)) return 0;
  __u32 id = value & WEAVE_ID_MASK;
  return bpf_map_lookup_elem(&weave_neigh, &id);
}

/* Sends the frame itself towards the destination in its VNI. */
INLINE int forward(struct __sk_buff* skb, __u32 vni, struct weave_neighbour const* hop, __u32 kind) {
  count_towards(skb, vni >> 12 & WEAVE_ID_MASK, kind);
  if (hop->carrier == WEAVE_CARRIER_TUNNEL) {
    __u32 const device = hop->ifindex;
    if (write_tunnel(skb, vni, hop->remote, hop->local)) return drop(WEAVE_DROP_SEND_FAILED);
    if ((kind & FROM_US) && device == skb->ifindex) return TC_ACT_OK;
    set_mark(skb, WEAVE_MARK_TUNNELLED);
    return bpf_redirect(device, 0);
  }
  if (hop->carrier == WEAVE_CARRIER_USER) {
    if (push_tags(skb, vni, kind) < 0) return drop(WEAVE_DROP_SEND_FAILED);
    return bpf_redirect(user_port(), 0);
  }
  return drop(WEAVE_DROP_NO_CARRIER);
}

INLINE int send_heartbeat(struct __sk_buff* skb) {
  __u32 const mark = skb->mark;
  if ((mark & ~WEAVE_MARK_VNI) != WEAVE_MARK_HEARTBEAT) return drop(WEAVE_DROP_BAD_FRAME);
  __u32 const vni = mark & WEAVE_MARK_VNI;
  __u32 id = vni >> 12;
  struct weave_probe* probe = bpf_map_lookup_elem(&weave_probes, &id);
  if (!probe || !probe->remote) return drop(WEAVE_DROP_NO_CARRIER);
  set_mark(skb, 0);
  if (write_tunnel(skb, vni, probe->remote, probe->local)) return drop(WEAVE_DROP_SEND_FAILED);
  return TC_ACT_OK;
}

/* Frames that a VXLAN device is to send: what the bridge passes on, heartbeats, and our own redirects. */
INLINE int egress(struct __sk_buff* skb, int loop) {
  if (skb->mark == WEAVE_MARK_TUNNELLED) {
    set_mark(skb, 0);
    return TC_ACT_OK;
  }
  struct weave_conf* conf = configuration();
  struct ethernet frame;
  if (!conf || read_ethernet(skb, &frame)) return drop(WEAVE_DROP_BAD_FRAME);
  if (is_zero(&frame.destination)) return send_heartbeat(skb);
  __u32 const own = conf->own_id;
  if (own > WEAVE_ID_MASK || conf->vxlan_ifindex != skb->ifindex) return drop(WEAVE_DROP_NOT_CONFIGURED);
  if (is_bridge_group(&frame.destination)) return drop(WEAVE_DROP_RESERVED_ADDRESS);
  if (is_group(&frame.source) || is_zero(&frame.source)) return drop(WEAVE_DROP_BAD_FRAME);
  learn(&frame.source, own);

  struct weave_place* place = is_group(&frame.destination) ? 0 : find_mac(&frame.destination);
  if (!place) {
    count(WEAVE_FLOODED_PACKETS, 1);
    count(WEAVE_FLOODED_BYTES, skb->len);
    struct flood to_all = {.skb = skb, .element = list_of(own), .source = own, .kind = FROM_US};
    if (to_all.element) send_copies(&to_all, loop);
    return TC_ACT_STOLEN;
  }
  __u32 const destination = place->id;
  if (destination == own) return drop(WEAVE_DROP_LOCAL_DESTINATION);
  struct weave_neighbour* hop = next_hop(destination);
  if (!hop) return drop(WEAVE_DROP_NO_ROUTE);
  return forward(skb, (destination & WEAVE_ID_MASK) << 12 | own, hop, FROM_US);
}

INLINE int report_heartbeat(struct __sk_buff* skb, struct tunnel const* tunnel) {
  struct weave_arrival arrival = {};
  arrival.at = bpf_ktime_get_ns();
  arrival.vni = tunnel->vni;
  arrival.remote = tunnel->remote;
  arrival.ifindex = skb->ifindex;
  arrival.length = skb->len;
  __u32 length = skb->len;
  if (length > WEAVE_HEAD) length = WEAVE_HEAD;
  if (length < ETH_HLEN) return drop(WEAVE_DROP_BAD_FRAME);
  arrival.head_length = length;
  if (bpf_skb_load_bytes(skb, 0, arrival.head, length)) return drop(WEAVE_DROP_BAD_FRAME);
  count(bpf_ringbuf_output(&weave_arrivals, &arrival, sizeof arrival, 0) ? WEAVE_HEARTBEATS_LOST : WEAVE_HEARTBEATS, 1);
  return TC_ACT_STOLEN;
}

/* Lets a frame into the bridge, always by the device that is its port, so that the bridge learns all remote addresses
 * there. */
INLINE int deliver(struct __sk_buff* skb, struct weave_conf const* conf) {
  __u32 const port = conf->vxlan_ifindex;
  if (port == skb->ifindex) return TC_ACT_OK;
  set_mark(skb, WEAVE_MARK_INJECTED);
  return bpf_redirect(port, BPF_F_INGRESS);
}

/* A frame that we sent and the device gave back as an ICMP message because the path is too narrow for it. */
INLINE int take_back(struct __sk_buff* skb, struct weave_conf const* conf, struct ethernet const* frame) {
  struct weave_place* place = find_mac(&frame->destination);
  if (place && place->id == conf->own_id && is_too_big_message(skb, frame)) return deliver(skb, conf);
  return drop(WEAVE_DROP_OWN_SOURCE);
}

INLINE int relay(struct __sk_buff* skb, struct tunnel const* tunnel, struct ethernet const* frame) {
  __u32 vni = tunnel->vni;
  struct weave_neighbour* hop = next_hop(vni >> 12 & WEAVE_ID_MASK);
  if (!hop) return drop(WEAVE_DROP_NO_ROUTE);
  if (hop->carrier == WEAVE_CARRIER_TUNNEL && hop->remote == tunnel->remote && hop->ifindex == skb->ifindex) {
    if (!is_too_big_message(skb, frame)) return drop(WEAVE_DROP_WAY_BACK);
    /* Given back by the device: its sender wants to know, as if the destination had said it. */
    vni = (vni & WEAVE_ID_MASK) << 12 | (vni >> 12 & WEAVE_ID_MASK);
    hop = next_hop(vni >> 12);
    if (!hop) return drop(WEAVE_DROP_NO_ROUTE);
  }
  return forward(skb, vni, hop, 0);
}

INLINE void count_received(struct __sk_buff* skb, __u32 id) {
  struct weave_traffic* traffic = bpf_map_lookup_elem(&weave_traffic, &id);
  if (!traffic) return;
  traffic->received_packets += 1;
  traffic->received_bytes += skb->len;
}

/* Frames that came out of a VXLAN tunnel, and those that weave_user and other VXLAN devices hand over. */
INLINE int ingress(struct __sk_buff* skb, int loop) {
  struct weave_conf* conf = configuration();
  struct ethernet frame;
  if (!conf || read_ethernet(skb, &frame)) return drop(WEAVE_DROP_BAD_FRAME);
  struct tunnel tunnel;
  if (read_tunnel(skb, &tunnel)) {
    if (skb->mark != WEAVE_MARK_INJECTED) return drop(WEAVE_DROP_NO_TUNNEL);
    set_mark(skb, 0);
    return TC_ACT_OK;
  }
  __u32 const own = conf->own_id;
  if (own > WEAVE_ID_MASK) return drop(WEAVE_DROP_NOT_CONFIGURED);
  __u32 const source = tunnel.vni & WEAVE_ID_MASK;
  __u32 const destination = tunnel.vni >> 12;
  if (is_zero(&frame.source)) {
    if (destination != own || source == own) return drop(WEAVE_DROP_BAD_FRAME);
    return report_heartbeat(skb, &tunnel);
  }
  if (source == own) return take_back(skb, conf, &frame);
  __u32* route = bpf_map_lookup_elem(&weave_routes, &source);
  if (!route || !(*route & WEAVE_ROUTE_KNOWN)) return drop(WEAVE_DROP_UNKNOWN_SOURCE);
  if (destination != own) return relay(skb, &tunnel, &frame);
  if (is_group(&frame.source)) return drop(WEAVE_DROP_BAD_FRAME);
  learn(&frame.source, source);
  count_received(skb, source);

  struct flood onward = {.skb = skb, .element = list_of(source), .source = source, .from = tunnel.remote};
  if (onward.element && is_for_others(&frame.destination, own)) {
    count(WEAVE_ONWARD_PACKETS, 1);
    send_copies(&onward, loop);
  }
  return deliver(skb, conf);
}

/* Frames that the packet worker writes to the TAP device: for this host, tagged with their source. */
SEC("tc")
int weave_user(struct __sk_buff* skb) {
  struct weave_conf* conf = configuration();
  if (!conf || conf->own_id > WEAVE_ID_MASK) return drop(WEAVE_DROP_NOT_CONFIGURED);
  if (!skb->vlan_present) return drop(WEAVE_DROP_UNTAGGED);
  __u32 const source = skb->vlan_tci & WEAVE_ID_MASK;
  struct ethernet frame;
  if (bpf_skb_vlan_pop(skb) || read_ethernet(skb, &frame)) return drop(WEAVE_DROP_BAD_FRAME);
  if (is_group(&frame.source) || is_zero(&frame.source)) return drop(WEAVE_DROP_BAD_FRAME);
  if (source == conf->own_id) return drop(WEAVE_DROP_OWN_SOURCE);
  learn(&frame.source, source);
  count_received(skb, source);
  count(WEAVE_INJECTED_PACKETS, 1);
  set_mark(skb, WEAVE_MARK_INJECTED);
  return bpf_redirect(conf->vxlan_ifindex, BPF_F_INGRESS);
}

SEC("tc")
int weave_egress(struct __sk_buff* skb) { return egress(skb, LONG_LISTS); }

SEC("tc")
int weave_ingress(struct __sk_buff* skb) { return ingress(skb, LONG_LISTS); }

SEC("tc")
int weave_egress_s(struct __sk_buff* skb) { return egress(skb, SHORT_LISTS); }

SEC("tc")
int weave_ingress_s(struct __sk_buff* skb) { return ingress(skb, SHORT_LISTS); }

char const weave_license[] SEC("license") = "Apache-2.0";
