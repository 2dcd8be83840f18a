// Norms of many tensors, whatever their sizes, in one go.
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/linalg_vector_norm.h>

#include <algorithm>
#include <cmath>

#include "torch/gradients.h"
#include "torch/threads.h"
#include "torch/views.h"

namespace optibridge::torch_bridge {
namespace {

constexpr int64_t kPart = 65536;

struct Part {
  size_t tensor;
  int64_t offset, n;
  double square = 0;
};

}  // namespace

std::vector<double> norms_on_threads(const std::vector<at::Tensor>& tensors) {
  if (!tensors.empty() && !tensors[0].is_cpu()) return Gradients::norms_by_torch(tensors);
  std::vector<Part> parts;
  int64_t total = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const int64_t numel = tensors[i].numel();
    total += numel;
    for (int64_t offset = 0; offset < numel; offset += kPart) {
      parts.push_back({i, offset, std::min(kPart, numel - offset)});
    }
  }
  for_each(static_cast<int64_t>(parts.size()), total < kPart ? 1 : threads(), [&](int64_t k) {
    const at::AutoDispatchBelowADInplaceOrView below;
    Part& part = parts[k];
    const at::Tensor& tensor = tensors[part.tensor];
    const bool all = part.n == tensor.numel();
    const double norm =
        at::linalg_vector_norm(all ? tensor : stretch_of(tensor, part.offset, part.n))
            .item<double>();
    part.square = norm * norm;
  });
  std::vector<double> norms(tensors.size());
  for (const Part& part : parts) norms[part.tensor] += part.square;
  for (double& norm : norms) norm = std::sqrt(norm);
  return norms;
}

}  // namespace optibridge::torch_bridge
