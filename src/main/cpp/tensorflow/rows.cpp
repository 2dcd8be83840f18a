// Steps by rows. TensorFlow's own kernels for rows (ResourceSparseApply*, ResourceScatterSub) do
// not serve here: all but that of plain gradient descent leave state alone that Keras decays, and
// each of them makes its variable copy itself at every later read and step, to new memory. So rows
// are gathered into variables of a few kilobytes, stepped by the kernel that steps whole variables,
// and put back. What that costs grows with the rows.
#include <algorithm>
#include <cstring>
#include <iterator>

#include "tensorflow/optimizer.h"

namespace tfb = optibridge::tensorflow_bridge;

namespace {

// Elements of a batch. A step of few rows is not to pay for many.
constexpr int64_t kBatches[] = {512, 8192, 65536};

}  // namespace

tfb::Batch& ob_tf_optimizer::batch(TF_DataType dtype, int64_t elements) {
  auto& made = batches_[dtype == TF_FLOAT ? 0 : 1];
  made.resize(std::size(kBatches));
  size_t size = 0;
  while (size + 1 < made.size() && kBatches[size] < elements) size++;
  if (made[size] == nullptr) {
    made[size] = std::make_unique<tfb::Batch>(*algorithm, slots.size(), dtype, kBatches[size]);
  }
  return *made[size];
}

// Fills a batch, steps it when it is full, and writes back.
class ob_tf_optimizer::Gather {
 public:
  using State = std::vector<const ob_tf_variables*>;

  Gather(tfb::Batch& batch, const tfb::Scalars& scalars, const State& state)
      : batch_(batch),
        scalars_(scalars),
        state_(state),
        size_(tfb::size_of(batch.weights.dtype())) {}

  // Elements from `offset` on, in bytes, of a tensor that begins at `weights`, and of its slots.
  void add(size_t tensor, char* weights, int64_t offset, const char* gradient, int64_t elements) {
    for (int64_t from = 0; from < elements;) {
      const int64_t n = std::min(elements - from, batch_.weights.numel() - used_);
      const Stretch stretch{tensor, weights, offset + from * size_, used_ * size_,
                            static_cast<size_t>(n * size_)};
      for (size_t i = 0; i <= state_.size(); i++) {
        std::memcpy(memory(i) + stretch.at, home(stretch, i), stretch.bytes);
      }
      std::memcpy(gradients() + stretch.at, gradient + from * size_, stretch.bytes);
      stretches_.push_back(stretch);
      used_ += n;
      from += n;
      if (used_ == batch_.weights.numel()) run();
    }
  }

  void run() {
    if (used_ == 0) return;
    // What is left over of former rows is not to move on, into infinity in the end.
    std::memset(gradients() + used_ * size_, 0,
                static_cast<size_t>((batch_.weights.numel() - used_) * size_));
    batch_.unit.run(scalars_);
    batch_.unit.check_in_place();
    for (const Stretch& stretch : stretches_) {
      for (size_t i = 0; i <= state_.size(); i++) {
        std::memcpy(home(stretch, i), memory(i) + stretch.at, stretch.bytes);
      }
    }
    ob_count(OB_COPIED_BYTES, used_ * size_ * static_cast<int64_t>(2 * state_.size() + 3));
    stretches_.clear();
    used_ = 0;
  }

 private:
  struct Stretch {
    size_t tensor;
    char* weights;
    int64_t offset;
    int64_t at;
    size_t bytes;
  };

  // The weights are the first, then come the slots.
  char* home(const Stretch& stretch, size_t i) const {
    return (i == 0 ? stretch.weights : state_[i - 1]->data[stretch.tensor]) + stretch.offset;
  }
  char* memory(size_t i) const {
    return static_cast<char*>(i == 0 ? batch_.weights.data() : batch_.slots[i - 1]->data());
  }
  char* gradients() const { return static_cast<char*>(TF_TensorData(batch_.gradient.get())); }

  tfb::Batch& batch_;
  const tfb::Scalars& scalars_;
  const State& state_;
  const int64_t size_;
  int64_t used_ = 0;
  std::vector<Stretch> stretches_;
};

void ob_tf_optimizer::step_rows(const ob_tensor* params, const Gather::State& state,
                                const ob_rows* gradients, int64_t tensors, double lr,
                                int64_t step) {
  rows_.resize(static_cast<size_t>(tensors));
  int64_t elements[2] = {0, 0};
  for (int64_t i = 0; i < tensors; i++) {
    const ob_tensor& param = params[i];
    optibridge::Units& units = rows_[static_cast<size_t>(i)];
    units.prepare(gradients[i], param.name, param.shape, static_cast<size_t>(param.ndim));
    elements[tfb::tf_type(param.dtype) == TF_FLOAT ? 0 : 1] += units.elements();
  }
  for (const TF_DataType dtype : {TF_FLOAT, TF_DOUBLE}) {
    const int64_t all = elements[dtype == TF_FLOAT ? 0 : 1];
    if (all == 0) continue;
    Gather gather(batch(dtype, all), scalars_for(dtype, dtype, lr, step), state);
    const auto add = [&](size_t i, auto type) {
      using T = decltype(type);
      const optibridge::Units& units = rows_[i];
      std::vector<T> sum(units.has_sums() ? static_cast<size_t>(units.width()) : 0);
      for (int64_t unit = 0; unit < units.size(); unit++) {
        const T* gradient = units.gradient(unit, sum.data());
        gather.add(i, static_cast<char*>(params[i].data),
                   units.offset(unit) * static_cast<int64_t>(sizeof(T)),
                   reinterpret_cast<const char*>(gradient), units.length(unit));
      }
    };
    for (size_t i = 0; i < rows_.size(); i++) {
      if (tfb::tf_type(params[i].dtype) != dtype) continue;
      dtype == TF_FLOAT ? add(i, float()) : add(i, double());
    }
    gather.run();
  }
}
