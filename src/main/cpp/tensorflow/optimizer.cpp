#include "tensorflow/optimizer.h"

#include <cstring>

#include "core/guard.h"

namespace optibridge::tensorflow_bridge {

void Scalars::update(TF_DataType dtype, const std::vector<double>& next) {
  handles.resize(next.size());
  values.resize(next.size());
  for (size_t i = 0; i < next.size(); i++) {
    if (handles[i] == nullptr || values[i] != next[i]) {
      handles[i] = scalar(dtype, next[i]);
      values[i] = next[i];
    }
  }
}

void Unit::run(const Scalars& scalars) {
  if (staging != nullptr) {
    std::memcpy(TF_TensorData(staging.get()), source, static_cast<size_t>(weights->bytes()));
    ob_count(OB_COPIED_BYTES, weights->bytes());
    // TensorFlow keeps what it copied to a device as long as the handle.
    if (!weights->on_host()) gradient = handle_of(staging.get());
  }
  if (pure != nullptr) {
    pure->run(scalars.handles, name);
    return;
  }
  op->begin();
  size_t next = 0;
  for (const char input : call.inputs) {
    switch (input) {
      case 'w':
        op->input(weights->resource());
        break;
      case 'g':
        op->input(gradient);
        break;
      case 's':
        op->input(scalars.handles.at(next++));
        break;
      default:
        op->input(slots.at(static_cast<size_t>(input - '0'))->resource());
    }
  }
  for (const auto& [flag, value] : call.flags) op->flag(flag, value);
  op->run(name);
}

void Unit::check_in_place() {
  if (checked && call.is_kernel) return;
  weights->check_in_place(name);
  for (const Variable* slot : slots) slot->check_in_place(name);
  checked = true;
}

namespace {

Tensor allocated(const Variable& like) {
  Tensor tensor(TF_AllocateTensor(like.dtype(), like.shape().data(),
                                  static_cast<int>(like.shape().size()),
                                  static_cast<size_t>(like.bytes())));
  if (tensor == nullptr) throw std::bad_alloc();
  return tensor;
}

Unit unit_of(const Algorithm& algorithm, const Variable& weights,
             std::vector<const Variable*> slots, std::string name) {
  Unit unit;
  unit.weights = &weights;
  unit.name = std::move(name);
  std::vector<Algorithm::Shape> shapes;
  for (const Variable* slot : slots) shapes.push_back(slot->shape());
  unit.slots = std::move(slots);
  unit.call = algorithm.call_for(weights.dtype(), weights.shape(), shapes);
  if (!unit.call.is_pure) {
    unit.op = std::make_unique<Op>(unit.call.op.c_str(), weights.device());
  }
  return unit;
}

// What is stepped by the gradient at `data`.
Unit unit_for(const Algorithm& algorithm, const Variable& weights,
              std::vector<const Variable*> slots, std::string name, void* data) {
  Unit unit = unit_of(algorithm, weights, std::move(slots), std::move(name));
  if (weights.numel() == 0) data = weights.data();
  if (weights.numel() > 0 && (!aligned(data) || !weights.on_host())) {
    unit.source = data;
    unit.staging = allocated(weights);
    unit.gradient = handle_of(unit.staging.get());
  } else {
    unit.gradient = borrow(weights.dtype(), weights.shape(), data);
  }
  return unit;
}

std::string name_of(const ob_tensor* grads, int64_t count) {
  std::string name = grads[0].name;
  return count == 1 ? name : name + "' to '" + grads[count - 1].name;
}

void check_gradient(const ob_tf_variables& params, size_t position, const ob_tensor& grad) {
  const std::string name = grad.name;
  if (grad.numel != params.numels.at(position) || grad.dtype != params.dtypes[position]) {
    throw std::invalid_argument("the gradient '" + name +
                                "' is not of its parameter's size and dtype");
  }
  if (grad.device_type != OB_CPU) {
    throw optibridge::Unsupported("the gradient '" + name + "' is not in host memory");
  }
}

}  // namespace

Batch::Batch(const Algorithm& algorithm, size_t slot_count, TF_DataType dtype, int64_t of)
    : weights(dtype, {of}, kHost), gradient(allocated(weights)) {
  std::vector<const Variable*> all;
  for (size_t i = 0; i < slot_count; i++) {
    slots.push_back(std::make_unique<Variable>(dtype, std::vector<int64_t>{of}, kHost));
    all.push_back(slots.back().get());
  }
  unit = unit_of(algorithm, weights, std::move(all), "rows");
  unit.gradient = handle_of(gradient.get());
}

}  // namespace optibridge::tensorflow_bridge

namespace tfb = optibridge::tensorflow_bridge;

namespace {

// Elements up to which an imported step is tried before memory is bound to it, and the rate.
constexpr int64_t kProbed = 65536;
constexpr double kProbedRate = 1e-3;

}  // namespace

ob_tf_optimizer::ob_tf_optimizer(std::unique_ptr<Algorithm> of)
    : algorithm(std::move(of)), slots(algorithm->slots()) {
  for (const tfb::SlotSpec& slot : slots) {
    slots_text += (slots_text.empty() ? "" : "\n") + slot.name;
  }
}

void ob_tf_optimizer::bind(const ob_tf_variables& params,
                           const std::vector<const ob_tf_variables*>& state, const ob_tensor* grads,
                           int64_t tensors, const int64_t* positions) {
  bound_ = false;
  units_.clear();
  const auto position = [&](int64_t i) {
    return static_cast<size_t>(positions == nullptr ? i : positions[i]);
  };
  for (int64_t i = 0; i < tensors; i++) tfb::check_gradient(params, position(i), grads[i]);
  if (positions != nullptr && params.layout == tfb::Layout::MERGED) {
    throw std::invalid_argument("some of merged variables can't be stepped");
  }
  if (!tfb::fits(params, grads)) {
    throw std::invalid_argument("the gradients do not lie as the merged variables do");
  }
  for (const ob_tf_variables* slot : state) {
    if (slot == nullptr || slot->pieces.size() != params.pieces.size()) {
      throw std::invalid_argument("a slot is not laid out as the parameters");
    }
  }
  std::vector<tfb::Unit> units;
  int64_t grad = 0;
  while (grad < tensors) {
    // Merged variables are stepped all or none, others hold one tensor each.
    const size_t at = params.layout == tfb::Layout::MERGED ? units.size() : position(grad);
    const tfb::Piece& piece = params.pieces.at(at);
    std::vector<const tfb::Variable*> of;
    for (const ob_tf_variables* slot : state) of.push_back(slot->pieces[at].variable.get());
    units.push_back(tfb::unit_for(*algorithm, *piece.variable, std::move(of),
                                  tfb::name_of(grads + grad, piece.count), grads[grad].data));
    if (units.back().call.is_pure) make_pure(units.back(), grads[grad].data);
    grad += piece.count;
  }
  units_ = std::move(units);
  bound_ = true;
}

// Tries the step once for each length or shape, before memory is bound to it.
void ob_tf_optimizer::make_pure(tfb::Unit& unit, void* gradient) {
  const tfb::Variable& weights = *unit.weights;
  if (!weights.on_host()) {
    throw optibridge::Unsupported("imported steps run on the host, not on " + weights.device());
  }
  void* data = unit.staging != nullptr ? TF_TensorData(unit.staging.get()) : gradient;
  unit.pure = std::make_unique<tfb::PureStep>(*algorithm, unit.call, weights, unit.slots, data);
  if (unit.pure->numel() == 0 || unit.pure->numel() > kProbed) return;
  if (!probed_.insert({weights.dtype(), weights.shape()}).second) return;
  if (unit.staging != nullptr) {
    std::memcpy(data, unit.source, static_cast<size_t>(weights.bytes()));
  }
  try {
    const tfb::Scalars& scalars = scalars_for(weights.dtype(), TF_DOUBLE, kProbedRate, 1);
    unit.pure->probe(scalars.handles, unit.name);
  } catch (...) {
    probed_.erase({weights.dtype(), weights.shape()});
    throw;
  }
}

tfb::Scalars& ob_tf_optimizer::scalars_for(TF_DataType dtype, TF_DataType scalars, double lr,
                                           int64_t step) {
  tfb::Scalars& made = scalars_[scalars == TF_FLOAT ? 0 : 1];
  made.update(scalars, algorithm->scalars(dtype, lr, step));
  return made;
}

void ob_tf_optimizer::step(double lr, int64_t step) {
  if (!bound_) throw std::invalid_argument("nothing is bound yet");
  const tfb::Scalars* computed[2] = {nullptr, nullptr};
  for (tfb::Unit& unit : units_) {
    if (unit.weights->numel() == 0) continue;
    const TF_DataType dtype = unit.scalar_dtype();
    const tfb::Scalars*& scalars = computed[dtype == TF_FLOAT ? 0 : 1];
    if (scalars == nullptr) scalars = &scalars_for(unit.weights->dtype(), dtype, lr, step);
    unit.run(*scalars);
  }
  for (tfb::Unit& unit : units_) unit.check_in_place();
}
