// What is refused, how it is said, and that a refusal changes nothing.
#include "torch_support.h"

namespace ob_test {
namespace {

void refused(const Configuration& c, int fused, int32_t code, const char* text) {
  ob_torch_optimizer* optimizer = nullptr;
  const Outcome outcome = create(c, fused, &optimizer);
  CHECK(outcome.code == code);
  CHECK(outcome.says(text));
  CHECK(optimizer == nullptr);
}

void options() {
  refused({"Nadam", "", {}}, 1, OB_INVALID, "Nadam");
  refused({"SGD", "momentum\ndampening\nweight_decay\nnesterov", {0, 0, 0, 0}}, 1, OB_INVALID,
          "'maximize' is missing");
  refused({"SGD", "momentum\nmomentum", {0, 0}}, 1, OB_INVALID, "'momentum' is given twice");
  refused({"SGD", "lr", {0}}, 0, OB_INVALID, "unknown option 'lr'");
  refused({"SGD", SGD, {0}}, 0, OB_INVALID, "5 option names but 1 values");
  refused({"SGD", SGD, {-1, 0, 0, 0, 0}}, 1, OB_INVALID, "'momentum'");
  refused({"SGD", SGD, {0, 0, 0, 1, 0}}, 1, OB_INVALID, "'nesterov'");
  refused({"SGD", SGD, {0, 0, 0, 0.5, 0}}, 1, OB_INVALID, "'nesterov'");
  refused({"Adam", ADAM, {1, 0.9, 0, 0, 0, 0}}, 1, OB_INVALID, "'beta1'");
  refused({"Adam", ADAM, {0.9, 0.9, std::nan(""), 0, 0, 0}}, 1, OB_INVALID, "'eps'");
  refused({"RMSprop", RMSPROP, {0.9, 0, 0, 0, 0, 0}}, 1, OB_INVALID, "RMSprop");
  refused({"Rprop", "etaminus\netaplus\nstep_size_min\nstep_size_max\nmaximize", {1, 2, 0, 1, 0}},
          0, OB_INVALID, "'etaminus' is 1.000000, not in (0, 1)");
  refused({"Adamax", "beta1\nbeta2\neps\nweight_decay\nmaximize", {0.9, 0.9, 0, 0, 0}}, 1,
          OB_INVALID, "Adamax has no fused kernel");
  ob_torch_optimizer* sgd = nullptr;
  CHECK(create({"SGD", SGD, {0.9, -0.5, 0, 0, 0}}, 1, &sgd).ok());  // as in Python
  ob_torch_destroy(sgd);
  CHECK(Outcome(ob_torch_create(nullptr, 0, "", nullptr, 0, nullptr)).code == OB_INVALID);
}

void bindings(int fused) {
  const Configuration adam = {"Adam", ADAM, {0.9, 0.99, 1e-8, 0, 0, 0}};
  Run<float> run(adam, fused);
  std::vector<std::vector<ob_tensor>> arrays;
  const auto reset = [&] {
    arrays = {run.params.tensors(), run.grads.tensors(), run.step.tensors(true),
              run.slots[0].tensors(), run.slots[1].tensors()};
  };
  const auto refused = [&](const char* text, int32_t slot_count = 3, int64_t tensors = 6) {
    std::vector<int64_t> slots;
    for (int i = 2; i < 5; ++i) slots.push_back(reinterpret_cast<int64_t>(arrays[i].data()));
    const Outcome outcome(ob_torch_bind(run.optimizer, arrays[0].data(), arrays[1].data(),
                                        slots.data(), slot_count, tensors));
    CHECK(outcome.code == OB_INVALID);
    CHECK(outcome.says(text));
    reset();
  };
  const int64_t wrong[] = {9, 7};
  reset();
  refused("2 slots are given, 3 are needed", 2);
  refused("negative", 3, -1);
  arrays[0][1].name = nullptr;
  refused("parameter 1 has no name");
  arrays[1][2].shape = wrong;
  refused("gradient of 't2' has 63 elements, its shape 9");
  arrays[1][2].shape = wrong;
  arrays[1][2].ndim = 2;
  refused("gradient of 't2' has shape [9, 7], the parameter [63]");
  arrays[3][3].dtype = OB_FLOAT64;
  refused("slot 'exp_avg' of 't3' is Double, the parameter Float");
  arrays[3][3].dtype = 7;
  refused("slot 'exp_avg' of 't3' has the unknown dtype 7");
  arrays[0][3].dtype = OB_BFLOAT16;
  refused("parameter of 't3' is bfloat16, and only float32 and float64 are stepped");
  arrays[1][3].dtype = OB_FLOAT16;
  refused("gradient of 't3' is float16");
  arrays[4][0].data = nullptr;
  refused("slot 'exp_avg_sq' of 't0' has no memory");
  arrays[2][5].dtype = OB_FLOAT64;
  refused("slot 'step' of 't5' is not one float32 number");
  arrays[1][0].device_type = 99;
  refused("gradient of 't0' is on the unknown device");

  // The binding that was there still works.
  Run<float> untouched(adam, fused);
  untouched.run(0, 3);
  run.run(0, 3);
  CHECK(same(run.params, untouched.params));

  CHECK(Outcome(ob_torch_bind(run.optimizer, nullptr, nullptr, nullptr, 0, 0)).code == OB_INVALID);
  int64_t none[3] = {};
  CHECK(Outcome(ob_torch_bind(run.optimizer, nullptr, nullptr, none, 3, 0)).ok());
  CHECK(Outcome(ob_torch_step(run.optimizer, 0.1)).ok());
  CHECK(Outcome(ob_torch_zero(run.optimizer)).ok());

  ob_torch_optimizer* unbound = nullptr;
  CHECK(create(adam, fused, &unbound).ok());
  CHECK(Outcome(ob_torch_step(unbound, 0.1)).says("nothing is bound"));
  ob_torch_destroy(unbound);
  CHECK(Outcome(ob_torch_step(nullptr, 0.1)).code == OB_INVALID);
  ob_torch_destroy(nullptr);
}

void exceptions() {
  const int32_t codes[] = {OB_OK,       OB_OUT_OF_MEMORY, OB_INVALID,      OB_INTERNAL,
                           OB_INTERNAL, OB_FRAMEWORK,     OB_OUT_OF_MEMORY};
  for (int32_t kind = 0; kind <= 6; ++kind) {
    const Outcome outcome(ob_torch_raise_for_test(kind));
    CHECK(outcome.code == codes[kind]);
    if (kind > 0) CHECK(outcome.says("torch_raise_for_test: "));
    CHECK(outcome.message.find('\n') == std::string::npos);  // no backtrace
  }
}

void library() {
  CHECK(std::string(ob_torch_version()).substr(0, 2) == "2.");
  CHECK(ob_torch_cuda_devices() >= 0);
  const int32_t threads = ob_torch_threads();
  CHECK(threads >= 1);
  ob_torch_set_threads(3);
  CHECK(ob_torch_threads() == 3);
  ob_torch_set_threads(0);
  CHECK(ob_torch_threads() == 3);
  ob_torch_set_threads(threads);
  ob_torch_optimizer* adagrad = nullptr;
  CHECK(create({"Adagrad", ADAGRAD, {0, 0, 0.25, 0, 0}}, 1, &adagrad).ok());
  CHECK(std::string(ob_torch_slots(adagrad)) == "step\nsum");
  CHECK(ob_torch_slot_initial(adagrad, 0) == 0);
  CHECK(ob_torch_slot_initial(adagrad, 1) == 0.25);
  CHECK(ob_torch_slot_initial(adagrad, 2) == 0);
  ob_torch_destroy(adagrad);
}

}  // namespace
}  // namespace ob_test

int main() {
  ob_test::options();
  for (int fused : {0, 1}) ob_test::bindings(fused);
  ob_test::exceptions();
  ob_test::library();
  return ob_test::result();
}
