#ifndef WEAVE_DATAPATH_ODP_TEXT_LIBOPENVSWITCH_H
#define WEAVE_DATAPATH_ODP_TEXT_LIBOPENVSWITCH_H

/* The little of libopenvswitch that we use, free of its headers, which are C only and claim many names. Netlink
 * attributes are 4-byte aligned here and inside. Every pointer that is returned belongs to the caller, who frees it
 * with free(). */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weave_odp_port {
  uint32_t number;
  char const* name;
};

struct weave_odp_ports {
  struct weave_odp_port const* ports;
  size_t count;
};

struct weave_odp_bytes {
  void* data;
  size_t size;
};

char* weave_odp_format_match(void const* key, size_t key_size, void const* mask, size_t mask_size,
                             struct weave_odp_ports names, int verbose);
char* weave_odp_format_actions(void const* actions, size_t size, struct weave_odp_ports names);

/* 0, or an errno value and nothing in the results except a reason in *reason (may be null). */
int weave_odp_parse_match(char const* text, struct weave_odp_ports names, struct weave_odp_bytes* key,
                          struct weave_odp_bytes* mask, char** reason);
int weave_odp_parse_actions(char const* text, struct weave_odp_ports names, struct weave_odp_bytes* actions);

#ifdef __cplusplus
}
#endif

#endif
