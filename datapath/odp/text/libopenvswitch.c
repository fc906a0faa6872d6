#include "datapath/odp/text/libopenvswitch.h"

#include <odp-util.h>
#include <openvswitch/dynamic-string.h>
#include <openvswitch/ofpbuf.h>
#include <simap.h>
#include <stdlib.h>

static void fill_names(struct hmap* names, struct weave_odp_ports ports) {
  hmap_init(names);
  for (size_t i = 0; i < ports.count; ++i) {
    odp_portno_names_set(names, u32_to_odp(ports.ports[i].number), (char*)ports.ports[i].name);
  }
}

static void drop_names(struct hmap* names) {
  odp_portno_names_destroy(names);
  hmap_destroy(names);
}

static void fill_numbers(struct simap* numbers, struct weave_odp_ports ports) {
  simap_init(numbers);
  for (size_t i = 0; i < ports.count; ++i) simap_put(numbers, ports.ports[i].name, ports.ports[i].number);
}

static struct weave_odp_bytes stolen(struct ofpbuf* buffer) {
  struct weave_odp_bytes bytes;
  bytes.size = buffer->size;
  bytes.data = ofpbuf_steal_data(buffer);
  return bytes;
}

char* weave_odp_format_match(void const* key, size_t key_size, void const* mask, size_t mask_size,
                             struct weave_odp_ports ports, int verbose) {
  struct ds text = DS_EMPTY_INITIALIZER;
  struct hmap names;
  fill_names(&names, ports);
  odp_flow_format(key, key_size, mask, mask_size, &names, &text, verbose != 0);
  drop_names(&names);
  return ds_steal_cstr(&text);
}

char* weave_odp_format_actions(void const* actions, size_t size, struct weave_odp_ports ports) {
  struct ds text = DS_EMPTY_INITIALIZER;
  struct hmap names;
  fill_names(&names, ports);
  format_odp_actions(&text, actions, size, &names);
  drop_names(&names);
  return ds_steal_cstr(&text);
}

int weave_odp_parse_match(char const* text, struct weave_odp_ports ports, struct weave_odp_bytes* key,
                          struct weave_odp_bytes* mask, char** reason) {
  struct ofpbuf key_buffer;
  struct ofpbuf mask_buffer;
  struct simap numbers;
  ofpbuf_init(&key_buffer, 0);
  ofpbuf_init(&mask_buffer, 0);
  fill_numbers(&numbers, ports);
  int const code = odp_flow_from_string(text, &numbers, &key_buffer, &mask_buffer, reason);
  simap_destroy(&numbers);
  if (code == 0) {
    *key = stolen(&key_buffer);
    *mask = stolen(&mask_buffer);
  }
  ofpbuf_uninit(&key_buffer);
  ofpbuf_uninit(&mask_buffer);
  return code;
}

int weave_odp_parse_actions(char const* text, struct weave_odp_ports ports, struct weave_odp_bytes* actions) {
  struct ofpbuf buffer;
  struct simap numbers;
  ofpbuf_init(&buffer, 0);
  fill_numbers(&numbers, ports);
  int const code = odp_actions_from_string(text, &numbers, &buffer);
  simap_destroy(&numbers);
  if (code == 0) *actions = stolen(&buffer);
  ofpbuf_uninit(&buffer);
  return code;
}
