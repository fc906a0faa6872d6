#include "gossip/overlay.hpp"

namespace weave::gossip {
namespace {

/// Reports itself established from inside confirm(): it has no scheduler to do so later, and the mesh defers it.
class NullOverlayConnection final : public OverlayConnection {
 public:
  explicit NullOverlayConnection(std::function<void()> on_established) : on_established_{std::move(on_established)} {}

  void confirm() override { on_established_(); }
  void on_control(std::uint8_t, ByteView) override {}
  [[nodiscard]] std::map<std::string, std::string> attributes() const override { return {{"name", "none"}}; }

 private:
  std::function<void()> on_established_;
};

class NullOverlay final : public Overlay {
 public:
  void add_features(Features&) const override {}
  [[nodiscard]] Result<std::unique_ptr<OverlayConnection>> prepare(OverlayConnectionParameters parameters) override {
    return std::make_unique<NullOverlayConnection>(std::move(parameters.on_established));
  }
};

} // namespace

std::unique_ptr<Overlay> make_null_overlay() { return std::make_unique<NullOverlay>(); }

} // namespace weave::gossip
