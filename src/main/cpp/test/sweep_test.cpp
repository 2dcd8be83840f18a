// Random programs through the engine, against loops that do one operation at a time. In a second
// round some vectors are of other types than what is computed in, tensor by tensor.
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "check.h"
#include "core/ob_core.h"
#include "half_support.h"

namespace {

struct Code {
  int32_t op, a, b;
  double constant;
};

constexpr int kUnary[] = {OB_NEGATE, OB_ABS, OB_SQRT, OB_SQUARE, OB_SIGN, OB_RECIPROCAL};
constexpr int kBinary[] = {OB_ADD, OB_SUBTRACT, OB_MULTIPLY, OB_DIVIDE, OB_MINIMUM, OB_MAXIMUM};

bool unary(int op) { return op >= OB_NEGATE && op <= OB_RECIPROCAL; }
bool binary(int op) { return op >= OB_ADD && op <= OB_ROUND; }

bool is_sum(int op) {
  return op == OB_SUM_ALL || op == OB_SUM_SQUARES_ALL || op == OB_NONFINITE_ALL;
}

template <class T>
using Rows = std::vector<std::vector<T>>;

// What a node is worth: the elements of all tensors one after the other, or one number for all.
template <class T>
struct Value {
  bool elements;
  std::vector<T> row;
  double scalar;
};

// A number as a tensor of some type keeps it.
double kept(int32_t dtype, double x) {
  if (dtype == OB_FLOAT64 || x != x) return x;
  if (dtype == OB_FLOAT32) return static_cast<float>(x);
  const auto& format = dtype == OB_FLOAT16 ? ob_test::kFloat16 : ob_test::kBfloat16;
  return ob_test::half_value(format, ob_test::half_bits(format, x));
}

template <class T>
T compute(int op, T x, T y) {
  switch (op) {
    case OB_NEGATE:
      return -x;
    case OB_ABS:
      return std::fabs(x);
    case OB_SQRT:
      return std::sqrt(x);
    case OB_SQUARE:
      return x * x;
    case OB_SIGN:
      return x != x ? x : T(x > 0) - T(x < 0);
    case OB_RECIPROCAL:
      return T(1) / x;
    case OB_ADD:
      return x + y;
    case OB_SUBTRACT:
      return x - y;
    case OB_MULTIPLY:
      return x * y;
    case OB_DIVIDE:
      return x / y;
    case OB_ROUND:
      return static_cast<T>(kept(static_cast<int32_t>(y), x));
    case OB_MINIMUM:
      return x != x || y != y ? x + y : x < y ? x : y;
    default:
      return x != x || y != y ? x + y : x > y ? x : y;
  }
}

int64_t bytes_of(int32_t dtype) { return dtype == OB_FLOAT64 ? 8 : dtype == OB_FLOAT32 ? 4 : 2; }

double read(int32_t dtype, const char* at) {
  float single;
  double wide;
  uint16_t half;
  if (dtype == OB_FLOAT32) {
    std::memcpy(&single, at, sizeof single);
    return single;
  }
  if (dtype == OB_FLOAT64) {
    std::memcpy(&wide, at, sizeof wide);
    return wide;
  }
  std::memcpy(&half, at, sizeof half);
  const auto& format = dtype == OB_FLOAT16 ? ob_test::kFloat16 : ob_test::kBfloat16;
  return ob_test::is_half_nan(format, half) ? NAN : ob_test::half_value(format, half);
}

void write(int32_t dtype, char* at, double x) {
  const auto single = static_cast<float>(x);
  if (dtype == OB_FLOAT32) {
    std::memcpy(at, &single, sizeof single);
  } else if (dtype == OB_FLOAT64) {
    std::memcpy(at, &x, sizeof x);
  } else {
    const uint16_t half =
        ob_test::half_bits(dtype == OB_FLOAT16 ? ob_test::kFloat16 : ob_test::kBfloat16, x);
    std::memcpy(at, &half, sizeof half);
  }
}

bool same(double x, double y, double tolerance) {
  return x == y || (x != x && y != y) || std::fabs(x - y) <= tolerance;
}

// Sums are taken from the engine, after a check: their last bits depend on the order of addition.
template <class T>
void reference(const std::vector<Code>& code, const double* sums,
               const std::vector<std::vector<int32_t>>& dtypes, Rows<T>& vectors) {
  std::vector<Value<T>> values;
  const Rows<T> before = vectors;
  for (const Code& c : code) {
    Value<T> v{false, {}, c.constant};
    if (c.op == OB_LOAD) {
      v = {true, before[c.a], 0};
    } else if (unary(c.op) || binary(c.op)) {
      const Value<T>& a = values[c.a];
      const Value<T>& b = binary(c.op) ? values[c.b] : a;
      v.elements = a.elements || b.elements;
      if (v.elements) {
        v.row.resize(before[0].size());
        for (size_t i = 0; i < v.row.size(); i++) {
          v.row[i] = compute<T>(c.op, a.elements ? a.row[i] : static_cast<T>(a.scalar),
                                b.elements ? b.row[i] : static_cast<T>(b.scalar));
        }
      } else {
        v.scalar = compute<double>(c.op, a.scalar, b.scalar);
      }
    } else if (is_sum(c.op)) {
      double sum = 0, magnitude = 0;
      for (const T x : values[c.a].row) {
        const double term = c.op == OB_SUM_ALL         ? double(x)
                            : c.op == OB_NONFINITE_ALL ? double(!std::isfinite(x))
                                                       : double(x) * double(x);
        sum += term;
        magnitude += std::fabs(term);
      }
      v.scalar = *sums++;
      CHECK(same(sum, v.scalar, 1e-12 * magnitude));
    } else if (c.op == OB_STORE) {
      const Value<T>& a = values[c.a];
      for (size_t i = 0; i < vectors[c.b].size(); i++) {
        vectors[c.b][i] =
            static_cast<T>(kept(dtypes[c.b][i], a.elements ? double(a.row[i]) : a.scalar));
      }
    }
    values.push_back(v);
  }
}

// Expressions that read and overwrite the same few vectors, with now and then a sum in between.
std::vector<Code> random_code(std::mt19937& random, int vectors) {
  const auto pick = [&](int n) {
    return static_cast<int32_t>(random() % static_cast<unsigned>(n));
  };
  std::vector<Code> code;
  std::vector<char> elements;
  const auto add = [&](Code c, bool is_row) {
    code.push_back(c);
    elements.push_back(is_row);
    return static_cast<int32_t>(code.size() - 1);
  };
  for (int v = 0; v < vectors; v++) add({OB_LOAD, v, 0, 0}, true);
  add({OB_CONSTANT, 0, 0, 0.5}, false);
  add({OB_CONSTANT, 0, 0, -1.25}, false);
  const int length = 3 + pick(14);
  for (int i = 0; i < length; i++) {
    const int32_t a = pick(static_cast<int>(code.size()));
    const int32_t b = pick(static_cast<int>(code.size()));
    const int kind = pick(10);
    if (kind < 3) {
      add({kUnary[pick(6)], a, 0, 0}, elements[a]);
    } else if (kind == 3) {
      const bool half = pick(2) == 0;
      const int32_t type = add({OB_CONSTANT, 0, 0, half ? 2.0 : 3.0}, false);
      add({OB_ROUND, a, type, 0}, elements[a]);
    } else if (kind < 9 || !elements[a]) {
      add({kBinary[pick(6)], a, b, 0}, elements[a] || elements[b]);
    } else {
      const int kinds[] = {OB_SUM_ALL, OB_SUM_SQUARES_ALL, OB_NONFINITE_ALL};
      add({kinds[pick(3)], a, 0, 0}, false);
    }
  }
  const int32_t end = static_cast<int32_t>(code.size());
  for (int v = 0; v < vectors; v++) {
    if (pick(2) == 0) code.push_back({OB_STORE, pick(end), v, 0});
  }
  return code;
}

template <class T>
void random_programs(int32_t dtype, int64_t slack, bool mixed) {
  std::mt19937 random(7);
  const std::vector<int64_t> sizes = {3, 700, 1, 0, 64, 513, 2048};
  const int32_t types[] = {OB_FLOAT16, OB_BFLOAT16, OB_FLOAT32, OB_FLOAT64};
  for (int round = 0; round < (mixed ? 150 : 400); round++) {
    const int vectors = 4;
    std::vector<Code> code = random_code(random, vectors);
    std::vector<std::vector<char>> memory(vectors);
    std::vector<std::vector<int32_t>> dtypes(vectors);  // of each element
    std::vector<char> converted(vectors);
    Rows<T> expected(vectors);
    std::vector<std::vector<ob_tensor>> tables(vectors);
    for (int v = 0; v < vectors; v++) {
      converted[v] = mixed && random() % 3 > 0;
      const bool same_for_all = random() % 2 == 0;
      const int32_t type = types[random() % 4];
      // Neighbours in one allocation, with padding between them or without.
      std::vector<int64_t> starts;
      for (const int64_t size : sizes) {
        const int32_t own = !converted[v] ? dtype : same_for_all ? type : types[random() % 4];
        const int64_t bytes = bytes_of(own);
        starts.push_back((static_cast<int64_t>(memory[v].size()) + bytes - 1) / bytes * bytes);
        memory[v].resize(static_cast<size_t>(starts.back() + (size + slack) * bytes));
        tables[v].push_back(
            {nullptr, size, nullptr, "t", 1, own, OB_CPU, 0, slack * bytes_of(own)});
        dtypes[v].insert(dtypes[v].end(), static_cast<size_t>(size), own);
      }
      for (size_t t = 0; t < sizes.size(); t++) {
        ob_tensor& tensor = tables[v][t];
        tensor.shape = &sizes[t];
        tensor.data = memory[v].data() + starts[t];
        for (int64_t i = 0; i < sizes[t]; i++) {
          const double x = (static_cast<double>(random() % 2001) - 1000) / 250;
          char* at = static_cast<char*>(tensor.data) + i * bytes_of(tensor.dtype);
          write(tensor.dtype, at, x);
          expected[v].push_back(static_cast<T>(read(tensor.dtype, at)));
        }
      }
    }
    std::vector<int32_t> words;
    std::vector<double> constants;
    for (const Code& c : code) {
      const int32_t form = dtype == OB_FLOAT32 ? 1 : 2;
      const bool load = c.op == OB_LOAD, store = c.op == OB_STORE;
      words.insert(words.end(), {c.op, c.a, load && converted[c.a] ? form : c.b,
                                 store && converted[c.b] ? form : 0});
      constants.push_back(c.constant);
    }
    std::vector<int64_t> addresses;
    for (const auto& table : tables) addresses.push_back(reinterpret_cast<int64_t>(table.data()));
    std::vector<double> sums(1);
    int32_t results = 0;
    for (size_t i = 0; i < code.size(); i++) {
      if (!is_sum(code[i].op)) continue;
      words.insert(words.end(), {OB_RESULT, static_cast<int32_t>(i), results++, 0});
      constants.push_back(0);
    }
    sums.resize(static_cast<size_t>(results) + 1);
    ob_set_threads(1 + round % 3);
    const ob_result failed = ob_sweep(
        words.data(), constants.data(), static_cast<int32_t>(constants.size()), addresses.data(),
        vectors, static_cast<int64_t>(sizes.size()), nullptr, nullptr, sums.data());
    CHECK(failed == 0);
    reference(code, sums.data(), dtypes, expected);
    int wrong = 0;
    for (int v = 0; v < vectors; v++) {
      size_t at = 0;
      for (size_t t = 0; t < sizes.size(); t++) {
        const ob_tensor& tensor = tables[v][t];
        for (int64_t i = 0; i < sizes[t]; i++, at++) {
          const char* element = static_cast<char*>(tensor.data) + i * bytes_of(tensor.dtype);
          // What is stored in a wider type than it was computed in fits.
          if (!same(expected[v][at], static_cast<T>(read(tensor.dtype, element)), 0)) wrong++;
        }
      }
    }
    CHECK(wrong == 0);
  }
}

// A vector can't be both, and what is computed in must be known for each tensor.
void refusals() {
  uint16_t half[4] = {};
  float single[4] = {};
  const int64_t n = 4;
  const ob_tensor halves{half, n, &n, "h", 1, OB_BFLOAT16, OB_CPU, 0, 0};
  const ob_tensor singles{single, n, &n, "s", 1, OB_FLOAT32, OB_CPU, 0, 0};
  const int64_t tables[] = {reinterpret_cast<int64_t>(&halves),
                            reinterpret_cast<int64_t>(&singles)};
  const double constants[4] = {};
  const auto refused = [&](std::vector<int32_t> words) {
    double result[1];
    const ob_result failed =
        ob_sweep(words.data(), constants, static_cast<int32_t>(words.size() / 4), tables, 2, 1,
                 nullptr, nullptr, result);
    ob_error_free(reinterpret_cast<ob_error*>(failed));
    return failed != 0;
  };
  CHECK(!refused({OB_LOAD, 0, 1, 0, OB_STORE, 0, 1, 0}));
  CHECK(refused({OB_LOAD, 0, 0, 0, OB_STORE, 0, 1, 0}));  // bfloat16 as it is
  CHECK(refused({OB_LOAD, 0, 1, 0, OB_STORE, 0, 0, 0}));  // in one place only
  CHECK(refused({OB_LOAD, 0, 3, 0, OB_STORE, 0, 1, 0}));
  CHECK(refused({OB_LOAD, 1, 0, 0, OB_STORE, 0, 0, 0}));
}

}  // namespace

int main() {
  for (const bool mixed : {false, true}) {
    for (const int64_t slack : {0, 5}) {
      random_programs<float>(OB_FLOAT32, slack, mixed);
      random_programs<double>(OB_FLOAT64, slack, mixed);
    }
  }
  refusals();
  return ob_test::result();
}
