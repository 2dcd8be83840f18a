// L-BFGS as Python's torch.optim.LBFGS 2.10 computes it: Nocedal and Wright, "Numerical
// Optimization", 2nd ed., algorithm 7.4. libtorch's own C++ class is not used: its line search
// ignores max_eval, and it rounds step sizes otherwise than Python's.
//
// A step does not call the loss; it asks for it. begin(), then evaluate loss and gradients at the
// bound weights and tell() them for as long as tell() returns true.
#pragma once

#include <ATen/core/Tensor.h>

#include <deque>
#include <optional>
#include <vector>

#include "torch/flat_pool.h"
#include "torch/lbfgs_number.h"
#include "torch/line_search.h"

namespace optibridge::torch_bridge {

struct LbfgsOptions {
  int64_t max_iter = 20;
  int64_t max_eval = 25;
  double tolerance_grad = 1e-7;
  double tolerance_change = 1e-9;
  int64_t history_size = 100;
  bool strong_wolfe = false;
};

// The names are those of Python's state. Copies share their tensors, which are never written again.
struct LbfgsState {
  int64_t func_evals = 0;
  int64_t n_iter = 0;
  at::Tensor d;
  double t = 0;
  std::deque<at::Tensor> old_dirs;
  std::deque<at::Tensor> old_stps;
  std::deque<double> ro;
  double H_diag = 1;
  at::Tensor prev_flat_grad;
  double prev_loss = 0;
};

class Lbfgs {
 public:
  explicit Lbfgs(const LbfgsOptions& options) : options_(options) {}

  // Contiguous tensors of float32 or float64 on one device, gradients shaped as the weights. Throws
  // std::invalid_argument if they don't fit the state. Not within a step.
  void bind(std::vector<at::Tensor> params, std::vector<at::Tensor> grads);

  void begin(double lr);
  // Takes the loss and, from the bound memory, the gradients at the bound weights. Returns whether
  // another evaluation is wanted, at the weights as they are then. If it throws, the step is
  // undone.
  bool tell(double loss);
  // Ends the step without a result: the state is as before it, the weights too if `restore`.
  void abort(bool restore);
  bool in_step() const { return phase_ != IDLE; }

  const LbfgsState& state() const { return state_; }
  // Not within a step.
  void set_state(LbfgsState state);

  int64_t numel() const { return numel_; }
  bool on_cpu() const { return params_.empty() || params_[0].is_cpu(); }

 private:
  enum Phase { IDLE, FIRST, MOVED, SEARCHING };

  bool advance(double loss);
  bool iterate();
  bool after_move(int64_t evaluations);
  bool finish();
  void find_direction();
  void remember();
  void move(Number t);
  at::Tensor gather(const std::vector<at::Tensor>& parts);
  void put_back(const at::Tensor& weights);
  Number dot(const at::Tensor& a, const at::Tensor& b) const;
  Number largest(const at::Tensor& flat) const;
  Number tensor(double value) const;
  bool is_optimal(const at::Tensor& gradient) const;

  const LbfgsOptions options_;
  LbfgsState state_;

  // Views of one dimension.
  std::vector<at::Tensor> params_;
  std::vector<at::Tensor> grads_;
  int64_t numel_ = 0;
  at::ScalarType dtype_ = at::kFloat;

  // What one step works with.
  Phase phase_ = IDLE;
  double lr_ = 0;
  LbfgsState next_;
  double loss_ = 0;
  at::Tensor gradient_;
  bool optimal_ = false;
  int64_t iterations_ = 0;
  int64_t evaluations_ = 0;
  std::optional<LineSearch> search_;
  // The weights before the step, once they have moved, and before a line search.
  at::Tensor before_step_;
  at::Tensor before_search_;

  FlatPool pool_;
};

}  // namespace optibridge::torch_bridge
