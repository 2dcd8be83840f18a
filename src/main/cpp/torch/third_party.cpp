// Optimizers of packages beside Python's torch, by the packages' names.
#include "torch/added.h"
#include "torch/optim/pytorch_optimizer_adan.h"
#include "torch/optim/pytorch_optimizer_lamb.h"
#include "torch/optim/pytorch_optimizer_lars.h"
#include "torch/optim/pytorch_optimizer_lion.h"
#include "torch/optim/pytorch_optimizer_schedulefree_adamw.h"
#include "torch/optim/schedulefree_adamw.h"
#include "torch/optim/schedulefree_sgd.h"
#include "torch/optim/timm_adan.h"
#include "torch/optim/timm_lamb.h"
#include "torch/optim/timm_lars.h"
#include "torch/optim/timm_lion.h"

namespace optibridge::torch_bridge {
namespace {

template <class Optimizer>
std::unique_ptr<Algorithm> made(const Options& options) {
  return std::make_unique<Added<Optimizer>>(options);
}

using Make = std::unique_ptr<Algorithm> (*)(const Options&);

struct Entry {
  const char* name;
  Make make;
};

constexpr Entry kAll[] = {
    {"timm.optim.Adan", made<optim::timm::Adan>},
    {"timm.optim.Lamb", made<optim::timm::Lamb>},
    {"timm.optim.Lars", made<optim::timm::Lars>},
    {"timm.optim.Lion", made<optim::timm::Lion>},
    {"pytorch_optimizer.Adan", made<optim::pytorch_optimizer::Adan>},
    {"pytorch_optimizer.LARS", made<optim::pytorch_optimizer::LARS>},
    {"pytorch_optimizer.Lamb", made<optim::pytorch_optimizer::Lamb>},
    {"pytorch_optimizer.Lion", made<optim::pytorch_optimizer::Lion>},
    {"pytorch_optimizer.ScheduleFreeAdamW", made<optim::pytorch_optimizer::ScheduleFreeAdamW>},
    {"schedulefree.AdamWScheduleFree", made<optim::schedulefree::AdamWScheduleFree>},
    {"schedulefree.SGDScheduleFree", made<optim::schedulefree::SGDScheduleFree>}};

}  // namespace

std::unique_ptr<Algorithm> make_third_party(const Options& options) {
  for (const Entry& entry : kAll) {
    if (options.class_name() == entry.name) return entry.make(options);
  }
  return nullptr;
}

}  // namespace optibridge::torch_bridge
