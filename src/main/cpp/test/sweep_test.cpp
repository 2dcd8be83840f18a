// Random programs through the engine, against loops that do one operation at a time.
#include <cmath>
#include <random>
#include <vector>

#include "check.h"
#include "core/ob_core.h"

namespace {

struct Code {
  int32_t op, a, b;
  double constant;
};

constexpr int kUnary[] = {OB_NEGATE, OB_ABS, OB_SQRT, OB_SQUARE, OB_SIGN, OB_RECIPROCAL};
constexpr int kBinary[] = {OB_ADD, OB_SUBTRACT, OB_MULTIPLY, OB_DIVIDE, OB_MINIMUM, OB_MAXIMUM};

bool unary(int op) { return op >= OB_NEGATE && op <= OB_RECIPROCAL; }
bool binary(int op) { return op >= OB_ADD && op <= OB_POWER; }

bool is_sum(int op) { return op == OB_SUM_ALL || op == OB_SUM_SQUARES_ALL; }

template <class T>
using Rows = std::vector<std::vector<T>>;

// What a node is worth: the elements of all tensors one after the other, or one number for all.
template <class T>
struct Value {
  bool elements;
  std::vector<T> row;
  double scalar;
};

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
    case OB_MINIMUM:
      return x != x || y != y ? x + y : x < y ? x : y;
    default:
      return x != x || y != y ? x + y : x > y ? x : y;
  }
}

bool same(double x, double y, double tolerance) {
  return x == y || (x != x && y != y) || std::fabs(x - y) <= tolerance;
}

// Sums are taken from the engine, after a check: their last bits depend on the order of addition.
template <class T>
void reference(const std::vector<Code>& code, const double* sums, Rows<T>& vectors) {
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
        const double term = c.op == OB_SUM_ALL ? double(x) : double(x) * double(x);
        sum += term;
        magnitude += std::fabs(term);
      }
      v.scalar = *sums++;
      CHECK(same(sum, v.scalar, 1e-12 * magnitude));
    } else if (c.op == OB_STORE) {
      const Value<T>& a = values[c.a];
      for (size_t i = 0; i < vectors[c.b].size(); i++) {
        vectors[c.b][i] = a.elements ? a.row[i] : static_cast<T>(a.scalar);
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
    } else if (kind < 9 || !elements[a]) {
      add({kBinary[pick(6)], a, b, 0}, elements[a] || elements[b]);
    } else {
      add({kind % 2 == 0 ? OB_SUM_ALL : OB_SUM_SQUARES_ALL, a, 0, 0}, false);
    }
  }
  const int32_t end = static_cast<int32_t>(code.size());
  for (int v = 0; v < vectors; v++) {
    if (pick(2) == 0) code.push_back({OB_STORE, pick(end), v, 0});
  }
  return code;
}

template <class T>
void random_programs(int32_t dtype, int64_t slack) {
  std::mt19937 random(7);
  const std::vector<int64_t> sizes = {3, 700, 1, 0, 64, 513, 2048};
  for (int round = 0; round < 400; round++) {
    const int vectors = 4;
    const std::vector<Code> code = random_code(random, vectors);
    // Neighbours in one allocation, with padding between them or without.
    std::vector<int64_t> starts;
    int64_t length = 0;
    for (const int64_t size : sizes) {
      starts.push_back(length);
      length += size + slack;
    }
    Rows<T> memory(vectors, std::vector<T>(static_cast<size_t>(length)));
    Rows<T> expected(vectors);
    std::vector<std::vector<ob_tensor>> tables(vectors);
    for (int v = 0; v < vectors; v++) {
      for (size_t t = 0; t < sizes.size(); t++) {
        for (int64_t i = 0; i < sizes[t]; i++) {
          const T x = static_cast<T>((static_cast<double>(random() % 2001) - 1000) / 250);
          memory[v][static_cast<size_t>(starts[t] + i)] = x;
          expected[v].push_back(x);
        }
        tables[v].push_back({memory[v].data() + starts[t], sizes[t], &sizes[t], "t", 1, dtype,
                             OB_CPU, 0, slack * static_cast<int64_t>(sizeof(T))});
      }
    }
    std::vector<int32_t> words;
    std::vector<double> constants;
    for (const Code& c : code) {
      words.insert(words.end(), {c.op, c.a, c.b, 0});
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
    reference(code, sums.data(), expected);
    int wrong = 0;
    for (int v = 0; v < vectors; v++) {
      size_t at = 0;
      for (size_t t = 0; t < sizes.size(); t++) {
        for (int64_t i = 0; i < sizes[t]; i++, at++) {
          const T actual = memory[v][static_cast<size_t>(starts[t] + i)];
          if (!same(expected[v][at], actual, 0)) wrong++;
        }
      }
    }
    CHECK(wrong == 0);
  }
}

}  // namespace

int main() {
  for (const int64_t slack : {0, 5}) {
    random_programs<float>(OB_FLOAT32, slack);
    random_programs<double>(OB_FLOAT64, slack);
  }
  return ob_test::result();
}
