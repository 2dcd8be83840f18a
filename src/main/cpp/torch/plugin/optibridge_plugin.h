// Optimizers of your own for optibridge, in C++: subclasses of torch::optim::Optimizer in a shared
// library. docs/own-optimizer.md of optibridge explains it; samples/own-native is a whole one.
//
//   OPTIBRIDGE_PLUGIN(
//       optibridge::optimizer<Lion, LionOptions, LionState>("Lion")
//           .option("beta1", &LionOptions::beta1, optibridge::from(0).below(1))
//           .option("weight_decay", &LionOptions::weight_decay, optibridge::from(0))
//           .state("exp_avg", &LionState::exp_avg)
//           .element_wise())
//
// The class is constructed from (std::vector<torch::optim::OptimizerParamGroup>, Options) and keeps
// what it remembers of a tensor in a State: torch::optim's own idiom. Members may be plain ones or
// those of TORCH_ARG. Defaults, the learning rate's too, are those of a default-constructed
// Options.
//
// This file belongs to the library that is built with it. It needs libtorch's headers and C++17.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/copy.h>
#include <c10/util/Exception.h>
#include <torch/optim/optimizer.h>
#include <torch/version.h>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// ---- what optibridge sees: its layout is version 1 of the interface --------------------------

#define OPTIBRIDGE_PLUGIN_ABI 1

extern "C" {

struct optibridge_plugin_error {
  int32_t code;  // 1: a bad argument, 2: no memory left, 4: anything else
  char text[1020];
};

struct optibridge_plugin_option {
  const char* name;
  int32_t kind;     // 0: a number, 1: a whole number, 2: true or false
  int32_t open;     // + 1: `least` itself is not allowed; + 2: nor is `greatest`
  double least;     // -infinity: no limit
  double greatest;  // infinity: no limit
  double by_default;
};

struct optibridge_plugin_state {
  const char* name;
  int32_t kind;  // 0: shape and dtype of the parameter, 1: one float32 number
  int32_t reserved;
  double initial;
};

struct optibridge_plugin_optimizer {
  const char* name;
  double learning_rate;  // the default
  int32_t reads_weights;
  int32_t element_wise;
  const optibridge_plugin_option* options;
  const optibridge_plugin_state* states;  // without "step"
  int32_t option_count;
  int32_t state_count;
  const void* self;
  // Options in the order above. Null after an error, as the functions below return 0.
  void* (*create)(const void* self, const double* options, optibridge_plugin_error* error);
  void (*destroy)(void* optimizer);
  // params[i], grads[i], steps[i] (a float32 number: the steps taken) and states[s * count + i] are
  // views that stay valid until the next bind.
  int32_t (*bind)(void* optimizer, int64_t count, const at::Tensor* params, const at::Tensor* grads,
                  const at::Tensor* steps, const at::Tensor* states,
                  optibridge_plugin_error* error);
  int32_t (*step)(void* optimizer, double learning_rate, optibridge_plugin_error* error);
};

struct optibridge_plugin {
  uint32_t abi;        // OPTIBRIDGE_PLUGIN_ABI; nothing after it can be read if it differs
  uint32_t cxx11_abi;  // _GLIBCXX_USE_CXX11_ABI
  const char* torch_version;
  const optibridge_plugin_optimizer* optimizers;
  int64_t optimizer_count;
};

}  // extern "C"

#if defined(_WIN32)
#define OPTIBRIDGE_PLUGIN_EXPORT __declspec(dllexport)
#define OPTIBRIDGE_PLUGIN_HIDDEN
#else
#define OPTIBRIDGE_PLUGIN_EXPORT __attribute__((visibility("default")))
// Two plug-ins in one process share nothing.
#define OPTIBRIDGE_PLUGIN_HIDDEN __attribute__((visibility("hidden")))
#endif

#if defined(_GLIBCXX_USE_CXX11_ABI)
#define OPTIBRIDGE_PLUGIN_CXX11_ABI _GLIBCXX_USE_CXX11_ABI
#else
#define OPTIBRIDGE_PLUGIN_CXX11_ABI 1
#endif

// Once in a library, with its optimizers separated by commas.
#define OPTIBRIDGE_PLUGIN(...)                                                          \
  extern "C" OPTIBRIDGE_PLUGIN_EXPORT const optibridge_plugin* optibridge_plugin_entry( \
      optibridge_plugin_error* error) {                                                 \
    return optibridge::detail::guarded<const optibridge_plugin*>(error, []() {          \
      static const optibridge::detail::Plugin plugin(__VA_ARGS__);                      \
      return plugin.get();                                                              \
    });                                                                                 \
  }                                                                                     \
  static_assert(true, "a semicolon may follow")

// ---- what a plug-in is written with ----------------------------------------------------------

namespace optibridge OPTIBRIDGE_PLUGIN_HIDDEN {

// The values an option takes: from(0), above(0), from(0).below(1), from(1).to(100).
class Range {
 public:
  Range& to(double greatest) { return end(greatest, false); }
  Range& below(double greatest) { return end(greatest, true); }

  double least = -std::numeric_limits<double>::infinity();
  double greatest = std::numeric_limits<double>::infinity();
  int32_t open = 0;

 private:
  Range& end(double value, bool excluded) {
    greatest = value;
    open = (open & 1) | (excluded ? 2 : 0);
    return *this;
  }
};

inline Range any() { return Range(); }
inline Range from(double least) {
  Range range;
  range.least = least;
  return range;
}
inline Range above(double least) {
  Range range = from(least);
  range.open = 1;
  return range;
}

namespace detail {

inline void tell(optibridge_plugin_error* error, int32_t code, const char* text) noexcept {
  error->code = code;
  std::snprintf(error->text, sizeof error->text, "%s", text);
}

// No exception leaves the library: whoever loads it may have been built by another compiler.
template <class Result, class Body>
Result guarded(optibridge_plugin_error* error, Body&& body) noexcept {
  try {
    return body();
  } catch (const c10::OutOfMemoryError& e) {
    tell(error, 2, e.what_without_backtrace());
  } catch (const c10::Error& e) {
    tell(error, 4, e.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    tell(error, 2, "native memory ran out");
  } catch (const std::invalid_argument& e) {
    tell(error, 1, e.what());
  } catch (const std::exception& e) {
    tell(error, 4, e.what());
  } catch (...) {
    tell(error, 4, "an exception that is no std::exception");
  }
  return Result();
}

// One optimizer as it was described, without its types.
class Description {
 public:
  virtual ~Description() = default;
  optibridge_plugin_optimizer table() const {
    return {name_,
            learning_rate_,
            reads_weights_,
            element_wise_,
            options_.data(),
            states_.data(),
            static_cast<int32_t>(options_.size()),
            static_cast<int32_t>(states_.size()),
            this,
            create_,
            destroy_,
            bind_,
            step_};
  }

 protected:
  const char* name_ = nullptr;
  double learning_rate_ = 0;
  int32_t reads_weights_ = 0;
  int32_t element_wise_ = 0;
  std::vector<optibridge_plugin_option> options_;
  std::vector<optibridge_plugin_state> states_;
  decltype(optibridge_plugin_optimizer::create) create_ = nullptr;
  decltype(optibridge_plugin_optimizer::destroy) destroy_ = nullptr;
  decltype(optibridge_plugin_optimizer::bind) bind_ = nullptr;
  decltype(optibridge_plugin_optimizer::step) step_ = nullptr;
};

class Plugin {
 public:
  template <class... Definitions>
  explicit Plugin(Definitions... definitions) {
    (add(std::move(definitions)), ...);
    plugin_ = {OPTIBRIDGE_PLUGIN_ABI, OPTIBRIDGE_PLUGIN_CXX11_ABI, TORCH_VERSION, tables_.data(),
               static_cast<int64_t>(tables_.size())};
  }
  const optibridge_plugin* get() const { return &plugin_; }

 private:
  template <class Definition>
  void add(Definition definition) {
    kept_.push_back(std::make_unique<Definition>(std::move(definition)));
    tables_.push_back(kept_.back()->table());
  }

  std::vector<std::unique_ptr<Description>> kept_;
  std::vector<optibridge_plugin_optimizer> tables_;
  optibridge_plugin plugin_;
};

}  // namespace detail

template <class Optimizer, class Options, class State>
class Definition : public detail::Description {
 public:
  explicit Definition(const char* name) {
    static_assert(std::is_base_of_v<torch::optim::Optimizer, Optimizer>,
                  "the class must be a torch::optim::Optimizer");
    static_assert(std::is_base_of_v<torch::optim::OptimizerOptions, Options> &&
                      std::is_default_constructible_v<Options>,
                  "the options must be torch::optim::OptimizerOptions with a default constructor");
    static_assert(
        std::is_base_of_v<torch::optim::OptimizerParamState, State> &&
            std::is_default_constructible_v<State>,
        "the state must be a torch::optim::OptimizerParamState with a default constructor");
    static_assert(std::is_constructible_v<Optimizer, Groups, Options>,
                  "the class needs a constructor (std::vector<OptimizerParamGroup>, Options)");
    name_ = name;
    learning_rate_ = Options().get_lr();
    create_ = create;
    destroy_ = [](void* optimizer) { delete static_cast<Instance*>(optimizer); };
    bind_ = bind;
    step_ = step;
  }

  Definition& option(const char* name, double Options::* member, Range range = any()) {
    return number(name, 0, range, [member](Options& o) -> double& { return o.*member; });
  }
  Definition& option(const char* name, double& (Options::*member)() noexcept, Range range = any()) {
    return number(name, 0, range, [member](Options& o) -> double& { return (o.*member)(); });
  }
  Definition& option(const char* name, int64_t Options::* member, Range range = any()) {
    return number(name, 1, range, [member](Options& o) -> int64_t& { return o.*member; });
  }
  Definition& option(const char* name, int64_t& (Options::*member)() noexcept,
                     Range range = any()) {
    return number(name, 1, range, [member](Options& o) -> int64_t& { return (o.*member)(); });
  }
  Definition& option(const char* name, bool Options::* member) {
    return number(name, 2, any(), [member](Options& o) -> bool& { return o.*member; });
  }
  Definition& option(const char* name, bool& (Options::*member)() noexcept) {
    return number(name, 2, any(), [member](Options& o) -> bool& { return (o.*member)(); });
  }

  // A tensor like the parameter. It is there before the first step, filled with `initial`, and
  // saved and restored by optibridge.
  Definition& state(const char* name, at::Tensor State::* member, double initial = 0) {
    return tensor(name, 0, initial, [member](State& s) -> at::Tensor& { return s.*member; });
  }
  Definition& state(const char* name, at::Tensor& (State::*member)() noexcept, double initial = 0) {
    return tensor(name, 0, initial, [member](State& s) -> at::Tensor& { return (s.*member)(); });
  }
  // A float32 tensor of shape [] for each parameter.
  Definition& scalar(const char* name, at::Tensor State::* member, double initial = 0) {
    return tensor(name, 1, initial, [member](State& s) -> at::Tensor& { return s.*member; });
  }
  Definition& scalar(const char* name, at::Tensor& (State::*member)() noexcept,
                     double initial = 0) {
    return tensor(name, 1, initial, [member](State& s) -> at::Tensor& { return (s.*member)(); });
  }
  // The steps taken, which the class counts itself; 0 tells it that this is the first one.
  Definition& step_count(int64_t State::* member) {
    count_ = [member](State& s) -> int64_t& { return s.*member; };
    return *this;
  }
  Definition& step_count(int64_t& (State::*member)() noexcept) {
    count_ = [member](State& s) -> int64_t& { return (s.*member)(); };
    return *this;
  }

  // The step depends on the weights whatever the options. (One with an option "weight_decay" that
  // is not 0 is known to do so.)
  Definition& reads_weights() {
    reads_weights_ = 1;
    return *this;
  }
  // An element's step depends on no other element: neighbouring tensors may be stepped as one.
  Definition& element_wise() {
    element_wise_ = 1;
    return *this;
  }

 private:
  using Groups = std::vector<torch::optim::OptimizerParamGroup>;
  using Access = std::function<at::Tensor&(State&)>;

  struct Instance {
    const Definition& definition;
    std::unique_ptr<Optimizer> optimizer;
    std::vector<at::Tensor> params;
    std::vector<at::Tensor> states;  // states[s * params.size() + i]
  };

  template <class Member>
  Definition& number(const char* name, int32_t kind, Range range, Member member) {
    Options defaults;
    options_.push_back({name, kind, range.open, range.least, range.greatest,
                        static_cast<double>(member(defaults))});
    set_.push_back([member](Options& options, double value) {
      auto& place = member(options);
      place = static_cast<std::decay_t<decltype(place)>>(value);
    });
    return *this;
  }

  Definition& tensor(const char* name, int32_t kind, double initial, Access access) {
    states_.push_back({name, kind, 0, initial});
    access_.push_back(std::move(access));
    return *this;
  }

  static void* create(const void* self, const double* values, optibridge_plugin_error* error) {
    return detail::guarded<void*>(error, [&]() -> void* {
      const auto& definition =
          *static_cast<const Definition*>(static_cast<const detail::Description*>(self));
      Options options;
      for (size_t i = 0; i < definition.set_.size(); ++i) definition.set_[i](options, values[i]);
      // Without parameters at first: the class might make states that are replaced anyway.
      Groups groups;
      groups.emplace_back(std::vector<at::Tensor>(), std::make_unique<Options>(options));
      return new Instance{definition, std::make_unique<Optimizer>(groups, options), {}, {}};
    });
  }

  static int32_t bind(void* optimizer, int64_t count, const at::Tensor* params,
                      const at::Tensor* grads, const at::Tensor* steps, const at::Tensor* states,
                      optibridge_plugin_error* error) {
    return detail::guarded<int32_t>(error, [&]() -> int32_t {
      auto& instance = *static_cast<Instance*>(optimizer);
      const Definition& definition = instance.definition;
      auto& all = instance.optimizer->state();
      all.clear();
      instance.params.assign(params, params + count);
      instance.states.assign(states, states + count * definition.access_.size());
      for (int64_t i = 0; i < count; ++i) {
        auto state = std::make_unique<State>();
        if (definition.count_) {
          definition.count_(*state) = static_cast<int64_t>(steps[i].template item<float>());
        }
        for (size_t s = 0; s < definition.access_.size(); ++s) {
          definition.access_[s](*state) = states[s * count + i];
        }
        instance.params[i].mutable_grad() = grads[i];
        all[params[i].unsafeGetTensorImpl()] = std::move(state);
      }
      instance.optimizer->param_groups()[0].params() = instance.params;
      return 1;
    });
  }

  static int32_t step(void* optimizer, double learning_rate, optibridge_plugin_error* error) {
    return detail::guarded<int32_t>(error, [&]() -> int32_t {
      auto& instance = *static_cast<Instance*>(optimizer);
      const at::NoGradGuard no_grad;
      instance.optimizer->param_groups()[0].options().set_lr(learning_rate);
      instance.optimizer->step();
      instance.definition.keep(instance);
      return 1;
    });
  }

  // A class may assign new tensors instead of writing to those it has; they are brought back.
  void keep(Instance& instance) const {
    const size_t count = instance.params.size();
    for (size_t i = 0; i < count && !access_.empty(); ++i) {
      auto& all = instance.optimizer->state();
      const auto found = all.find(instance.params[i].unsafeGetTensorImpl());
      if (found == all.end()) throw std::runtime_error("the optimizer dropped a tensor's state");
      auto& state = static_cast<State&>(*found->second);
      for (size_t s = 0; s < access_.size(); ++s) {
        at::Tensor& now = access_[s](state);
        const at::Tensor& slot = instance.states[s * count + i];
        if (now.is_same(slot)) continue;
        TORCH_CHECK(now.defined() && now.sizes() == slot.sizes() && now.dtype() == slot.dtype(),
                    "the state '", states_[s].name, "' has become ", now.toString(),
                    now.defined() ? now.sizes() : at::IntArrayRef(), " and must stay ",
                    slot.toString(), slot.sizes());
        slot.copy_(now);
        now = slot;
      }
    }
  }

  std::vector<std::function<void(Options&, double)>> set_;
  std::vector<Access> access_;
  std::function<int64_t&(State&)> count_;
};

// Begins the description of an optimizer; the name is an identifier.
template <class Optimizer, class Options, class State>
Definition<Optimizer, Options, State> optimizer(const char* name) {
  return Definition<Optimizer, Options, State>(name);
}

}  // namespace optibridge OPTIBRIDGE_PLUGIN_HIDDEN
