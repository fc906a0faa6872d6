/* What the programs of vxlan.bpf.c and the daemon have in common: maps by name, their values and constants. Plain C so
 * that both compilers take it. Addresses are numbers in host byte order. A change that makes old maps unusable for new
 * programs needs another WEAVE_LAYOUT. */
#pragma once

#include <linux/types.h>

#define WEAVE_LAYOUT 1

/* Short ids have 12 bits; every table by short id has this many entries. */
#define WEAVE_IDS 4096
#define WEAVE_ID_MASK 0xfff
/* Own id before the first state was applied: everything is dropped. */
#define WEAVE_NO_ID 0xffffffff

/* weave_conf: one entry. */
struct weave_conf {
  __u32 layout;
  __u32 own_id;
  /* The bridge port, and the TAP device of the packet worker; 0: none. */
  __u32 vxlan_ifindex;
  __u32 user_ifindex;
};

/* weave_routes: by short id of a peer, 0 for a stranger. Its frames are taken if KNOWN; frames for it go to the
 * neighbour in the lower 12 bits if HOP. */
#define WEAVE_ROUTE_KNOWN 0x80000000
#define WEAVE_ROUTE_HOP 0x40000000

/* weave_neighbours: by short id. A change of carrier is one write. */
enum weave_carrier { WEAVE_CARRIER_NONE = 0, WEAVE_CARRIER_TUNNEL = 1, WEAVE_CARRIER_USER = 2 };
struct weave_neighbour {
  __u32 remote;
  __u32 local;
  __u32 ifindex;
  __u32 carrier;
};

/* weave_heads: by short id of a source, number of the first element of its flood list, 0 for none.
 * weave_lists: elements of these lists; element 0 is never used. A list is replaced by writing other elements and then
 * its head, so that a program sees one or the other. */
#define WEAVE_LIST_IDS 128
#define WEAVE_LIST_ELEMENTS 8192
/* Elements of one list at most: enough for a list of all short ids. */
#define WEAVE_LIST_CHAIN 32
struct weave_list {
  __u16 count;
  __u16 next;
  __u16 ids[WEAVE_LIST_IDS];
};

/* weave_macs: MAC address, followed by two zero bytes, to the peer where it was last seen. */
#define WEAVE_MACS 65536
struct weave_mac {
  __u8 address[6];
  __u8 zero[2];
};
struct weave_place {
  __u32 id;
  /* Tick of the kernel's clock at the last look at last_seen: it is looked at once a tick. */
  __u32 tick;
  /* CLOCK_MONOTONIC, nanoseconds, up to WEAVE_REFRESH behind. */
  __u64 last_seen;
};
#define WEAVE_REFRESH 100000000ULL

/* weave_probes: by short id, where a heartbeat goes. Frames with a zero destination come from the daemon's packet
 * socket and bring their VNI in the lower 24 bits of the mark. */
struct weave_probe {
  __u32 remote;
  __u32 local;
};
#define WEAVE_MARK_HEARTBEAT 0x5f000000
#define WEAVE_MARK_VNI 0x00ffffff
/* A frame without tunnel that may enter the bridge by the VXLAN device. */
#define WEAVE_MARK_INJECTED 0x5f57564e
/* A frame whose tunnel is set, on its way to the VXLAN device that sends it. The tunnel alone does not tell: the kernel
 * answers ARP requests with the tunnel in which they came, turned round, and that is another VNI than ours back. */
#define WEAVE_MARK_TUNNELLED 0x5f57564f

/* weave_arrivals: ring buffer of heartbeats that came in. What is behind the head came later: older programs leave it
 * out. */
#define WEAVE_HEAD 64
struct weave_arrival {
  __u32 vni;
  __u32 remote;
  __u32 ifindex;
  __u32 length;
  __u32 head_length;
  __u8 head[WEAVE_HEAD];
  __u32 zero;
  /* CLOCK_MONOTONIC, nanoseconds. */
  __u64 at;
};
#define WEAVE_ARRIVALS_SIZE (128 * 1024)

/* weave_traffic: by short id and processor. */
struct weave_traffic {
  /* To this destination, captured here; copies of a flood count at the neighbour they go to. */
  __u64 sent_packets;
  __u64 sent_bytes;
  /* From this source for this host. */
  __u64 received_packets;
  __u64 received_bytes;
  /* To this destination on behalf of others. */
  __u64 relayed_packets;
  __u64 relayed_bytes;
};

/* weave_events: counters by processor. */
enum weave_event {
  WEAVE_FLOODED_PACKETS,
  WEAVE_FLOODED_BYTES,
  WEAVE_FLOODED_COPIES,
  WEAVE_ONWARD_PACKETS,
  WEAVE_MAC_MOVES,
  WEAVE_HEARTBEATS,
  WEAVE_HEARTBEATS_LOST,
  WEAVE_INJECTED_PACKETS,
  WEAVE_DROP_NOT_CONFIGURED,
  WEAVE_DROP_NO_TUNNEL,
  WEAVE_DROP_RESERVED_ADDRESS,
  WEAVE_DROP_LOCAL_DESTINATION,
  WEAVE_DROP_NO_ROUTE,
  WEAVE_DROP_NO_CARRIER,
  WEAVE_DROP_UNKNOWN_SOURCE,
  WEAVE_DROP_OWN_SOURCE,
  WEAVE_DROP_WAY_BACK,
  WEAVE_DROP_BAD_FRAME,
  WEAVE_DROP_SEND_FAILED,
  WEAVE_DROP_UNTAGGED,
  WEAVE_EVENTS
};
