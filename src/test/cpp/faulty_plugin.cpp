// Plug-ins for tests: what can go wrong in one, and what the sample does not use.
#include <ATen/ATen.h>
#include <optibridge_plugin.h>

namespace {

struct FaultyOptions : torch::optim::OptimizerCloneableOptions<FaultyOptions> {
  double get_lr() const override { return lr; }
  void set_lr(double rate) override { lr = rate; }
  double lr = 0.5;
  int64_t fault = 0;
};

struct FaultyState : torch::optim::OptimizerCloneableParamState<FaultyState> {
  at::Tensor sum;
};

class Faulty : public torch::optim::Optimizer {
 public:
  Faulty(std::vector<torch::optim::OptimizerParamGroup> groups, FaultyOptions defaults)
      : Optimizer(std::move(groups), std::make_unique<FaultyOptions>(defaults)),
        fault_(defaults.fault) {
    if (fault_ == 1) throw std::invalid_argument("I do not like this option");
  }

  at::Tensor step(LossClosure = nullptr) override {
    if (fault_ == 2) throw std::runtime_error("a step too far");
    if (fault_ == 3) throw 3;
    TORCH_CHECK(fault_ != 4, "a check of libtorch's");
    if (fault_ == 5) throw std::bad_alloc();
    for (const at::Tensor& p : param_groups_[0].params()) {
      auto& state = static_cast<FaultyState&>(*state_.at(p.unsafeGetTensorImpl()));
      // New tensors instead of the old ones' contents: allowed, if they look alike.
      state.sum = state.sum + p.grad();
      p.sub_(state.sum, 0.5);
      if (fault_ == 6) state.sum = at::zeros({7});
    }
    if (fault_ == 7) state_.clear();
    return {};
  }

 private:
  const int64_t fault_;
};

// With members of TORCH_ARG, a scalar, a count and weights that are read.
struct ArgOptions : torch::optim::OptimizerCloneableOptions<ArgOptions> {
  TORCH_ARG(double, lr) = 0.1;
  TORCH_ARG(double, decay) = 0.5;
  TORCH_ARG(int64_t, every) = 2;
  TORCH_ARG(bool, maximize) = false;

 public:
  double get_lr() const override { return lr(); }
  void set_lr(double rate) override { lr(rate); }
};

struct ArgState : torch::optim::OptimizerCloneableParamState<ArgState> {
  TORCH_ARG(int64_t, step) = 0;
  TORCH_ARG(at::Tensor, total);
};

// Steps and decays only every so many times, by all the sums that it has seen.
class Patient : public torch::optim::Optimizer {
 public:
  Patient(std::vector<torch::optim::OptimizerParamGroup> groups, ArgOptions defaults)
      : Optimizer(std::move(groups), std::make_unique<ArgOptions>(defaults)) {}

  at::Tensor step(LossClosure = nullptr) override {
    const auto& options = static_cast<const ArgOptions&>(param_groups_[0].options());
    for (const at::Tensor& p : param_groups_[0].params()) {
      auto& state = static_cast<ArgState&>(*state_.at(p.unsafeGetTensorImpl()));
      state.step(state.step() + 1);
      state.total().add_(p.grad().sum().to(at::kFloat), options.maximize() ? -1 : 1);
      if (state.step() % options.every() == 0) {
        p.mul_(1 - options.lr() * options.decay()).sub_(state.total() * options.lr());
      }
    }
    return {};
  }
};

}  // namespace

OPTIBRIDGE_PLUGIN(optibridge::optimizer<Faulty, FaultyOptions, FaultyState>("Faulty")
                      .option("fault", &FaultyOptions::fault, optibridge::from(0).to(9))
                      .state("sum", &FaultyState::sum, 1),
                  optibridge::optimizer<Patient, ArgOptions, ArgState>("Patient")
                      .option("decay", &ArgOptions::decay, optibridge::above(0).below(1))
                      .option("every", &ArgOptions::every, optibridge::from(1))
                      .option("maximize", &ArgOptions::maximize)
                      .scalar("total", &ArgState::total)
                      .step_count(&ArgState::step)
                      .reads_weights());
