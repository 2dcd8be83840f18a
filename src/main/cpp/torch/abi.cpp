#include <ATen/core/grad_mode.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <string>

#include "core/guard.h"
#include "core/raise_for_test.h"
#include "torch/guard.h"
#include "torch/handle.h"
#include "torch/imported.h"
#include "torch/row_step.h"
#include "torch/threads.h"

using optibridge::torch_bridge::Algorithm;
using optibridge::torch_bridge::guarded;
using optibridge::torch_bridge::Options;
using optibridge::torch_bridge::SlotSpec;
using optibridge::torch_bridge::ThreadScope;

namespace optibridge::torch_bridge {
namespace {

// Kernels share out one tensor at a time. With none of this size, a step takes less time than
// waking other threads for each tensor would.
constexpr int64_t kAloneBelow = 65536;

ob_torch_optimizer& checked(ob_torch_optimizer* optimizer) {
  if (optimizer == nullptr) throw std::invalid_argument("the handle is null");
  return *optimizer;
}

ob_torch_optimizer& bound(ob_torch_optimizer* optimizer) {
  if (!checked(optimizer).bound) throw std::invalid_argument("nothing is bound yet");
  return *optimizer;
}

bool has_slot(const ob_torch_optimizer* optimizer, int32_t slot) {
  return optimizer != nullptr && slot >= 0 && static_cast<size_t>(slot) < optimizer->slots.size();
}

bool alone(const ob_torch_optimizer& optimizer) {
  bool small = true;
  optimizer.each([&](const Algorithm& algorithm, double) {
    small = small && algorithm.binding().on_cpu() && algorithm.largest() < kAloneBelow;
  });
  return small;
}

// Before a step of the algorithms' own, which neither know of steps by rows nor tell of their own.
void own_step(ob_torch_optimizer& optimizer) {
  optimizer.each_part([](ob_torch_optimizer& part, double) {
    if (part.rows_were_stepped) part.algorithm->sync();
    part.rows_were_stepped = false;
    part.rows_are_known = false;
  });
}

template <class Step>
void step(ob_torch_optimizer* optimizer, Step&& step) {
  const ob_torch_optimizer& o = bound(optimizer);
  own_step(*optimizer);
  const ThreadScope scope(alone(o));
  std::vector<const Gradients::List*> lists;
  o.each([&](const Algorithm& algorithm, double) { lists.push_back(&algorithm.binding().grads); });
  const Gradients gradients(std::move(lists), norms_on_threads);
  o.each([&](Algorithm& algorithm, double) {
    if (algorithm.binding().size() > 0) algorithm.before_step(gradients);
  });
  o.each([&](Algorithm& algorithm, double rate) {
    if (algorithm.binding().size() > 0) step(algorithm, rate);
  });
}

}  // namespace

std::unique_ptr<Algorithm> make_algorithm(const Options& options, bool fused) {
  if (auto imported = make_imported(options)) return imported;
  if (!fused) {
    auto added = make_added(options);
    if (added == nullptr) added = make_third_party(options);
    return added != nullptr ? std::move(added) : make_plain(options);
  }
  const std::string& name = options.class_name();
  if (name == "SGD") return make_fused_sgd(options);
  if (name == "Adam" || name == "AdamW") return make_fused_adam(options);
  if (name == "Adagrad") return make_fused_adagrad(options);
  throw std::invalid_argument(name + " has no fused kernel");
}

}  // namespace optibridge::torch_bridge

namespace tb = optibridge::torch_bridge;

extern "C" {

ob_result ob_torch_create(const char* class_name, int32_t fused, const char* option_names,
                          const double* values, int32_t count,
                          ob_torch_optimizer** out) OB_NOEXCEPT {
  return guarded("torch_create", [&] {
    if (class_name == nullptr || out == nullptr) {
      throw std::invalid_argument("class_name and out must not be null");
    }
    if (fused != 0 && fused != 1) throw std::invalid_argument("fused must be 0 or 1");
    const Options options(class_name, tb::rules_of(class_name), option_names, values, count);
    auto optimizer = std::make_unique<ob_torch_optimizer>();
    optimizer->algorithm = tb::make_algorithm(options, fused == 1);
    optimizer->row_step = tb::make_row_step(options);
    tb::set_slots(*optimizer, optimizer->algorithm->slots());
    *out = optimizer.release();
  });
}

ob_result ob_torch_join(ob_torch_optimizer* const* groups, const double* rates, int32_t count,
                        ob_torch_optimizer** out) OB_NOEXCEPT {
  return guarded("torch_join", [&] {
    if (out == nullptr) throw std::invalid_argument("out must not be null");
    *out = tb::join(groups, rates, count).release();
  });
}

ob_result ob_torch_take(ob_torch_optimizer* optimizer, ob_torch_optimizer* from) OB_NOEXCEPT {
  return guarded("torch_take", [&] { tb::take(tb::checked(optimizer), tb::checked(from)); });
}

void ob_torch_destroy(ob_torch_optimizer* optimizer) OB_NOEXCEPT { delete optimizer; }

const char* ob_torch_slots(const ob_torch_optimizer* optimizer) OB_NOEXCEPT {
  return optimizer == nullptr ? "" : optimizer->slots_text.c_str();
}

double ob_torch_slot_initial(const ob_torch_optimizer* optimizer, int32_t slot) OB_NOEXCEPT {
  return tb::has_slot(optimizer, slot) ? optimizer->slots[slot].initial : 0;
}

int32_t ob_torch_slot_kind(const ob_torch_optimizer* optimizer, int32_t slot) OB_NOEXCEPT {
  return tb::has_slot(optimizer, slot) ? static_cast<int32_t>(optimizer->slots[slot].kind) : -1;
}

ob_result ob_torch_slot_shape(const ob_torch_optimizer* optimizer, int32_t slot, const char* name,
                              const int64_t* param, int32_t ndim, int64_t* out) OB_NOEXCEPT {
  return guarded("torch_slot_shape", [&] {
    if (!tb::has_slot(optimizer, slot) || name == nullptr || ndim < 0 ||
        (param == nullptr && ndim > 0) || out == nullptr) {
      throw std::invalid_argument("the optimizer or slot does not exist, or an argument is null");
    }
    if (optimizer->algorithm == nullptr) {
      throw std::invalid_argument("a slot's shape is a matter of each group");
    }
    const tb::SlotShape shape_of = [&](size_t s, c10::IntArrayRef p) {
      return optimizer->algorithm->slot_shape(s, p);
    };
    const std::vector<int64_t> shape =
        tb::shape_of_slot(shape_of, slot, name, c10::IntArrayRef(param, static_cast<size_t>(ndim)));
    out[0] = static_cast<int64_t>(shape.size());
    std::copy(shape.begin(), shape.end(), out + 1);
  });
}

ob_result ob_torch_bind(ob_torch_optimizer* optimizer, const ob_tensor* params,
                        const ob_tensor* grads, const int64_t* slots, int32_t slot_count,
                        int64_t tensors) OB_NOEXCEPT {
  return ob_torch_bind_some(optimizer, params, grads, tensors, nullptr, slots, slot_count, tensors);
}

ob_result ob_torch_bind_some(ob_torch_optimizer* optimizer, const ob_tensor* params,
                             const ob_tensor* grads, int64_t count, const int64_t* which,
                             const int64_t* slots, int32_t slot_count,
                             int64_t tensors) OB_NOEXCEPT {
  return guarded("torch_bind", [&] {
    tb::bind_some(tb::checked(optimizer), params, grads, count, which, slots, slot_count, tensors);
    optimizer->names.clear();
    for (int64_t i = 0; i < count; ++i) optimizer->names.emplace_back(params[i].name);
    optimizer->each_part([](ob_torch_optimizer& part, double) { part.rows_are_known = false; });
  });
}

ob_result ob_torch_assign_groups(ob_torch_optimizer* optimizer, const int32_t* groups,
                                 int64_t tensors) OB_NOEXCEPT {
  return guarded("torch_assign_groups", [&] {
    ob_torch_optimizer& o = tb::checked(optimizer);
    if (tensors < 0 || (tensors > 0 && groups == nullptr)) {
      throw std::invalid_argument("groups must not be null");
    }
    std::vector<int32_t> members(groups, groups + tensors);
    for (const int32_t group : members) {
      if (group < 0 || static_cast<size_t>(group) >= o.groups.size()) {
        throw std::invalid_argument("there is no group " + std::to_string(group));
      }
    }
    o.members = std::move(members);
  });
}

ob_result ob_torch_sync(ob_torch_optimizer* optimizer) OB_NOEXCEPT {
  return guarded("torch_sync", [&] {
    tb::bound(optimizer).each_part([](ob_torch_optimizer& part, double) {
      part.algorithm->sync();
      part.rows_are_known = false;
    });
  });
}

ob_result ob_torch_step(ob_torch_optimizer* optimizer, double lr) OB_NOEXCEPT {
  return guarded("torch_step", [&] {
    tb::step(optimizer, [&](Algorithm& algorithm, double rate) { algorithm.step(lr * rate); });
  });
}

ob_result ob_torch_step_whole(ob_torch_optimizer* optimizer, double lr) OB_NOEXCEPT {
  return guarded("torch_step_whole", [&] {
    tb::step(optimizer,
             [&](Algorithm& algorithm, double rate) { algorithm.step_whole(lr * rate); });
  });
}

int32_t ob_torch_has_blocks(const ob_torch_optimizer* optimizer) OB_NOEXCEPT {
  bool all = optimizer != nullptr;
  if (all) optimizer->each([&](const Algorithm& part, double) { all = all && part.has_blocks(); });
  return all ? 1 : 0;
}

int32_t ob_torch_has_eval_weights(const ob_torch_optimizer* optimizer) OB_NOEXCEPT {
  bool any = false;
  if (optimizer != nullptr) {
    optimizer->each([&](const Algorithm& part, double) { any = any || part.has_eval_weights(); });
  }
  return any ? 1 : 0;
}

ob_result ob_torch_move_weights(ob_torch_optimizer* optimizer, int32_t to_eval) OB_NOEXCEPT {
  return guarded("torch_move_weights", [&] {
    tb::bound(optimizer).each(
        [&](Algorithm& algorithm, double) { algorithm.move_weights(to_eval != 0); });
  });
}

ob_result ob_torch_step_rows(ob_torch_optimizer* optimizer, const ob_rows* gradients,
                             double lr) OB_NOEXCEPT {
  return guarded("torch_step_rows", [&] {
    ob_torch_optimizer& o = tb::bound(optimizer);
    if (gradients == nullptr) throw std::invalid_argument("gradients must not be null");
    size_t tensors = 0;
    o.each_part([&](ob_torch_optimizer& part, double) {
      if (!part.algorithm->binding().on_cpu()) {
        throw optibridge::Unsupported("rows are stepped in host memory only");
      }
      part.units.resize(part.algorithm->binding().size());
      tensors += part.units.size();
    });
    for (size_t i = 0; i < tensors; ++i) {
      const auto [part, index] = o.place_of(i);
      const c10::IntArrayRef shape = part->algorithm->binding().params[index].sizes();
      part->units[index].prepare(gradients[i], o.names[i], shape.data(), shape.size());
      if (part->units[index].dense() && !part->row_step->takes_dense()) {
        throw std::invalid_argument("the gradient of '" + o.names[i] +
                                    "' is dense and must be sparse");
      }
    }
    o.each_part([&](ob_torch_optimizer& part, double rate) {
      if (!part.rows_are_known) part.row_step->sync(part.algorithm->binding());
      part.rows_are_known = true;
      part.rows_were_stepped = true;
      part.row_step->step(part.algorithm->mutable_binding(), part.units, lr * rate);
    });
  });
}

const char* ob_torch_rows_refusal(const ob_torch_optimizer* optimizer) OB_NOEXCEPT {
  const char* reason = nullptr;
  if (optimizer != nullptr) {
    optimizer->each_part([&](const ob_torch_optimizer& part, double) {
      if (reason == nullptr) reason = part.row_step->refusal();
    });
  }
  return reason == nullptr ? "" : reason;
}

ob_result ob_torch_begin_blocks(ob_torch_optimizer* optimizer, double lr) OB_NOEXCEPT {
  return guarded("torch_begin_blocks", [&] {
    const ob_torch_optimizer& o = tb::bound(optimizer);
    o.each([](const Algorithm& algorithm, double) {
      if (!algorithm.has_blocks()) {
        throw optibridge::Unsupported("this algorithm can't step a part of a tensor");
      }
    });
    tb::own_step(*optimizer);
    o.each([&](Algorithm& algorithm, double rate) { algorithm.begin_blocks(lr * rate); });
  });
}

ob_result ob_torch_step_block(void* optimizer, int64_t tensor, int64_t offset, int64_t n,
                              const void* gradient, void* param) OB_NOEXCEPT {
  return guarded("torch_step_block", [&] {
    // The threads are those of the sweep.
    const ThreadScope scope(true);
    const auto& o = *static_cast<ob_torch_optimizer*>(optimizer);
    if (o.algorithm != nullptr) {
      o.algorithm->step_block(static_cast<size_t>(tensor), offset, n, gradient, param);
      return;
    }
    const ob_torch_optimizer::Place place = o.places[static_cast<size_t>(tensor)];
    o.groups[place.group].optimizer->algorithm->step_block(static_cast<size_t>(place.index), offset,
                                                           n, gradient, param);
  });
}

ob_result ob_torch_end_blocks(ob_torch_optimizer* optimizer) OB_NOEXCEPT {
  return guarded("torch_end_blocks", [&] {
    tb::bound(optimizer).each([](Algorithm& algorithm, double) { algorithm.end_blocks(); });
  });
}

int64_t ob_torch_step_block_address(void) OB_NOEXCEPT {
  return reinterpret_cast<int64_t>(&ob_torch_step_block);
}

void ob_torch_share_threads(void) OB_NOEXCEPT { ob_set_executor(tb::run_on_threads); }

ob_result ob_torch_zero(ob_torch_optimizer* optimizer) OB_NOEXCEPT {
  return guarded("torch_zero", [&] {
    const at::NoGradGuard no_grad;
    const ob_torch_optimizer& o = tb::bound(optimizer);
    const ThreadScope scope(tb::alone(o));
    o.each([](const Algorithm& algorithm, double) {
      for (const at::Tensor& param : algorithm.binding().params) param.zero_();
    });
  });
}

const char* ob_torch_version(void) OB_NOEXCEPT { return TORCH_VERSION; }

int32_t ob_torch_threads(void) OB_NOEXCEPT { return tb::threads(); }

void ob_torch_set_threads(int32_t threads) OB_NOEXCEPT {
  // Nothing to report here: libtorch refuses only numbers below one.
  ob_error_free(
      reinterpret_cast<ob_error*>(guarded("torch_set_threads", [&] { tb::set_threads(threads); })));
}

int32_t ob_torch_cuda_devices(void) OB_NOEXCEPT {
  try {
    return static_cast<int32_t>(torch::cuda::device_count());
  } catch (...) {
    return 0;  // a CUDA build without a driver
  }
}

ob_result ob_torch_raise_for_test(int32_t kind) OB_NOEXCEPT {
  return guarded("torch_raise_for_test", [&] {
    optibridge::raise_for_test(kind);
    switch (kind) {
      case 0:
        return;
      case 5:
        TORCH_CHECK(false, "raised for a test");
      case 6:
        TORCH_CHECK_WITH(OutOfMemoryError, false, "raised for a test");
      default:
        throw std::invalid_argument("no such kind");
    }
  });
}

}  // extern "C"
