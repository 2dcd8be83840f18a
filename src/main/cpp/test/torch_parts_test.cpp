// Steps taken in parts, on any number of threads and with neighbours as one, against chains of
// operations on whole tensors.
#include "torch_added_support.h"

namespace ob_test {
namespace {

// More than one part, none a multiple of anything; and small ones.
const Shapes& large() {
  static const Shapes all = {{70001}, {301, 133}, {7}, {0}, {2, 3}, {}};
  return all;
}

std::vector<Configuration> elementwise() {
  std::vector<Configuration> all = with_fused_kernel();
  for (const Configuration& c : without_fused_kernel()) all.push_back(c);
  for (const Configuration& c : std::vector<Configuration>{
           {"Adamax", ADAMAX, {0.7, 0.8, 1e-2, 0.1, 1}},
           {"NAdam", NADAM, {0.8, 0.9, 1e-6, 0.1, 0.1, 1, 0}},
           {"RAdam", RADAM, {0.8, 0.9, 1e-6, 0.1, 0, 1}},
           {"Adadelta", ADADELTA, {0.5, 1e-3, 0.1, 1}},
           {"ASGD", ASGD, {0.5, 0.5, 3, 0.1, 1}},
           {"Rprop", RPROP, {0.3, 1.5, 1e-2, 3e-2, 1}},
           {"Adafactor", ADAFACTOR, {-0.8, std::nan(""), 1e-3, 1, 0.1, 0}}}) {
    all.push_back(c);
  }
  for (const Configuration& c : of_packages()) all.push_back(c);
  return all;
}

template <class T>
bool near(const AddedRun<T>& one, const AddedRun<T>& other, double tol) {
  double most = 0;
  for (size_t i = 0; i < one.params.data.size(); ++i) {
    for (size_t j = 0; j < one.params.data[i].size(); ++j) {
      most = std::max<double>(most, std::fabs(one.params.data[i][j] - other.params.data[i][j]));
    }
  }
  if (most <= tol) return true;
  std::printf("off by %g\n", most);
  return false;
}

template <class T>
void parts_equal_the_whole(const Configuration& c, double tol) {
  AddedRun<T> parts(c, large()), whole(c, large()), alone(c, large());
  for (int i = 0; i < 3; ++i) {
    ob_torch_set_threads(3);
    parts.run(i, i + 1, kRate);
    whole.grads.fill(100 + i);
    CHECK(Outcome(ob_torch_step_whole(whole.optimizer, kRate)).ok());
    ob_torch_set_threads(1);
    alone.run(i, i + 1, kRate);
  }
  const bool good = near(parts, whole, tol);
  if (!good) std::printf("  by %s in parts\n", c.class_name);
  CHECK(good);
  CHECK(parts.same(alone));  // to the bit, whatever the number of threads
  CHECK(parts.scalars[0].data == whole.scalars[0].data);
}

// The sweep's way, each tensor in stretches of its own choice.
template <class T>
void blocks_equal_the_whole(const Configuration& c, double tol) {
  AddedRun<T> blocks(c, large()), whole(c, large());
  if (ob_torch_has_blocks(blocks.optimizer) == 0) {
    CHECK(Outcome(ob_torch_begin_blocks(blocks.optimizer, kRate)).code == OB_UNSUPPORTED);
    return;
  }
  for (int i = 0; i < 3; ++i) {
    blocks.grads.fill(100 + i);
    CHECK(Outcome(ob_torch_begin_blocks(blocks.optimizer, kRate)).ok());
    for (size_t t = 0; t < large().size(); ++t) {
      auto& p = blocks.params.data[t];
      for (size_t at = 0; at < p.size(); at += 32768) {
        const size_t n = std::min<size_t>(32768, p.size() - at);
        CHECK(Outcome(ob_torch_step_block(blocks.optimizer, static_cast<int64_t>(t),
                                          static_cast<int64_t>(at), static_cast<int64_t>(n),
                                          &blocks.grads.data[t][at], &p[at]))
                  .ok());
      }
    }
    CHECK(Outcome(ob_torch_end_blocks(blocks.optimizer)).ok());
    whole.grads.fill(100 + i);
    CHECK(Outcome(ob_torch_step_whole(whole.optimizer, kRate)).ok());
  }
  CHECK(near(blocks, whole, tol));
  CHECK(blocks.scalars[0].data == whole.scalars[0].data);
}

// Tensors of one allocation with padding between them.
template <class T>
struct Packed {
  explicit Packed(const std::vector<int64_t>& numels) : sizes(numels) {
    for (const int64_t n : sizes) {
      offsets.push_back(total);
      names.push_back("t" + std::to_string(names.size()));
      total += (n + 15) / 16 * 16;
    }
    data.assign(static_cast<size_t>(total), 0);
  }
  void append_to(std::vector<ob_tensor>& all) {
    for (size_t i = 0; i < sizes.size(); ++i) {
      const int64_t padding = ((sizes[i] + 15) / 16 * 16 - sizes[i]) * int64_t{sizeof(T)};
      all.push_back({data.data() + offsets[i], sizes[i], &sizes[i], names[i].c_str(), 1,
                     sizeof(T) == 4 ? OB_FLOAT32 : OB_FLOAT64, OB_CPU, 0, padding});
    }
  }

  std::vector<int64_t> sizes, offsets;
  std::deque<std::string> names;
  std::vector<T> data;
  int64_t total = 0;
};

// One after the other in one allocation, or each in its own: the same numbers and scalars.
template <class T>
void neighbours_equal_single_tensors(const Configuration& c, double tol) {
  const std::vector<int64_t> numels = {100, 7, 0, 16, 33, 1};
  Shapes shapes;
  for (const int64_t n : numels) shapes.push_back({n});
  AddedRun<T> single(c, shapes), packed(c, shapes);
  if (ob_torch_has_blocks(single.optimizer) == 0) return;  // tensors of their own in any case
  Packed<T> params(numels), grads(numels);
  std::deque<Packed<T>> slots;
  std::vector<std::vector<ob_tensor>> arrays(2 + packed.scalar.size());
  std::vector<int64_t> addresses;
  params.append_to(arrays[0]);
  grads.append_to(arrays[1]);
  for (size_t s = 0; s < packed.scalar.size(); ++s) {
    packed.scalars[s].append_to(arrays[2 + s]);
    packed.numbers[s].append_to(arrays[2 + s]);
    if (!packed.scalar[s]) {
      slots.emplace_back(numels);
      slots.back().data.assign(slots.back().data.size(),
                               static_cast<T>(ob_torch_slot_initial(packed.optimizer, s)));
      slots.back().append_to(arrays[2 + s]);
    }
    addresses.push_back(reinterpret_cast<int64_t>(arrays[2 + s].data()));
  }
  const auto copy = [&](const Tensors<T>& from, Packed<T>& to) {
    for (size_t i = 0; i < numels.size(); ++i) {
      std::copy(from.data[i].begin(), from.data[i].end(), to.data.begin() + to.offsets[i]);
    }
  };
  copy(single.params, params);
  CHECK(Outcome(ob_torch_bind(packed.optimizer, arrays[0].data(), arrays[1].data(),
                              addresses.data(), static_cast<int32_t>(addresses.size()),
                              static_cast<int64_t>(numels.size())))
            .ok());
  for (int i = 0; i < 4; ++i) {
    single.run(i, i + 1, kRate);
    copy(single.grads, grads);
    CHECK(Outcome(ob_torch_step(packed.optimizer, kRate)).ok());
  }
  for (size_t s = 0; s < packed.scalar.size(); ++s) {
    CHECK(packed.scalars[s].data == single.scalars[s].data);
    CHECK(packed.numbers[s].data == single.numbers[s].data);
  }
  for (size_t i = 0; i < numels.size(); ++i) {
    for (int64_t j = 0; j < numels[i]; ++j) {
      CHECK_NEAR(params.data[params.offsets[i] + j], single.params.data[i][j], tol);
    }
  }
}

}  // namespace
}  // namespace ob_test

int main() {
  using namespace ob_test;
  for (const Configuration& c : elementwise()) {
    parts_equal_the_whole<float>(c, 2e-6);
    parts_equal_the_whole<double>(c, 1e-13);
    blocks_equal_the_whole<float>(c, 2e-6);
    blocks_equal_the_whole<double>(c, 1e-13);
    neighbours_equal_single_tensors<float>(c, 2e-6);
    neighbours_equal_single_tensors<double>(c, 1e-13);
  }
  return result();
}
