// The pipeline FedProx, global clipping, Adam, decoupled decay in libtorch's operators, three
// times: as it is usually written, tuned by hand in place, and cut into blocks by hand.
#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/add.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sub.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "torch/bench_views.h"
#include "torch/guard.h"
#include "torch/ob_torch.h"

using optibridge::torch_bridge::bench_views;
using optibridge::torch_bridge::guarded;
using optibridge::torch_bridge::stretch_of;

namespace {

constexpr double kPull = 0.01, kMaxNorm = 1, kDecay = 0.01;
constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEps = 1e-8;
// Elements that the program in blocks works on at a time: its scratch stays in a core's own cache.
constexpr int64_t kPiece = 32768;

struct Buffers {
  std::vector<at::Tensor> p, g, q, m, v;
};

}  // namespace

struct ob_torch_pipeline {
  virtual ~ob_torch_pipeline() = default;
  virtual void step(double lr) = 0;
};

namespace {

// Out of place where that reads best, one tensor after the other.
class AsWritten final : public ob_torch_pipeline {
 public:
  explicit AsWritten(Buffers buffers) : b_(std::move(buffers)) {}

  void step(double lr) override {
    const at::NoGradGuard no_grad;
    ++steps_;
    const double correction1 = 1 - std::pow(kBeta1, steps_);
    const double correction2 = 1 - std::pow(kBeta2, steps_);
    std::vector<at::Tensor> grads, norms;
    for (size_t i = 0; i < b_.p.size(); ++i) {
      grads.push_back(b_.g[i] + kPull * (b_.p[i] - b_.q[i]));
      norms.push_back(at::linalg_vector_norm(grads[i]));
    }
    const at::Tensor norm = at::linalg_vector_norm(at::stack(norms));
    const at::Tensor factor = at::clamp(kMaxNorm / norm, /*min=*/std::nullopt, /*max=*/1);
    for (size_t i = 0; i < b_.p.size(); ++i) {
      const at::Tensor g = grads[i] * factor;
      b_.m[i].mul_(kBeta1).add_(g, 1 - kBeta1);
      b_.v[i].mul_(kBeta2).addcmul_(g, g, 1 - kBeta2);
      const at::Tensor denominator = (b_.v[i].sqrt() / std::sqrt(correction2)).add_(kEps);
      const at::Tensor direction = b_.m[i] / correction1 / denominator;
      b_.p[i].add_(-lr * direction - kDecay * b_.p[i]);
    }
  }

 private:
  Buffers b_;
  double steps_ = 0;
};

// Whole tensors, but nothing is allocated, the fused kernel does all of Adam, and scaling by the
// norm and the decay come along in it.
class InPlace final : public ob_torch_pipeline {
 public:
  explicit InPlace(Buffers buffers) : b_(std::move(buffers)) {
    for (const at::Tensor& p : b_.p) {
      scratch_.push_back(at::empty_like(p));
      counts_.push_back(at::full({}, 0, at::kFloat));
    }
  }

  void step(double lr) override {
    const c10::InferenceMode no_autograd;
    for (size_t i = 0; i < b_.p.size(); ++i) {
      at::sub_out(scratch_[i], b_.p[i], b_.q[i]);
      at::add_out(scratch_[i], b_.g[i], scratch_[i], kPull);
      *counts_[i].mutable_data_ptr<float>() += 1;
    }
    const at::Tensor norms = at::stack(at::_foreach_norm(scratch_, 2));
    const at::Tensor excess = at::linalg_vector_norm(norms).div_(kMaxNorm).clamp_min_(1);
    at::_fused_adamw_(b_.p, scratch_, b_.m, b_.v, {}, counts_, lr, kBeta1, kBeta2,
                      /*weight_decay=*/kDecay / lr, kEps, /*amsgrad=*/false, /*maximize=*/false,
                      excess);
  }

 private:
  Buffers b_;
  std::vector<at::Tensor> scratch_, counts_;
};

// Two passes over memory, the least there can be: one for the norm, one for everything else. Both
// go through it in pieces that stay in cache from one operator to the next, the pieces shared out
// among libtorch's threads. Scaling by the norm and the decay are done by the fused kernel.
class Blocked final : public ob_torch_pipeline {
 public:
  explicit Blocked(const Buffers& b) {
    for (size_t i = 0; i < b.p.size(); ++i) {
      for (int64_t at = 0; at < b.p[i].numel(); at += kPiece) {
        const int64_t n = std::min(kPiece, b.p[i].numel() - at);
        const auto cut = [&](const at::Tensor& tensor) { return stretch_of(tensor, at, n); };
        pieces_.push_back({cut(b.p[i]), cut(b.g[i]), cut(b.q[i]), cut(b.m[i]), cut(b.v[i]), {}, n});
      }
    }
    norms_ = at::empty({static_cast<int64_t>(pieces_.size())}, at::kFloat);
    for (size_t i = 0; i < pieces_.size(); ++i) pieces_[i].norm = norms_[static_cast<int64_t>(i)];
    items_ = at::empty({static_cast<int64_t>(pieces_.size())}, at::kByte);
    count_ = at::full({}, 0, at::kFloat);
    excess_ = at::full({}, 1, at::kFloat);
  }

  void step(double lr) override {
    const c10::InferenceMode no_autograd;
    while (static_cast<int>(scratch_.size()) < at::get_num_threads()) {
      scratch_.push_back(at::empty({kPiece}, at::kFloat));
    }
    *count_.mutable_data_ptr<float>() += 1;
    over_pieces([this](const Piece& piece, const at::Tensor& scratch) {
      gradient(piece, scratch);
      at::linalg_vector_norm_out(const_cast<at::Tensor&>(piece.norm), scratch);
    });
    const float norm = at::linalg_vector_norm(norms_).item<float>();
    // The kernel divides by it.
    std::optional<at::Tensor> excess;
    if (!(norm <= kMaxNorm)) {
      *excess_.mutable_data_ptr<float>() = static_cast<float>(norm / kMaxNorm);
      excess = excess_;
    }
    over_pieces([&](const Piece& piece, const at::Tensor& scratch) {
      gradient(piece, scratch);
      at::_fused_adamw_(piece.p, scratch, piece.m, piece.v, {}, count_, lr, kBeta1, kBeta2,
                        /*weight_decay=*/kDecay / lr, kEps, /*amsgrad=*/false, /*maximize=*/false,
                        excess);
    });
  }

 private:
  struct Piece {
    at::Tensor p, g, q, m, v, norm;
    int64_t n;
  };

  static void gradient(const Piece& piece, const at::Tensor& scratch) {
    at::Tensor& out = const_cast<at::Tensor&>(scratch);  // an operator's output is not const
    at::sub_out(out, piece.p, piece.q);
    at::add_out(out, piece.g, scratch, kPull);
  }

  // Runs on libtorch's own threads. (at::parallel_for would run alone here: it is a template, and
  // this library is compiled without OpenMP.) Operators inside know that and take no more threads.
  template <class Work>
  void over_pieces(const Work& work) {
    auto iterator = at::TensorIterator::nullary_op(items_);
    iterator.for_each(
        [&](char** data, const int64_t*, int64_t size, int64_t outer) {
          const c10::InferenceMode no_autograd;
          const int64_t n = size * outer;  // bytes one after the other, whatever they are called
          const int64_t first = data[0] - static_cast<char*>(items_.data_ptr());
          const at::Tensor& all = scratch_[at::get_thread_num()];
          for (int64_t i = first; i < first + n; ++i) {
            const Piece& piece = pieces_[i];
            work(piece, piece.n == kPiece ? all : all.narrow(0, 0, piece.n));
          }
        },
        /*grain_size=*/1);
  }

  std::vector<Piece> pieces_;
  std::vector<at::Tensor> scratch_;  // one for each thread
  at::Tensor norms_, items_, count_, excess_;
};

}  // namespace

extern "C" {

ob_result ob_torch_pipeline_create(int32_t program, const ob_tensor* params, const ob_tensor* grads,
                                   const ob_tensor* references, const ob_tensor* exp_avgs,
                                   const ob_tensor* exp_avg_sqs, int64_t tensors,
                                   ob_torch_pipeline** out) OB_NOEXCEPT {
  return guarded("torch_pipeline_create", [&] {
    if (out == nullptr) throw std::invalid_argument("out is null");
    Buffers b;
    b.p = bench_views(params, tensors, "parameter");
    b.g = bench_views(grads, tensors, "gradient", &b.p);
    b.q = bench_views(references, tensors, "reference", &b.p);
    b.m = bench_views(exp_avgs, tensors, "exp_avg", &b.p);
    b.v = bench_views(exp_avg_sqs, tensors, "exp_avg_sq", &b.p);
    for (size_t i = 0; i < b.p.size(); ++i) b.q[i].copy_(b.p[i]);
    std::unique_ptr<ob_torch_pipeline> made;
    if (program == OB_PIPELINE_AS_WRITTEN) {
      made = std::make_unique<AsWritten>(std::move(b));
    } else if (program == OB_PIPELINE_IN_PLACE) {
      made = std::make_unique<InPlace>(std::move(b));
    } else if (program == OB_PIPELINE_BLOCKED) {
      made = std::make_unique<Blocked>(b);
    } else {
      throw std::invalid_argument("no such program");
    }
    *out = made.release();
  });
}

ob_result ob_torch_pipeline_step(ob_torch_pipeline* pipeline, double lr) OB_NOEXCEPT {
  return guarded("torch_pipeline_step", [&] {
    if (pipeline == nullptr) throw std::invalid_argument("the handle is null");
    if (!(lr > 0)) throw std::invalid_argument("the learning rate is not positive");
    pipeline->step(lr);
  });
}

void ob_torch_pipeline_destroy(ob_torch_pipeline* pipeline) OB_NOEXCEPT { delete pipeline; }

}  // extern "C"
