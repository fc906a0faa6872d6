#include "datapath/bpf/tc_filter.hpp"

#include <array>
#include <cstring>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string_view>

#include <fmt/format.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

namespace weave::datapath::bpf {

namespace {

constexpr std::uint32_t kHandle = 1;
constexpr std::uint32_t kPriority = 1;

std::uint32_t parent_of(TcHook hook) {
  std::uint32_t const minor = hook == TcHook::ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS;
  return TC_H_MAKE(TC_H_CLSACT, minor);
}

tcmsg header_of(LinkIndex link, std::uint32_t parent) {
  tcmsg header{};
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = static_cast<int>(link);
  header.tcm_parent = parent;
  return header;
}

std::string_view name_of(TcHook hook) { return hook == TcHook::ingress ? "ingress" : "egress"; }

bool says(nlattr const* attribute, std::string_view text) {
  if (attribute == nullptr) return false;
  auto const* begin = static_cast<char const*>(nla_data(attribute));
  return std::string_view{begin, strnlen(begin, static_cast<std::size_t>(nla_len(attribute)))} == text;
}

std::optional<std::uint32_t> program_of(nlmsghdr const& answer) {
  if (answer.nlmsg_type != RTM_NEWTFILTER) return std::nullopt;
  std::array<nlattr*, TCA_MAX + 1> attributes{};
  // nlmsg_parse only reads the message.
  auto* const header = const_cast<nlmsghdr*>(&answer);
  if (nlmsg_parse(header, sizeof(tcmsg), attributes.data(), TCA_MAX, nullptr) < 0) return std::nullopt;
  if (!says(attributes[TCA_KIND], "bpf") || attributes[TCA_OPTIONS] == nullptr) return std::nullopt;
  std::array<nlattr*, TCA_BPF_MAX + 1> options{};
  if (nla_parse_nested(options.data(), TCA_BPF_MAX, attributes[TCA_OPTIONS], nullptr) < 0) return std::nullopt;
  auto const* const id = options[TCA_BPF_ID];
  if (!says(options[TCA_BPF_NAME], kFilterName) || id == nullptr || nla_len(id) < 4) return std::nullopt;
  return nla_get_u32(id);
}

} // namespace

Result<void> add_tc_hooks(RouteSocket& socket, LinkIndex link) {
  auto header = header_of(link, TC_H_CLSACT);
  header.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  RouteMessage message{RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL};
  message.header(header).put_text(TCA_KIND, "clsact");
  return socket.request(std::move(message), "add traffic control hooks (clsact)", Tolerate::existing);
}

Result<void> attach_filter(RouteSocket& socket, LinkIndex link, TcHook hook, int program_fd) {
  auto header = header_of(link, parent_of(hook));
  header.tcm_handle = kHandle;
  header.tcm_info = TC_H_MAKE(kPriority << 16, htons(ETH_P_ALL));
  RouteMessage message{RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE};
  message.header(header).put_text(TCA_KIND, "bpf").nest(TCA_OPTIONS, [&](RouteMessage& options) {
    options.put_u32(TCA_BPF_FD, static_cast<std::uint32_t>(program_fd))
        .put_text(TCA_BPF_NAME, kFilterName)
        .put_u32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
  });
  return socket.request(std::move(message), fmt::format("attach BPF program ({})", name_of(hook)));
}

Result<std::optional<std::uint32_t>> attached_program(RouteSocket& socket, LinkIndex link, TcHook hook) {
  RouteMessage message{RTM_GETTFILTER, NLM_F_DUMP};
  message.header(header_of(link, parent_of(hook)));
  std::optional<std::uint32_t> found;
  auto const asked = socket.query(
      std::move(message), fmt::format("list filters ({})", name_of(hook)),
      [&](nlmsghdr const& answer) {
        if (auto const id = program_of(answer)) found = id;
      },
      [&] { found.reset(); });
  if (!asked && asked.error().kind() != ErrorKind::not_found) return failure_of(asked);
  return found;
}

} // namespace weave::datapath::bpf
