// Groups of tensors behind one handle, changes of options, and steps of some of the tensors.
#include "torch_support.h"

namespace ob_test {
namespace {

const Configuration kPlain{"SGD", SGD, {0, 0, 0, 0, 0}};
const Configuration kMomentum{"SGD", SGD, {0.9, 0.2, 0.1, 0, 0}};

// Tensors 1 and 3 have momentum and half the rate.
struct Joined {
  explicit Joined(int fused) {
    ob_torch_optimizer* parts[2] = {nullptr, nullptr};
    CHECK(create(kPlain, fused, &parts[0]).ok());
    CHECK(create(kMomentum, fused, &parts[1]).ok());
    const double rates[] = {1, 0.5};
    CHECK(Outcome(ob_torch_join(parts, rates, 2, &optimizer)).ok());
    CHECK(std::string(ob_torch_slots(optimizer)) == "step\nmomentum_buffer");
    CHECK(std::string(ob_torch_slots(parts[0])) == "step");
    const int32_t members[] = {0, 1, 0, 1, 0, 0};
    CHECK(Outcome(ob_torch_assign_groups(optimizer, members, 6)).ok());
    params.fill(0);
    step.set(0);
  }
  ~Joined() { ob_torch_destroy(optimizer); }
  Joined(const Joined&) = delete;

  void bind(const std::vector<int64_t>& which) {
    const auto p = params.tensors(), g = grads.tensors(), s = step.tensors(true);
    auto b = buffer.tensors();
    for (size_t i : {0, 2, 4, 5}) b[i].data = nullptr;  // not looked at
    const int64_t slots[] = {reinterpret_cast<int64_t>(s.data()),
                             reinterpret_cast<int64_t>(b.data())};
    std::vector<ob_tensor> some_p, some_g;
    for (int64_t i : which) {
      some_p.push_back(p[i]);
      some_g.push_back(g[i]);
    }
    CHECK(Outcome(ob_torch_bind_some(optimizer, some_p.data(), some_g.data(),
                                     static_cast<int64_t>(which.size()), which.data(), slots, 2, 6))
              .ok());
  }

  ob_torch_optimizer* optimizer = nullptr;
  Vector<float> params, grads, buffer, step;
};

void groups_step_as_optimizers_of_their_own(int fused) {
  Joined joined(fused);
  Run<float> plain(kPlain, fused), momentum(kMomentum, fused);
  const std::vector<std::vector<int64_t>> steps = {
      {0, 1, 2, 3, 4, 5}, {0, 1, 3}, {3, 5}, {0, 1, 2, 3, 4, 5}};
  int seed = 0;
  for (const auto& which : steps) {
    joined.bind(which);
    joined.grads.fill(++seed);
    CHECK(Outcome(ob_torch_step(joined.optimizer, 0.1)).ok());
    plain.grads.fill(seed);
    momentum.grads.fill(seed);
    const auto plain_before = plain.params.data;
    const auto before = momentum.params.data;
    const auto slot = momentum.slots[0].data;
    const auto count = momentum.step.data;
    CHECK(Outcome(ob_torch_step(plain.optimizer, 0.1)).ok());
    CHECK(Outcome(ob_torch_step(momentum.optimizer, 0.05)).ok());
    for (size_t i = 0; i < before.size(); ++i) {  // undone where the gradient is missing
      bool given = false;
      for (int64_t w : which) given = given || w == static_cast<int64_t>(i);
      if (given) continue;
      plain.params.data[i] = plain_before[i];
      momentum.params.data[i] = before[i];
      momentum.slots[0].data[i] = slot[i];
      momentum.step.data[i] = count[i];
    }
    CHECK(Outcome(ob_torch_sync(momentum.optimizer)).ok());
    for (size_t i = 0; i < before.size(); ++i) {
      const bool second = i == 1 || i == 3;
      CHECK(joined.params.data[i] == (second ? momentum : plain).params.data[i]);
      if (second) CHECK(joined.buffer.data[i] == momentum.slots[0].data[i]);
    }
  }
  CHECK(joined.step.data[3][0] == 4 && joined.step.data[5][0] == 3 && joined.step.data[2][0] == 2);
}

// What is bound stays bound if the slots do; the new options count from the next step.
void options_change(int fused) {
  Configuration other = kMomentum;
  other.values = {0.5, 0, 0, 0, 1};
  Run<float> changed(kMomentum, fused), expected(kMomentum, fused), fresh(other, fused);
  changed.run(0, 2);
  expected.run(0, 2);
  ob_torch_optimizer* next = nullptr;
  CHECK(create(other, fused, &next).ok());
  CHECK(Outcome(ob_torch_take(changed.optimizer, next)).ok());
  CHECK(Outcome(ob_torch_step(next, 0.1)).says("nothing is bound yet"));
  ob_torch_destroy(next);
  fresh.params.data = expected.params.data;
  fresh.slots[0].data = expected.slots[0].data;
  fresh.step.data = expected.step.data;
  fresh.bind();
  changed.run(2, 4);
  fresh.run(2, 4);
  CHECK(same(changed.params, fresh.params) && same(changed.slots[0], fresh.slots[0]));

  ob_torch_optimizer* without = nullptr;
  CHECK(create(kPlain, fused, &without).ok());
  CHECK(Outcome(ob_torch_take(changed.optimizer, without)).ok());
  ob_torch_destroy(without);
  CHECK(std::string(ob_torch_slots(changed.optimizer)) == "step");
  CHECK(Outcome(ob_torch_step(changed.optimizer, 0.1)).says("nothing is bound yet"));
}

void errors() {
  ob_torch_optimizer *sgd = nullptr, *adam = nullptr, *joined = nullptr;
  CHECK(create(kMomentum, 1, &sgd).ok());
  CHECK(create({"Adam", ADAM, {0.9, 0.999, 1e-8, 0, 0, 0}}, 1, &adam).ok());
  ob_torch_optimizer* twice[] = {sgd, nullptr};
  const double rates[] = {1, -1};
  CHECK(Outcome(ob_torch_join(twice, rates, 2, &joined)).says("must be one optimizer"));
  CHECK(Outcome(ob_torch_join(twice, rates + 1, 1, &joined)).says("rate"));
  CHECK(Outcome(ob_torch_join(nullptr, rates, 1, &joined)).code == OB_INVALID);
  CHECK(Outcome(ob_torch_join(twice, rates, 0, &joined)).code == OB_INVALID);
  ob_torch_destroy(adam);

  Joined run(1);
  CHECK(Outcome(ob_torch_take(run.optimizer, sgd)).says("different numbers of groups"));
  ob_torch_destroy(sgd);
  const int32_t members[] = {0, 2};
  CHECK(Outcome(ob_torch_assign_groups(run.optimizer, members, 2)).says("no group 2"));
  int64_t shape[3];
  CHECK(Outcome(ob_torch_slot_shape(run.optimizer, 1, "w", shape, 0, shape)).says("each group"));
  const int64_t none[] = {0, 0};
  CHECK(Outcome(ob_torch_bind(run.optimizer, nullptr, nullptr, none, 2, 0)).says("have a group"));
  const auto p = run.params.tensors(), s = run.step.tensors(true);
  const int64_t slots[] = {reinterpret_cast<int64_t>(s.data()),
                           reinterpret_cast<int64_t>(p.data())};
  const int64_t falling[] = {3, 1};
  CHECK(Outcome(ob_torch_bind_some(run.optimizer, p.data(), p.data(), 2, falling, slots, 2, 6))
            .says("must rise"));
  const int64_t beyond[] = {6};
  CHECK(Outcome(ob_torch_bind_some(run.optimizer, p.data(), p.data(), 1, beyond, slots, 2, 6))
            .says("below 6"));
  CHECK(Outcome(ob_torch_step(run.optimizer, 0.1)).says("nothing is bound yet"));
}

}  // namespace
}  // namespace ob_test

int main() {
  for (int fused : {0, 1}) {
    ob_test::groups_step_as_optimizers_of_their_own(fused);
    ob_test::options_change(fused);
  }
  ob_test::errors();
  return ob_test::result();
}
