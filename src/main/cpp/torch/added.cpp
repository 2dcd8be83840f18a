// The optimizers of torch/optim, which libtorch's C++ API lacks, bound to slots.
#include <string>
#include <type_traits>

#include "torch/optim/adadelta.h"
#include "torch/optim/adafactor.h"
#include "torch/optim/adamax.h"
#include "torch/optim/asgd.h"
#include "torch/optim/muon.h"
#include "torch/optim/nadam.h"
#include "torch/optim/radam.h"
#include "torch/optim/rprop.h"
#include "torch/plain.h"

namespace optibridge::torch_bridge {
namespace {

template <class Optimizer, class = void>
struct HasSlotShape : std::false_type {};
template <class Optimizer>
struct HasSlotShape<Optimizer, std::void_t<decltype(&Optimizer::slot_shape)>> : std::true_type {};

template <class Optimizer>
class Added final : public Plain {
 public:
  using State = typename Optimizer::State;

  // They negate gradients themselves.
  explicit Added(const Options& options)
      : Plain(make_optimizer<Optimizer>(read(options)), /*negate=*/false) {}

  std::vector<SlotSpec> slots() const override { return slots_; }

  std::vector<int64_t> slot_shape(size_t slot, c10::IntArrayRef param) const override {
    if constexpr (HasSlotShape<Optimizer>::value) {
      return Optimizer::slot_shape(slots_[slot].name, param);
    } else {
      return Plain::slot_shape(slot, param);
    }
  }

 protected:
  std::unique_ptr<torch::optim::OptimizerParamState> make_state(const Binding& binding,
                                                                size_t i) const override {
    auto state = std::make_unique<State>();
    state->step = steps_of(binding, i);
    size_t slot = 1;
    State::each(*state,
                [&](const SlotSpec&, at::Tensor& tensor) { tensor = binding.slots[slot++][i]; });
    return state;
  }

 private:
  static std::vector<SlotSpec> slots_of_state() {
    std::vector<SlotSpec> all = {step_slot()};
    State state;
    State::each(state, [&](const SlotSpec& slot, at::Tensor&) { all.push_back(slot); });
    return all;
  }

  static typename Optimizer::Options read(const Options& options) {
    typename Optimizer::Options all;
    Optimizer::Options::each(all, [&](const char* name, auto& value) {
      value = static_cast<std::decay_t<decltype(value)>>(options.get(name));
    });
    return all;
  }

  const std::vector<SlotSpec> slots_ = slots_of_state();
};

}  // namespace

std::unique_ptr<Algorithm> make_added(const Options& options) {
  const std::string& name = options.class_name();
  if (name == "Adamax") return std::make_unique<Added<optim::Adamax>>(options);
  if (name == "NAdam") return std::make_unique<Added<optim::NAdam>>(options);
  if (name == "RAdam") return std::make_unique<Added<optim::RAdam>>(options);
  if (name == "Adadelta") return std::make_unique<Added<optim::Adadelta>>(options);
  if (name == "ASGD") return std::make_unique<Added<optim::ASGD>>(options);
  if (name == "Rprop") return std::make_unique<Added<optim::Rprop>>(options);
  if (name == "Adafactor") return std::make_unique<Added<optim::Adafactor>>(options);
  if (name == "Muon") return std::make_unique<Added<optim::Muon>>(options);
  return nullptr;
}

}  // namespace optibridge::torch_bridge
