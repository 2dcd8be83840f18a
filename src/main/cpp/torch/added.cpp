// The classes of Python's torch.optim that libtorch's C++ API lacks.
#include "torch/added.h"

#include "torch/optim/adadelta.h"
#include "torch/optim/adafactor.h"
#include "torch/optim/adamax.h"
#include "torch/optim/asgd.h"
#include "torch/optim/muon.h"
#include "torch/optim/nadam.h"
#include "torch/optim/radam.h"
#include "torch/optim/rprop.h"
#include "torch/optim/sparse_adam.h"

namespace optibridge::torch_bridge {

std::unique_ptr<Algorithm> make_added(const Options& options) {
  const std::string& name = options.class_name();
  if (name == "Adamax") return std::make_unique<Added<optim::Adamax>>(options);
  if (name == "NAdam") return std::make_unique<Added<optim::NAdam>>(options);
  if (name == "RAdam") return std::make_unique<Added<optim::RAdam>>(options);
  if (name == "Adadelta") return std::make_unique<Added<optim::Adadelta>>(options);
  if (name == "ASGD") return std::make_unique<Added<optim::ASGD>>(options);
  if (name == "Rprop") return std::make_unique<Added<optim::Rprop>>(options);
  if (name == "Adafactor") return std::make_unique<AddedWhole<optim::Adafactor>>(options);
  if (name == "Muon") return std::make_unique<AddedWhole<optim::Muon>>(options);
  if (name == "SparseAdam") return std::make_unique<AddedWhole<optim::SparseAdam>>(options);
  return nullptr;
}

}  // namespace optibridge::torch_bridge
