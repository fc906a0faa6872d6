#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/process/subprocess.hpp"
#include "base/result.hpp"
#include "datapath/link/firewall_wish.hpp"
#include "datapath/link/foreign_tables.hpp"
#include "datapath/link/nftables.hpp"

namespace weave::datapath {

/// How this host's firewall was found and left, for whoever tells people.
struct FirewallState {
  /// Why the overlay has no table of its own in nftables, and all is in iptables; none: it has one.
  std::optional<Error> table_refusal;
  /// Why the wish's set was left out: this host's iptables cannot match sets.
  std::optional<Error> set_refusal;
  /// Programs whose tables hold what Docker's rules make necessary: "iptables-nft", "iptables-legacy", "iptables".
  std::vector<std::string> iptables;
  /// Others filter by both kinds of iptables, and a packet has to pass both.
  bool mixed = false;
  ForeignTables foreign;
  /// firewalld runs here, by either back end.
  bool firewalld = false;
  /// It has put the overlay's bridge into one of its zones.
  bool zoned = false;

  friend bool operator==(FirewallState const&, FirewallState const&) = default;
};

/// The overlay's firewall: a table of its own in nftables (overlay_table_script.hpp says what is in it), and in
/// iptables what others' rules there make necessary (iptables_rules.hpp): in the kind of iptables, or both kinds, by
/// which others filter, else in the one that `iptables` is. Where the kernel has no nftables for it all is in iptables.
/// Each of the two is brought to the wish as a whole in one transaction. Blocking, some milliseconds a call, more while
/// others hold iptables' lock; one thread at a time.
class OverlayFirewall {
 public:
  /// Both are replaced in tests.
  explicit OverlayFirewall(RunNftables nftables = kernel_nftables(), ConverseCommand converse = converse_with)
      : nftables_{std::move(nftables)}, converse_{std::move(converse)} {}

  /// Without iptables on the host nobody filters with it and there is nothing to do there; not_found if something is to
  /// be masqueraded and nftables cannot do it either. What is in nftables is in force also when iptables fails.
  [[nodiscard]] Result<void> apply(FirewallWish const& wish);
  /// As the last apply() or intact() found it.
  [[nodiscard]] FirewallState const& state() const { return state_; }
  /// Whether everything is as the last apply() left it, and still where it is needed. Others flush firewalls
  /// (firewalld, an administrator), or come with rules of theirs (Docker when it starts).
  [[nodiscard]] Result<bool> intact();
  [[nodiscard]] Result<void> remove();

 private:
  /// One kind of iptables. Its programs are NAME-save and NAME-restore.
  struct Kind {
    std::string name;
    std::string saved;
    /// Others filter by it, or nobody by any and it is the usual one.
    bool chosen = false;
    /// What apply() has put there.
    std::string script = {};
  };
  struct LeftRules {
    std::string name;
    bool chosen;
    std::vector<std::string> rules;
    friend bool operator==(LeftRules const&, LeftRules const&) = default;
  };
  struct Left {
    std::string table;
    std::vector<LeftRules> iptables;
    friend bool operator==(Left const&, Left const&) = default;
  };

  [[nodiscard]] Result<void> apply_iptables(FirewallWish const& wish, Kind& kind);
  /// Those that are on this host; the one that `iptables` is, `usual_`, must work.
  [[nodiscard]] Result<std::vector<Kind>> kinds() const;
  [[nodiscard]] Result<void> find_usual();
  [[nodiscard]] Result<std::string> saved(std::string const& name) const;
  [[nodiscard]] std::string table() const;
  /// Its exit status is in `status`, if it ran.
  [[nodiscard]] Result<void> restore(std::string const& name, std::string const& script, int* status = nullptr) const;
  void look_around(std::vector<Kind> const& kinds, std::string const& bridge);
  [[nodiscard]] static Left left_in(std::string table, std::vector<Kind> const& kinds);
  /// Whether all is there that apply() has just put there.
  [[nodiscard]] bool is_whole(Left const& left, std::string_view script, std::vector<Kind> const& before,
                              std::vector<Kind> const& after) const;

  RunNftables nftables_;
  ConverseCommand converse_;
  FirewallState state_;
  std::string bridge_;
  /// Empty: there is no iptables.
  std::string usual_;
  /// As apply() left them.
  std::optional<Left> left_;
};

/// Whether the kernel has all that the overlay's own table may need. Nothing is left of the attempt.
[[nodiscard]] bool can_have_overlay_table(RunNftables const& nftables);

} // namespace weave::datapath
