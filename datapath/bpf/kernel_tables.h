/* The maps of the programs; what their keys and values mean says kernel_layout.h. Their names are those of the
 * skeleton. */
#pragma once

/* The helpers use types that they do not include. */
// clang-format off
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
// clang-format on

#include "kernel_layout.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct weave_conf);
} weave_conf SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, WEAVE_IDS);
  __type(key, __u32);
  __type(value, __u32);
} weave_routes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, WEAVE_IDS);
  __type(key, __u32);
  __type(value, struct weave_neighbour);
} weave_neigh SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, WEAVE_IDS);
  __type(key, __u32);
  __type(value, __u32);
} weave_heads SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, WEAVE_LIST_ELEMENTS);
  __type(key, __u32);
  __type(value, struct weave_list);
} weave_lists SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, WEAVE_MACS);
  __type(key, struct weave_mac);
  __type(value, struct weave_place);
} weave_macs SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, WEAVE_IDS);
  __type(key, __u32);
  __type(value, struct weave_probe);
} weave_probes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, WEAVE_ARRIVALS_SIZE);
} weave_arrivals SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, WEAVE_IDS);
  __type(key, __u32);
  __type(value, struct weave_traffic);
} weave_traffic SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, WEAVE_EVENTS);
  __type(key, __u32);
  __type(value, __u64);
} weave_events SEC(".maps");
