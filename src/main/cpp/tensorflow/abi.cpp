#include <cstring>

#include "tensorflow/algorithm.h"
#include "tensorflow/guard.h"
#include "tensorflow/ob_tensorflow.h"
#include "tensorflow/variables.h"

namespace tfb = optibridge::tensorflow_bridge;
using tfb::Algorithm;
using tfb::guarded;
using tfb::Handle;
using tfb::Op;
using tfb::Piece;
using tfb::SlotSpec;
using tfb::Variable;

namespace {

// One variable with all that a step of it takes.
struct Unit {
  const Variable* weights;
  std::vector<const Variable*> slots;
  Handle gradient;
  tfb::Tensor staging;  // where a misaligned gradient is copied to at each step
  const void* source = nullptr;
  std::string name;
  tfb::Call call;
  std::unique_ptr<Op> op;
};

// The scalars of a step in one dtype, made anew only when they change.
struct Scalars {
  std::vector<double> values;
  std::vector<Handle> handles;

  void update(TF_DataType dtype, const std::vector<double>& next) {
    handles.resize(next.size());
    values.resize(next.size());
    for (size_t i = 0; i < next.size(); i++) {
      if (handles[i] == nullptr || values[i] != next[i]) {
        handles[i] = tfb::scalar(dtype, next[i]);
        values[i] = next[i];
      }
    }
  }
};

int64_t bytes_of(const Variable& variable) {
  return variable.numel() * tfb::size_of(variable.dtype());
}

}  // namespace

struct ob_tf_optimizer {
  std::unique_ptr<Algorithm> algorithm;
  std::vector<SlotSpec> slots;
  std::string slots_text;
  std::vector<Unit> units;
  Scalars scalars[2];
  bool bound = false;
  bool checked = false;  // that what is bound is stepped in place

  Scalars& scalars_of(TF_DataType dtype) { return scalars[dtype == TF_FLOAT ? 0 : 1]; }

  void run(Unit& unit) {
    if (unit.staging != nullptr) {
      const int64_t bytes = bytes_of(*unit.weights);
      std::memcpy(TF_TensorData(unit.staging.get()), unit.source, static_cast<size_t>(bytes));
      ob_count(OB_COPIED_BYTES, bytes);
    }
    Op& op = unit.op->begin();
    const Scalars& of = scalars_of(unit.weights->dtype());
    size_t next = 0;
    for (const char input : unit.call.inputs) {
      switch (input) {
        case 'w':
          op.input(unit.weights->resource());
          break;
        case 'g':
          op.input(unit.gradient);
          break;
        case 's':
          op.input(of.handles.at(next++));
          break;
        default:
          op.input(unit.slots[static_cast<size_t>(input - '0')]->resource());
      }
    }
    for (const auto& [name, value] : unit.call.flags) op.flag(name, value);
    op.run(unit.name);
  }
};

namespace {

ob_tf_optimizer& checked(ob_tf_optimizer* optimizer) {
  if (optimizer == nullptr) throw std::invalid_argument("the handle is null");
  return *optimizer;
}

bool has_slot(const ob_tf_optimizer* optimizer, int32_t slot) {
  return optimizer != nullptr && slot >= 0 && static_cast<size_t>(slot) < optimizer->slots.size();
}

Unit make_unit(const Algorithm& algorithm, const Piece& piece, const ob_tensor* grads) {
  Unit unit;
  unit.weights = piece.variable.get();
  unit.name = grads[piece.first].name;
  if (piece.count > 1) {
    unit.name += "' to '";
    unit.name += grads[piece.first + piece.count - 1].name;
  }
  const Variable& weights = *unit.weights;
  void* data = grads[piece.first].data;
  if (weights.numel() == 0) {
    data = weights.data();
  } else if (!tfb::aligned(data)) {
    unit.source = data;
    unit.staging.reset(TF_AllocateTensor(weights.dtype(), weights.shape().data(),
                                         static_cast<int>(weights.shape().size()),
                                         static_cast<size_t>(bytes_of(weights))));
    if (unit.staging == nullptr) throw std::bad_alloc();
  }
  unit.gradient = unit.staging != nullptr ? tfb::handle_of(unit.staging.get())
                                          : tfb::borrow(weights.dtype(), weights.shape(), data);
  unit.call = algorithm.call(weights.dtype(), weights.shape().size());
  unit.op = std::make_unique<Op>(unit.call.op.c_str());
  return unit;
}

void check_gradients(const ob_tf_variables& params, const ob_tensor* grads) {
  for (size_t i = 0; i < params.numels.size(); i++) {
    if (grads[i].numel != params.numels[i] || grads[i].dtype != params.dtypes[i]) {
      throw std::invalid_argument("the gradient '" + std::string(grads[i].name) +
                                  "' is not of its parameter's size and dtype");
    }
    if (grads[i].device_type != OB_CPU) {
      throw optibridge::Unsupported("the gradient '" + std::string(grads[i].name) +
                                    "' is not in host memory");
    }
  }
}

}  // namespace

extern "C" {

ob_result ob_tf_variables_create(int64_t tensors, const int32_t* dtypes, const int32_t* ndims,
                                 const int64_t* shapes, int32_t layout, int64_t* addresses,
                                 ob_tf_variables** out) OB_NOEXCEPT {
  return guarded("tensorflow_variables", [&] {
    if (tensors < 0 || layout < 0 || layout > 2) {
      throw std::invalid_argument("tensors is negative or layout unknown");
    }
    auto made = tfb::make_variables(tensors, dtypes, ndims, shapes, tfb::Layout(layout));
    for (const Piece& piece : made->pieces) {
      for (int64_t i = piece.first; i < piece.first + piece.count; i++) {
        addresses[i] = reinterpret_cast<int64_t>(piece.variable->data()) + made->offsets[i];
      }
      ob_count(OB_LIVE_BYTES, bytes_of(*piece.variable));
    }
    *out = made.release();
  });
}

void ob_tf_variables_destroy(ob_tf_variables* variables) OB_NOEXCEPT {
  if (variables == nullptr) return;
  for (const Piece& piece : variables->pieces) {
    ob_count(OB_LIVE_BYTES, -bytes_of(*piece.variable));
  }
  delete variables;
}

ob_result ob_tf_create(const char* class_name, const char* option_names, const double* values,
                       int32_t count, ob_tf_optimizer** out) OB_NOEXCEPT {
  return guarded("tensorflow_create", [&] {
    if (class_name == nullptr || out == nullptr) {
      throw std::invalid_argument("class_name and out must not be null");
    }
    auto optimizer = std::make_unique<ob_tf_optimizer>();
    optimizer->algorithm =
        tfb::make_algorithm(tfb::Options(class_name, option_names, values, count));
    optimizer->slots = optimizer->algorithm->slots();
    for (const SlotSpec& slot : optimizer->slots) {
      optimizer->slots_text += (optimizer->slots_text.empty() ? "" : "\n") + slot.name;
    }
    *out = optimizer.release();
  });
}

void ob_tf_destroy(ob_tf_optimizer* optimizer) OB_NOEXCEPT { delete optimizer; }

const char* ob_tf_slots(const ob_tf_optimizer* optimizer) OB_NOEXCEPT {
  return optimizer == nullptr ? "" : optimizer->slots_text.c_str();
}

double ob_tf_slot_initial(const ob_tf_optimizer* optimizer, int32_t slot) OB_NOEXCEPT {
  return has_slot(optimizer, slot) ? optimizer->slots[static_cast<size_t>(slot)].initial : 0;
}

int32_t ob_tf_slot_kind(const ob_tf_optimizer* optimizer, int32_t slot) OB_NOEXCEPT {
  return has_slot(optimizer, slot) ? optimizer->slots[static_cast<size_t>(slot)].kind : -1;
}

int32_t ob_tf_elementwise(const ob_tf_optimizer* optimizer) OB_NOEXCEPT {
  return optimizer != nullptr && optimizer->algorithm->elementwise() ? 1 : 0;
}

ob_result ob_tf_bind(ob_tf_optimizer* optimizer, const ob_tf_variables* params,
                     const int64_t* slots, int32_t slot_count, const ob_tensor* grads,
                     int64_t tensors) OB_NOEXCEPT {
  return guarded("tensorflow_bind", [&] {
    ob_tf_optimizer& o = checked(optimizer);
    o.bound = false;
    o.checked = false;
    o.units.clear();
    if (params == nullptr || static_cast<size_t>(tensors) != params->numels.size() ||
        static_cast<size_t>(slot_count) != o.slots.size()) {
      throw std::invalid_argument("there are more or fewer tensors or slots than parameters need");
    }
    check_gradients(*params, grads);
    if (!tfb::fits(*params, grads)) {
      throw std::invalid_argument("the gradients do not lie as the merged variables do");
    }
    std::vector<Unit> units;
    for (size_t i = 0; i < params->pieces.size(); i++) {
      Unit unit = make_unit(*o.algorithm, params->pieces[i], grads);
      for (int32_t slot = 0; slot < slot_count; slot++) {
        const auto* variables = reinterpret_cast<const ob_tf_variables*>(slots[slot]);
        if (variables == nullptr || variables->pieces.size() != params->pieces.size()) {
          throw std::invalid_argument("a slot is not laid out as the parameters");
        }
        unit.slots.push_back(variables->pieces[i].variable.get());
      }
      units.push_back(std::move(unit));
    }
    o.units = std::move(units);
    o.bound = true;
  });
}

ob_result ob_tf_step(ob_tf_optimizer* optimizer, double lr, int64_t step) OB_NOEXCEPT {
  return guarded("tensorflow_step", [&] {
    ob_tf_optimizer& o = checked(optimizer);
    if (!o.bound) throw std::invalid_argument("nothing is bound yet");
    if (step < 1) throw std::invalid_argument("steps count from 1");
    bool computed[2] = {false, false};
    for (Unit& unit : o.units) {
      const TF_DataType dtype = unit.weights->dtype();
      if (unit.weights->numel() == 0) continue;
      bool& done = computed[dtype == TF_FLOAT ? 0 : 1];
      if (!done) o.scalars_of(dtype).update(dtype, o.algorithm->scalars(dtype, lr, step));
      done = true;
      o.run(unit);
    }
    // A kernel that wrote in place once will do so again.
    for (const Unit& unit : o.units) {
      if (o.checked && unit.call.is_kernel) continue;
      unit.weights->check_in_place(unit.name);
      for (const Variable* slot : unit.slots) slot->check_in_place(unit.name);
    }
    o.checked = true;
  });
}

const char* ob_tf_version(void) OB_NOEXCEPT { return TF_Version(); }

ob_result ob_tf_set_threads(int32_t intra_op, int32_t inter_op) OB_NOEXCEPT {
  return guarded("tensorflow_set_threads", [&] { tfb::set_threads(intra_op, inter_op); });
}

int32_t ob_tf_devices(const char* type) OB_NOEXCEPT {
  try {
    const tfb::Status status;
    TF_DeviceList* devices = TFE_ContextListDevices(tfb::context(), status.get());
    status.check("devices");
    int32_t found = 0;
    for (int i = 0; i < TF_DeviceListCount(devices); i++) {
      const char* of = TF_DeviceListType(devices, i, status.get());
      if (of != nullptr && std::strcmp(of, type) == 0) found++;
    }
    TF_DeleteDeviceList(devices);
    return found;
  } catch (...) {
    return 0;
  }
}

ob_result ob_tf_raise_for_test(int32_t kind) OB_NOEXCEPT {
  return guarded("tensorflow_raise_for_test", [&] {
    switch (kind) {
      case 0:
        return;
      case 1:
        throw std::bad_alloc();
      case 2:
        throw std::invalid_argument("raised for a test");
      case 3:
        throw std::runtime_error("raised for a test");
      case 4:
        throw 4;
      case 5: {
        Op op("AddV2");
        op.input(tfb::scalar(TF_FLOAT, 1)).input(tfb::scalar(TF_DOUBLE, 1)).run_for_one("a test");
        return;
      }
      default:
        throw std::invalid_argument("no such kind");
    }
  });
}

}  // extern "C"
