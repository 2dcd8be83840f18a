#include "torch/program.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <set>
#include <sstream>
#include <stdexcept>

#include "core/guard.h"
#include "torch/threads.h"

namespace optibridge::torch_bridge {
namespace {

// Elements that a program gets at a time, and that it is tried on at most: with its temporaries
// they stay in the second-level cache.
constexpr int64_t kPiece = 16384;
constexpr int64_t kTried = 65536;
// Inputs before the options.
constexpr size_t kStep = 2, kRate = 3, kOptions = 4;

at::Tensor number(double value) {
  return at::full({}, value, at::TensorOptions().dtype(at::kDouble));
}

void set_number(const at::Tensor& tensor, double value) {
  *tensor.mutable_data_ptr<double>() = value;
}

class ProgramAlgorithm final : public FusedAlgorithm {
 public:
  ProgramAlgorithm(std::shared_ptr<const Program> program, const ProgramSpec& spec,
                   const Options& options)
      : program_(std::move(program)), spec_(spec), rate_(number(0)) {
    for (const std::string& option : spec.options)
      options_.push_back(number(options.get(option.c_str())));
    for (size_t s = 1; s < spec.slots.size(); ++s) {
      pieces_ = pieces_ && spec.slots[s].kind == SlotSpec::LIKE;
    }
    pieces_ = pieces_ && spec.element_wise;
  }

  std::vector<SlotSpec> slots() const override { return spec_.slots; }

  void bind(Binding binding) override {
    std::set<std::pair<at::ScalarType, std::vector<int64_t>>> tried;
    for (const at::Tensor& param : binding.params) {
      program_->require(param);
      const std::vector<int64_t> shape = shaped(param).sizes().vec();
      // A short one first: compiled code that was made for one size only would do less harm.
      if (spec_.flat) try_on(param, {3}, tried);
      if (param.numel() > 0 && param.numel() <= kTried) try_on(param, shape, tried);
    }
    FusedAlgorithm::bind(std::move(binding));
    steps_.clear();
    for (size_t i = 0; i < binding_.size(); ++i) steps_.push_back(number(0));
  }

  void sync() override {
    if (pieces_) {
      FusedAlgorithm::sync();
    } else {
      runs_ = binding_;
    }
  }

  void step(double lr) override {
    const at::NoGradGuard no_grad;
    set_number(rate_, lr);
    for (size_t i = 0; i < runs_.size(); ++i) {
      if (runs_.params[i].numel() == 0) continue;
      set_number(steps_[i], scalar_of(runs_.slots[0][i]) + 1.0);
      if (pieces_ && program_->prefers_pieces() && binding_.on_cpu()) {
        step_in_pieces(i);
      } else {
        call(inputs_of(runs_, i, steps_[i]));
      }
    }
    count_step(binding_);
  }

  bool has_blocks() const override { return pieces_ && binding_.on_cpu(); }

  void begin_blocks(double lr) override {
    FusedAlgorithm::begin_blocks(lr);
    set_number(rate_, lr);
    for (size_t i = 0; i < binding_.size(); ++i) {
      set_number(steps_[i], scalar_of(binding_.slots[0][i]));
    }
  }

  void step_block(size_t tensor, int64_t offset, int64_t n, const void* gradient,
                  void* param) override {
    const at::NoGradGuard no_grad;
    const at::Tensor& like = binding_.params[tensor];
    std::vector<at::Tensor> inputs =
        with_numbers(elements_at(param, n, like), elements_at(gradient, n, like), steps_[tensor]);
    for (size_t s = 1; s < spec_.slots.size(); ++s) {
      inputs.push_back(stretch_of(binding_.slots[s][tensor], offset, n));
    }
    call(inputs);
  }

 private:
  // A tensor without dimension would be promoted to the dtype of the numbers: it gets one.
  at::Tensor shaped(const at::Tensor& tensor) const {
    return spec_.flat || tensor.dim() == 0 ? tensor.view(-1) : tensor;
  }

  std::vector<at::Tensor> with_numbers(const at::Tensor& param, const at::Tensor& grad,
                                       const at::Tensor& step) const {
    std::vector<at::Tensor> inputs = {param, grad, step, rate_};
    inputs.insert(inputs.end(), options_.begin(), options_.end());
    return inputs;
  }

  std::vector<at::Tensor> inputs_of(const Binding& from, size_t i, const at::Tensor& step) const {
    auto inputs = with_numbers(shaped(from.params[i]), shaped(from.grads[i]), step);
    for (size_t s = 1; s < spec_.slots.size(); ++s) {
      const at::Tensor& slot = from.slots[s][i];
      inputs.push_back(spec_.slots[s].kind == SlotSpec::LIKE ? shaped(slot) : slot);
    }
    return inputs;
  }

  // The target of result k.
  const at::Tensor& target(const std::vector<at::Tensor>& inputs, size_t k) const {
    return k == 0 ? inputs[0] : inputs[kOptions + spec_.options.size() + k - 1];
  }

  // Runs the program; what it returns is checked as a whole and then copied to where it belongs.
  void call(const std::vector<at::Tensor>& inputs) const {
    std::vector<at::Tensor> results = program_->run(inputs);
    if (spec_.in_place) return;
    const size_t wanted = 1 + spec_.states();
    if (results.size() != wanted) {
      fail("returned ", results.size(), " tensors and must return ", wanted, ": ", results_text());
    }
    for (size_t k = 0; k < wanted; ++k) {
      const at::Tensor& to = target(inputs, k);
      at::Tensor& from = results[k];
      if (!from.defined() || from.sizes() != to.sizes() || from.scalar_type() != to.scalar_type() ||
          from.device() != to.device() || from.layout() != at::kStrided) {
        fail("returned ", from.toString(), from.defined() ? from.sizes() : at::IntArrayRef(),
             " as new '", k == 0 ? "param" : spec_.slots[k].name, "' and must return ",
             to.toString(), to.sizes());
      }
      // What it returns may be what another result is about to be copied to.
      const auto same_memory = [&](const at::Tensor& input) { return from.is_alias_of(input); };
      if (!from.is_same(to) && std::any_of(inputs.begin(), inputs.end(), same_memory)) {
        from = from.clone();
      }
    }
    for (size_t k = 0; k < wanted; ++k) {
      const at::Tensor& to = target(inputs, k);
      if (results[k].is_same(to)) continue;
      to.copy_(results[k]);
      ob_count(OB_COPIED_BYTES, static_cast<int64_t>(to.nbytes()));
    }
  }

  // One tensor of a program that goes element by element, in pieces, on several threads.
  void step_in_pieces(size_t i) {
    const int64_t n = runs_.params[i].numel();
    const std::vector<at::Tensor> whole = inputs_of(runs_, i, steps_[i]);
    const auto piece = [&](int64_t start) {
      std::vector<at::Tensor> inputs = whole;
      const int64_t length = std::min(kPiece, n - start);
      for (size_t k = 0; k < inputs.size(); ++k) {
        if (k < kStep || k >= kOptions + options_.size()) {
          inputs[k] = stretch_of(whole[k], start, length);
        }
      }
      call(inputs);
    };
    if (n <= kPiece) return piece(0);
    struct Work {
      std::atomic<int64_t> next{0};
      std::mutex mutex;
      std::exception_ptr fault;
      int64_t n;
      const std::function<void(int64_t)> piece;
    } work{{0}, {}, nullptr, n, piece};
    const int64_t pieces = (n + kPiece - 1) / kPiece;
    run_on_threads(
        static_cast<int32_t>(std::min<int64_t>(pieces, threads())),
        [](void* context) {
          auto& w = *static_cast<Work*>(context);
          const at::NoGradGuard no_grad;
          const ThreadScope alone(true);
          try {
            for (int64_t at; (at = w.next.fetch_add(kPiece)) < w.n;) w.piece(at);
          } catch (...) {
            w.next = w.n;
            const std::lock_guard<std::mutex> lock(w.mutex);
            if (w.fault == nullptr) w.fault = std::current_exception();
          }
        },
        &work);
    if (work.fault != nullptr) std::rethrow_exception(work.fault);
  }

  // Runs the program once on memory of its own, so that what is wrong with it shows before anything
  // of the caller's is changed.
  void try_on(const at::Tensor& param, const std::vector<int64_t>& shape,
              std::set<std::pair<at::ScalarType, std::vector<int64_t>>>& tried) const {
    if (!tried.emplace(param.scalar_type(), shape).second) return;
    const at::NoGradGuard no_grad;
    constexpr double kGuard = 1234.5;
    std::vector<at::Tensor> guards;
    const auto scratch = [&](at::IntArrayRef sizes, double value,
                             const at::TensorOptions& options) {
      const int64_t n = c10::multiply_integers(sizes);
      // What lies behind tells whether more than n elements were written.
      at::Tensor all = at::full({n + 4096}, kGuard, options);
      guards.push_back(all.narrow(0, n, 4096));
      at::Tensor tensor = all.narrow(0, 0, n).view(sizes);
      tensor.fill_(value);
      return tensor;
    };
    const at::TensorOptions options = param.options();
    const at::Tensor weights = scratch(shape, 0.25, options);
    const at::Tensor gradient = scratch(shape, 0.5, options);
    const at::Tensor step = number(1), before = rate_.clone();
    std::vector<at::Tensor> inputs = with_numbers(weights, gradient, step);
    for (size_t s = 1; s < spec_.slots.size(); ++s) {
      const SlotSpec& slot = spec_.slots[s];
      inputs.push_back(slot.kind == SlotSpec::LIKE
                           ? scratch(shape, slot.initial, options)
                           : scratch({}, slot.initial, options.dtype(at::kFloat)));
    }
    std::vector<double> numbers;
    for (size_t k = kStep; k < kOptions + options_.size(); ++k) {
      numbers.push_back(*inputs[k].const_data_ptr<double>());
    }
    try {
      call(inputs);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const c10::Error& e) {
      fail("fails on a parameter of shape ", at::IntArrayRef(shape), ": ",
           e.what_without_backtrace());
    } catch (const std::exception& e) {
      fail("fails on a parameter of shape ", at::IntArrayRef(shape), ": ", e.what());
    }
    for (const at::Tensor& guard : guards) {
      if (!guard.eq(kGuard).all().item<bool>()) fail("writes beyond the end of its tensors");
    }
    bool kept = gradient.eq(0.5).all().item<bool>();
    for (size_t k = kStep; k < kOptions + options_.size(); ++k) {
      kept = kept && *inputs[k].const_data_ptr<double>() == numbers[k - kStep];
    }
    if (!kept) fail("writes to its gradient, step, lr or options, which are not its own");
  }

  std::string results_text() const {
    std::string text = "(param";
    for (size_t s = 1; s < spec_.slots.size(); ++s) text += ", " + spec_.slots[s].name;
    return text + ")";
  }

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    std::ostringstream text;
    text << "the program " << spec_.name << " ";
    (text << ... << parts);
    throw std::invalid_argument(text.str());
  }

  const std::shared_ptr<const Program> program_;
  const ProgramSpec spec_;
  const at::Tensor rate_;
  std::vector<at::Tensor> options_;
  std::vector<at::Tensor> steps_;
  bool pieces_ = true;
};

}  // namespace

std::vector<std::string> ProgramSpec::inputs() const {
  std::vector<std::string> names = {"param", "grad", "step", "lr"};
  names.insert(names.end(), options.begin(), options.end());
  for (size_t s = 1; s < slots.size(); ++s) names.push_back(slots[s].name);
  return names;
}

std::unique_ptr<Algorithm> make_program(std::shared_ptr<const Program> program,
                                        const ProgramSpec& spec, const Options& options) {
  return std::make_unique<ProgramAlgorithm>(std::move(program), spec, options);
}

}  // namespace optibridge::torch_bridge
