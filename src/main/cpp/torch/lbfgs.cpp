#include "torch/lbfgs.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/dot.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/neg.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/sum.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace optibridge::torch_bridge {
namespace {

constexpr double kLeastCurvature = 1e-10;

}  // namespace

void Lbfgs::bind(std::vector<at::Tensor> params, std::vector<at::Tensor> grads) {
  if (in_step()) throw std::invalid_argument("a step is under way");
  const at::NoGradGuard no_grad;
  int64_t numel = 0;
  at::ScalarType dtype = at::kFloat;
  std::vector<at::Tensor> flat;
  for (size_t i = 0; i < params.size(); ++i) {
    numel += params[i].numel();
    if (params[i].scalar_type() == at::kDouble) dtype = at::kDouble;
    flat.push_back(grads[i].view(-1));
  }
  for (const at::Tensor& tensor : flat) {
    if (tensor.scalar_type() != dtype) {
      throw std::invalid_argument("parameters of float32 and float64 can't be stepped together");
    }
  }
  const at::Tensor& known = state_.d;
  if (known.defined() && (known.numel() != numel || known.scalar_type() != dtype)) {
    throw std::invalid_argument("the state is of " + std::to_string(known.numel()) + " " +
                                c10::toString(known.scalar_type()) + " elements, the weights of " +
                                std::to_string(numel) + " " + c10::toString(dtype));
  }
  const at::Device device = params.empty() ? at::kCPU : params[0].device();
  pool_.reset(numel, dtype, device);
  if (known.defined() && known.device() != device) {
    const auto there = [&](at::Tensor& tensor) {
      at::Tensor copy = pool_.take();
      copy.copy_(tensor);
      tensor = copy;
    };
    LbfgsState moved = state_;
    there(moved.d);
    there(moved.prev_flat_grad);
    for (at::Tensor& tensor : moved.old_dirs) there(tensor);
    for (at::Tensor& tensor : moved.old_stps) there(tensor);
    state_ = std::move(moved);
  }
  params_.clear();
  for (const at::Tensor& param : params) params_.push_back(param.view(-1));
  grads_ = std::move(flat);
  numel_ = numel;
  dtype_ = dtype;
}

void Lbfgs::begin(double lr) {
  if (in_step()) throw std::invalid_argument("a step is under way");
  if (params_.empty()) throw std::invalid_argument("nothing is bound yet");
  lr_ = lr;
  next_ = state_;
  iterations_ = 0;
  evaluations_ = 0;
  optimal_ = false;
  phase_ = FIRST;
}

bool Lbfgs::tell(double loss) {
  if (!in_step()) throw std::invalid_argument("no step is under way");
  const at::NoGradGuard no_grad;
  try {
    return advance(loss);
  } catch (...) {
    abort(true);
    throw;
  }
}

void Lbfgs::abort(bool restore) {
  const at::NoGradGuard no_grad;
  if (in_step() && restore && before_step_.defined()) put_back(before_step_);
  phase_ = IDLE;
  next_ = LbfgsState();
  gradient_ = at::Tensor();
  search_.reset();
  before_step_ = at::Tensor();
  before_search_ = at::Tensor();
}

bool Lbfgs::finish() {
  state_ = std::move(next_);
  abort(false);
  return false;
}

bool Lbfgs::advance(double loss) {
  at::Tensor gradient = gather(grads_);
  switch (phase_) {
    case FIRST:
      loss_ = loss;
      gradient_ = std::move(gradient);
      evaluations_ = 1;
      ++next_.func_evals;
      if (numel_ == 0) return finish();
      optimal_ = is_optimal(gradient_);
      return optimal_ ? finish() : iterate();
    case MOVED:
      loss_ = loss;
      gradient_ = std::move(gradient);
      optimal_ = is_optimal(gradient_);
      return after_move(1);
    default: {  // SEARCHING
      const Number slope = dot(gradient, next_.d);
      const bool more = search_->tell(loss, std::move(gradient), slope);
      put_back(before_search_);
      if (more) {
        move(search_->t());
        return true;
      }
      const LineSearch::Point& best = search_->best();
      loss_ = best.loss;
      gradient_ = best.gradient;
      next_.t = best.t.value();
      const int64_t evaluations = search_->evaluations();
      move(best.t);
      search_.reset();
      optimal_ = is_optimal(gradient_);
      return after_move(evaluations);
    }
  }
}

bool Lbfgs::iterate() {
  if (iterations_ >= options_.max_iter) return finish();
  ++iterations_;
  ++next_.n_iter;
  find_direction();
  next_.prev_flat_grad = gradient_;
  next_.prev_loss = loss_;

  Number t = lr_;
  if (next_.n_iter == 1) {
    at::Tensor magnitudes = pool_.take();
    at::abs_out(magnitudes, gradient_);
    t = smaller(1.0, 1.0 / tensor(magnitudes.sum().item<double>())) * lr_;
  }
  next_.t = t.value();
  const Number slope = dot(gradient_, next_.d);
  if (slope > -options_.tolerance_change) return finish();

  if (options_.strong_wolfe) {
    before_search_ = gather(params_);
    search_.emplace(LineSearch::Point{0, loss_, slope, gradient_}, t, largest(next_.d),
                    options_.max_eval - evaluations_);
    move(t);
    phase_ = SEARCHING;
    return true;
  }
  move(t);
  if (iterations_ == options_.max_iter) return after_move(0);
  phase_ = MOVED;
  return true;
}

bool Lbfgs::after_move(int64_t evaluations) {
  evaluations_ += evaluations;
  next_.func_evals += evaluations;
  const bool enough = iterations_ == options_.max_iter || evaluations_ >= options_.max_eval ||
                      optimal_ || largest(next_.d) * next_.t <= options_.tolerance_change ||
                      std::abs(loss_ - next_.prev_loss) < options_.tolerance_change;
  return enough ? finish() : iterate();
}

// Adds how the gradient changed over the last move to the history.
void Lbfgs::remember() {
  at::Tensor y = pool_.take();
  at::sub_out(y, gradient_, next_.prev_flat_grad);
  at::Tensor s = pool_.take();
  at::mul_out(s, next_.d, at::scalar_tensor(next_.t, at::kDouble));
  const Number ys = dot(y, s);
  if (!(ys > kLeastCurvature)) return;
  if (static_cast<int64_t>(next_.old_dirs.size()) == options_.history_size) {
    next_.old_dirs.pop_front();
    next_.old_stps.pop_front();
    next_.ro.pop_front();
  }
  next_.H_diag = (ys / dot(y, y)).value();
  next_.old_dirs.push_back(std::move(y));
  next_.old_stps.push_back(std::move(s));
  next_.ro.push_back((1.0 / ys).value());
}

// The gradient, downhill and multiplied by the inverse Hessian that the history stands for.
void Lbfgs::find_direction() {
  if (next_.n_iter == 1) {
    next_.old_dirs.clear();
    next_.old_stps.clear();
    next_.ro.clear();
    next_.H_diag = 1;
    at::Tensor d = pool_.take();
    at::neg_out(d, gradient_);
    next_.d = std::move(d);
    return;
  }
  remember();
  const int64_t count = static_cast<int64_t>(next_.old_dirs.size());
  std::vector<Number> al(static_cast<size_t>(count));
  at::Tensor d = pool_.take();
  at::neg_out(d, gradient_);
  for (int64_t i = count - 1; i >= 0; --i) {
    al[i] = dot(next_.old_stps[i], d) * tensor(next_.ro[i]);
    d.add_(next_.old_dirs[i], -al[i].value());
  }
  d.mul_(next_.H_diag);
  for (int64_t i = 0; i < count; ++i) {
    const Number be = dot(next_.old_dirs[i], d) * tensor(next_.ro[i]);
    d.add_(next_.old_stps[i], (al[i] - be).value());
  }
  next_.d = std::move(d);
}

// Weights += t d.
void Lbfgs::move(Number t) {
  if (!before_step_.defined()) before_step_ = gather(params_);
  int64_t offset = 0;
  for (const at::Tensor& param : params_) {
    const int64_t n = param.numel();
    param.add_(next_.d.narrow(0, offset, n), t.value());
    offset += n;
  }
}

at::Tensor Lbfgs::gather(const std::vector<at::Tensor>& parts) {
  at::Tensor flat = pool_.take();
  at::cat_out(flat, parts);
  return flat;
}

void Lbfgs::put_back(const at::Tensor& weights) {
  int64_t offset = 0;
  for (const at::Tensor& param : params_) {
    param.copy_(weights.narrow(0, offset, param.numel()));
    offset += param.numel();
  }
}

Number Lbfgs::tensor(double value) const {
  return {value, dtype_ == at::kDouble ? Number::DOUBLE : Number::FLOAT};
}

Number Lbfgs::dot(const at::Tensor& a, const at::Tensor& b) const {
  return tensor(at::dot(a, b).item<double>());
}

Number Lbfgs::largest(const at::Tensor& flat) const {
  const auto [least, most] = at::aminmax(flat);
  const double a = std::abs(least.item<double>());
  const double b = std::abs(most.item<double>());
  return tensor(std::isnan(a) || a > b ? a : b);
}

bool Lbfgs::is_optimal(const at::Tensor& gradient) const {
  return largest(gradient) <= options_.tolerance_grad;
}

void Lbfgs::set_state(LbfgsState state) {
  if (in_step()) throw std::invalid_argument("a step is under way");
  state_ = std::move(state);
  params_.clear();
  grads_.clear();
  pool_.clear();
}

}  // namespace optibridge::torch_bridge
