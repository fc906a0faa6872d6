#include "datapath/netlink/family.hpp"

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "datapath/netlink/attributes.hpp"
#include "datapath/netlink/message_builder.hpp"

namespace weave::datapath::netlink {

namespace {

constexpr std::uint8_t kRequestVersion = 0;

Result<void> read_groups(ByteView bytes, Family& family) {
  auto const groups = parse_attributes(bytes);
  if (!groups) return failure_of(groups);
  for (auto const& group : *groups) {
    auto const fields = AttributeTable<CTRL_ATTR_MCAST_GRP_MAX + 1>::parse(group.payload);
    if (!fields) return failure_of(fields);
    auto const name = fields->find(CTRL_ATTR_MCAST_GRP_NAME);
    auto const id = fields->number<std::uint32_t>(CTRL_ATTR_MCAST_GRP_ID);
    if (name && id) family.groups.insert_or_assign(std::string{read_text(*name)}, *id);
  }
  return {};
}

} // namespace

Result<Bytes> encode_family_request(std::string_view name) {
  return MessageBuilder{GENL_ID_CTRL, NLM_F_ECHO}
      .generic(CTRL_CMD_GETFAMILY, kRequestVersion)
      .put_text(CTRL_ATTR_FAMILY_NAME, name)
      .take();
}

Result<Family> decode_family(Message const& message) {
  auto const generic = decode_generic(message);
  if (!generic) return failure_of(generic);
  auto const fields = AttributeTable<CTRL_ATTR_MCAST_GROUPS + 1>::parse(generic->content);
  if (!fields) return failure_of(fields);
  auto const id = fields->number<std::uint16_t>(CTRL_ATTR_FAMILY_ID);
  if (!id) return failure(ErrorKind::malformed, "generic netlink family without a number");
  Family family{.id = *id};
  if (auto const groups = fields->find(CTRL_ATTR_MCAST_GROUPS)) {
    if (auto const read = read_groups(*groups, family); !read) return failure_of(read);
  }
  return family;
}

} // namespace weave::datapath::netlink
