// Lion (Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023) as a plug-in:
//   p -= lr (sign(beta1 m + (1 - beta1) g) + weight_decay p);  m = beta2 m + (1 - beta2) g
#include <ATen/ATen.h>
#include <optibridge_plugin.h>

namespace {

struct LionOptions : torch::optim::OptimizerCloneableOptions<LionOptions> {
  double get_lr() const override { return lr; }
  void set_lr(double rate) override { lr = rate; }

  double lr = 1e-4;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0;
};

struct LionState : torch::optim::OptimizerCloneableParamState<LionState> {
  at::Tensor exp_avg;
};

class Lion : public torch::optim::Optimizer {
 public:
  Lion(std::vector<torch::optim::OptimizerParamGroup> groups, LionOptions defaults)
      : Optimizer(std::move(groups), std::make_unique<LionOptions>(defaults)) {
    if (defaults.beta1 > defaults.beta2) {
      throw std::invalid_argument("beta1 must not be greater than beta2");
    }
  }

  at::Tensor step(LossClosure = nullptr) override {
    for (auto& group : param_groups_) {
      const auto& options = static_cast<const LionOptions&>(group.options());
      for (at::Tensor& p : group.params()) {
        const at::Tensor& g = p.grad();
        at::Tensor& m = static_cast<LionState&>(*state_.at(p.unsafeGetTensorImpl())).exp_avg;
        const at::Tensor direction = at::lerp(g, m, options.beta1).sign_();
        p.mul_(1 - options.lr * options.weight_decay).sub_(direction, options.lr);
        m.lerp_(g, 1 - options.beta2);
      }
    }
    return {};
  }
};

}  // namespace

using optibridge::from;

OPTIBRIDGE_PLUGIN(optibridge::optimizer<Lion, LionOptions, LionState>("Lion")
                      .option("beta1", &LionOptions::beta1, from(0).below(1))
                      .option("beta2", &LionOptions::beta2, from(0).below(1))
                      .option("weight_decay", &LionOptions::weight_decay, from(0))
                      .state("exp_avg", &LionState::exp_avg)
                      .element_wise());
