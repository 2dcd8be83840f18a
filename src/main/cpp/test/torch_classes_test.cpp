// The classes of torch/optim by themselves, as a C++ program would use them: with automatic
// gradients, and through an archive.
#include <torch/serialize.h>

#include <sstream>

#include "torch/optim/adadelta.h"
#include "torch/optim/adafactor.h"
#include "torch/optim/adamax.h"
#include "torch/optim/asgd.h"
#include "torch/optim/muon.h"
#include "torch/optim/nadam.h"
#include "torch/optim/radam.h"
#include "torch/optim/rprop.h"

// libtorch's logging has a macro of this name.
#undef CHECK
#include "check.h"

namespace ob_test {
namespace {

namespace own = optibridge::torch_bridge::optim;

at::Tensor start() { return at::linspace(-1, 1, 12).reshape({3, 4}).set_requires_grad(true); }

template <class Optimizer>
double run(Optimizer& optimizer, int steps) {
  double loss = 0;
  for (int i = 0; i < steps; ++i) {
    const at::Tensor value = optimizer.step([&] {
      optimizer.zero_grad();
      at::Tensor sum = (optimizer.parameters()[0] - 0.3).square().sum();
      sum.backward();
      return sum;
    });
    loss = value.template item<double>();
  }
  return loss;
}

template <class Optimizer>
void goes_on_from_an_archive(typename Optimizer::Options options) {
  const at::Tensor one = start(), two = start();
  options.lr = 0.05;
  Optimizer whole({one}, options), first({two}, options);
  const double before = (start() - 0.3).square().sum().template item<double>();
  run(first, 3);
  std::stringstream stream;
  torch::serialize::OutputArchive out;
  first.save(out);
  out.save_to(stream);
  torch::serialize::InputArchive in;
  in.load_from(stream);
  Optimizer second({two}, typename Optimizer::Options());
  second.load(in);
  const double after = run(second, 5);
  CHECK(after < before);
  CHECK(run(whole, 8) == after);
  CHECK(at::equal(one, two));
  const auto& state =
      static_cast<const typename Optimizer::State&>(*second.state().begin()->second);
  CHECK(state.step == 8);
  CHECK(second.param_groups()[0].options().get_lr() == 0.05);
}

void what_cannot_be_stepped_is_refused() {
  at::Tensor cube = at::ones({2, 2, 2}).set_requires_grad(true);
  cube.sum().backward();
  own::Muon muon({cube});
  bool refused = false;
  try {
    muon.step();
  } catch (const c10::Error&) {
    refused = true;
  }
  CHECK(refused);
  CHECK(at::equal(cube, at::ones({2, 2, 2})));
}

}  // namespace
}  // namespace ob_test

int main() {
  using namespace ob_test;
  goes_on_from_an_archive<own::Adamax>(own::AdamaxOptions());
  own::NAdamOptions nadam;
  nadam.decoupled_weight_decay = true;
  nadam.weight_decay = 0.01;
  goes_on_from_an_archive<own::NAdam>(nadam);
  goes_on_from_an_archive<own::RAdam>(own::RAdamOptions());
  goes_on_from_an_archive<own::Adadelta>(own::AdadeltaOptions());
  goes_on_from_an_archive<own::ASGD>(own::ASGDOptions());
  goes_on_from_an_archive<own::Rprop>(own::RpropOptions());
  goes_on_from_an_archive<own::Adafactor>(own::AdafactorOptions());
  own::MuonOptions muon;
  muon.match_rms_adamw = true;
  goes_on_from_an_archive<own::Muon>(muon);
  what_cannot_be_stepped_is_refused();
  return result();
}
