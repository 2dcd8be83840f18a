#include "torch/partwise.h"

#include <algorithm>

#include "torch/threads.h"

namespace optibridge::torch_bridge {
namespace {

// Bytes of one tensor in a part: with gradient, state and intermediates of a step, a second-level
// cache holds it.
constexpr int64_t kPartBytes = 65536;
// Elements of all tensors below which waking other threads takes longer than the step.
constexpr int64_t kAloneBelow = 65536;

int64_t part_of(const at::Tensor& tensor) {
  return kPartBytes / static_cast<int64_t>(tensor.itemsize());
}

}  // namespace

void Partwise::bind(Binding binding) {
  binding_ = std::move(binding);
  sync();
}

void Partwise::sync() {
  // Sums are over a parameter, not over its neighbours.
  runs_ = passes() == 0 && divisible() ? merged(binding_) : binding_;
  total_ = 0;
  parts_.clear();
  divided_.clear();
  for (size_t i = 0; i < runs_.size(); ++i) {
    const int64_t numel = runs_.params[i].numel();
    const int64_t most = binding_.on_cpu() ? part_of(runs_.params[i]) : numel;
    total_ += numel;
    for (int64_t offset = 0; offset < numel; offset += most) {
      if (numel > most) divided_.push_back(parts_.size());
      parts_.push_back({i, offset, std::min(most, numel - offset)});
    }
  }
  sums_.resize(divided_.size());
}

Partwise::Views Partwise::views_of(const Binding& tensors, size_t i) const {
  Views views{tensors.params[i], tensors.grads[i], {}, {}};
  for (const auto& slot : tensors.slots) views.slots.push_back(slot[i]);
  return views;
}

Partwise::Views Partwise::views_of(const Part& part) const {
  const size_t i = part.run;
  if (part.n == runs_.params[i].numel()) return views_of(runs_, i);
  Views views{stretch_of(runs_.params[i], part.offset, part.n),
              stretch_of(runs_.grads[i], part.offset, part.n),
              {},
              {}};
  for (size_t s = 0; s < runs_.slots.size(); ++s) {
    const at::Tensor& slot = runs_.slots[s][i];
    const bool like = runs_.kinds[s] == SlotSpec::LIKE;
    views.slots.push_back(like ? stretch_of(slot, part.offset, part.n) : slot);
  }
  return views;
}

void Partwise::complete(size_t tensor, Views& views) {
  for (int pass = 0; pass < passes(); ++pass) {
    Sums sums{};
    measure(pass, tensor, views, sums);
    settle(pass, tensor, sums);
  }
  apply(tensor, views);
}

void Partwise::step(double lr) {
  if (!divisible() || !binding_.on_cpu()) {
    step_whole(lr);
    return;
  }
  plan(runs_, lr);
  const int32_t workers = total_ < kAloneBelow ? 1 : threads();
  // Undivided tensors in one go, along with the first pass over the others.
  const int last = passes();
  for (int pass = 0; pass <= last; ++pass) {
    const bool all = pass == 0;
    if (!all && divided_.empty()) break;
    for_each(static_cast<int64_t>(all ? parts_.size() : divided_.size()), workers, [&](int64_t k) {
      const Quiet quiet;
      const size_t at = all ? static_cast<size_t>(k) : divided_[k];
      const Part& part = parts_[at];
      Views views = views_of(part);
      if (part.n == runs_.params[part.run].numel()) {
        complete(part.run, views);
      } else if (pass == last) {
        apply(part.run, views);
      } else {
        const auto found = std::lower_bound(divided_.begin(), divided_.end(), at);
        Sums& sums = sums_[found - divided_.begin()];
        sums = {};
        measure(pass, part.run, views, sums);
      }
    });
    if (pass == last) break;
    // In the order of the elements, whatever thread had which.
    for (size_t k = 0; k < divided_.size();) {
      const size_t run = parts_[divided_[k]].run;
      Sums sums{};
      for (; k < divided_.size() && parts_[divided_[k]].run == run; ++k) {
        for (size_t j = 0; j < sums.size(); ++j) sums[j] += sums_[k][j];
      }
      settle(pass, run, sums);
    }
  }
  finish(runs_);
}

void Partwise::step_whole(double lr) {
  const Quiet quiet;
  plan(binding_, lr);
  for (size_t i = 0; i < binding_.size(); ++i) {
    if (binding_.params[i].numel() == 0) continue;
    Views views = views_of(binding_, i);
    complete(i, views);
  }
  finish(binding_);
}

void Partwise::begin_blocks(double lr) {
  plan(binding_, lr);
  finish(binding_);
}

void Partwise::step_block(size_t tensor, int64_t offset, int64_t n, const void* gradient,
                          void* param) {
  const Quiet quiet;
  const at::Tensor& like = binding_.params[tensor];
  Views views{elements_at(param, n, like), elements_at(gradient, n, like), {}, {}};
  for (size_t s = 0; s < binding_.slots.size(); ++s) {
    const at::Tensor& slot = binding_.slots[s][tensor];
    views.slots.push_back(binding_.kinds[s] == SlotSpec::LIKE ? stretch_of(slot, offset, n) : slot);
  }
  apply(tensor, views);
}

void Partwise::finish(const Binding& tensors) {
  count_step(binding_);
  if (tensors.first.empty() || tensors.size() == binding_.size()) return;
  // What a plan wrote for a run holds for each of its tensors.
  for (size_t s = 1; s < tensors.slots.size(); ++s) {
    if (tensors.kinds[s] == SlotSpec::LIKE) continue;
    const auto& slot = binding_.slots[s];
    for (size_t run = 0; run < tensors.size(); ++run) {
      const size_t end = run + 1 < tensors.size() ? tensors.first[run + 1] : slot.size();
      const double value = scalar_of(slot[tensors.first[run]]);
      for (size_t i = tensors.first[run] + 1; i < end; ++i) set_scalar(slot[i], value);
    }
  }
}

}  // namespace optibridge::torch_bridge
