#include <cstring>

#include "core/raise_for_test.h"
#include "tensorflow/guard.h"
#include "tensorflow/ob_tensorflow.h"
#include "tensorflow/optimizer.h"

namespace tfb = optibridge::tensorflow_bridge;
using tfb::guarded;
using tfb::Op;
using tfb::Piece;

namespace {

ob_tf_optimizer& checked(ob_tf_optimizer* optimizer) {
  if (optimizer == nullptr) throw std::invalid_argument("the handle is null");
  return *optimizer;
}

bool has_slot(const ob_tf_optimizer* optimizer, int32_t slot) {
  return optimizer != nullptr && slot >= 0 && static_cast<size_t>(slot) < optimizer->slots.size();
}

// The slots of an optimizer for that many tensors.
std::vector<const ob_tf_variables*> state_of(const ob_tf_optimizer& optimizer, const int64_t* slots,
                                             int32_t slot_count, size_t tensors) {
  if (static_cast<size_t>(slot_count) != optimizer.slots.size()) {
    throw std::invalid_argument("there are more or fewer slots than the optimizer has");
  }
  std::vector<const ob_tf_variables*> state;
  for (int32_t i = 0; i < slot_count; i++) {
    const auto* variables = reinterpret_cast<const ob_tf_variables*>(slots[i]);
    if (variables == nullptr || variables->numels.size() != tensors) {
      throw std::invalid_argument("a slot is not of the parameters");
    }
    state.push_back(variables);
  }
  return state;
}

}  // namespace

extern "C" {

ob_result ob_tf_variables_create(int64_t tensors, const int32_t* dtypes, const int32_t* ndims,
                                 const int64_t* shapes, int32_t layout, const char* device,
                                 int64_t* addresses, ob_tf_variables** out) OB_NOEXCEPT {
  return guarded("tensorflow_variables", [&] {
    if (tensors < 0 || layout < 0 || layout > 2) {
      throw std::invalid_argument("tensors is negative or layout unknown");
    }
    auto made = tfb::make_variables(tensors, dtypes, ndims, shapes, tfb::Layout(layout), device);
    for (size_t i = 0; i < made->data.size(); i++) {
      addresses[i] = reinterpret_cast<int64_t>(made->data[i]);
    }
    for (const Piece& piece : made->pieces) ob_count(OB_LIVE_BYTES, piece.variable->bytes());
    *out = made.release();
  });
}

void ob_tf_variables_destroy(ob_tf_variables* variables) OB_NOEXCEPT {
  if (variables == nullptr) return;
  for (const Piece& piece : variables->pieces) ob_count(OB_LIVE_BYTES, -piece.variable->bytes());
  delete variables;
}

ob_result ob_tf_variables_push(ob_tf_variables* variables) OB_NOEXCEPT {
  return guarded("tensorflow_push", [&] {
    for (const Piece& piece : variables->pieces) piece.variable->push();
  });
}

ob_result ob_tf_variables_pull(ob_tf_variables* variables) OB_NOEXCEPT {
  return guarded("tensorflow_pull", [&] {
    for (const Piece& piece : variables->pieces) piece.variable->pull();
  });
}

ob_result ob_tf_create(const char* class_name, const char* option_names, const double* values,
                       int32_t count, ob_tf_optimizer** out) OB_NOEXCEPT {
  return guarded("tensorflow_create", [&] {
    if (class_name == nullptr || out == nullptr) {
      throw std::invalid_argument("class_name and out must not be null");
    }
    auto optimizer = std::make_unique<ob_tf_optimizer>(
        tfb::make_algorithm(tfb::Options(class_name, option_names, values, count)));
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

int32_t ob_tf_rows_are_enough(const ob_tf_optimizer* optimizer) OB_NOEXCEPT {
  return optimizer != nullptr && optimizer->algorithm->rows_are_enough() ? 1 : 0;
}

ob_result ob_tf_bind(ob_tf_optimizer* optimizer, const ob_tf_variables* params,
                     const int64_t* slots, int32_t slot_count, const ob_tensor* grads,
                     int64_t tensors, const int64_t* positions) OB_NOEXCEPT {
  return guarded("tensorflow_bind", [&] {
    ob_tf_optimizer& o = checked(optimizer);
    if (params == nullptr ||
        (positions == nullptr && static_cast<size_t>(tensors) != params->numels.size())) {
      throw std::invalid_argument("there are more or fewer gradients than parameters");
    }
    o.bind(*params, state_of(o, slots, slot_count, params->numels.size()), grads, tensors,
           positions);
  });
}

ob_result ob_tf_step(ob_tf_optimizer* optimizer, double lr, int64_t step) OB_NOEXCEPT {
  return guarded("tensorflow_step", [&] {
    if (step < 1) throw std::invalid_argument("steps count from 1");
    checked(optimizer).step(lr, step);
  });
}

ob_result ob_tf_step_rows(ob_tf_optimizer* optimizer, const ob_tensor* params, const int64_t* slots,
                          int32_t slot_count, const ob_rows* gradients, int64_t tensors, double lr,
                          int64_t step) OB_NOEXCEPT {
  return guarded("tensorflow_step_rows", [&] {
    ob_tf_optimizer& o = checked(optimizer);
    if (step < 1) throw std::invalid_argument("steps count from 1");
    if (!o.algorithm->rows_are_enough()) {
      throw optibridge::Unsupported("rows without a gradient move too");
    }
    o.step_rows(params, state_of(o, slots, slot_count, static_cast<size_t>(tensors)), gradients,
                tensors, lr, step);
  });
}

const char* ob_tf_version(void) OB_NOEXCEPT { return TF_Version(); }

ob_result ob_tf_set_threads(int32_t intra_op, int32_t inter_op) OB_NOEXCEPT {
  return guarded("tensorflow_set_threads", [&] { tfb::set_threads(intra_op, inter_op); });
}

ob_result ob_tf_set_cpus(int32_t cpus) OB_NOEXCEPT {
  return guarded("tensorflow_set_cpus", [&] { tfb::set_cpus(cpus); });
}

ob_result ob_tf_find_device(const char* name) OB_NOEXCEPT {
  return guarded("tensorflow_find_device", [&] { tfb::device_named(name); });
}

ob_result ob_tf_raise_for_test(int32_t kind) OB_NOEXCEPT {
  return guarded("tensorflow_raise_for_test", [&] {
    optibridge::raise_for_test(kind);
    switch (kind) {
      case 0:
        return;
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
