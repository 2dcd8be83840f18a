// Noise through the C ABI: the same bits for any cut, the distributions, and what is refused.
#include "core/noise.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/ob_core.h"
#include "test/check.h"

namespace {

constexpr int64_t kKey[4] = {0x0123456789abcdef, -2, 3, INT64_MIN};

template <class T>
std::vector<T> noise(int kind, int64_t first, int64_t n, int64_t draw = 7, int64_t tensor = 5,
                     const int64_t* key = kKey) {
  std::vector<T> out(static_cast<size_t>(n));
  const int32_t dtype = sizeof(T) == sizeof(float) ? OB_FLOAT32 : OB_FLOAT64;
  CHECK(ob_fill_noise(kind, key, draw, tensor, first, n, dtype, out.data()) == 0);
  return out;
}

template <class T>
bool same_bits(const T* a, const T* b, size_t n) {
  return std::memcmp(a, b, n * sizeof(T)) == 0;
}

template <class T>
void any_cut(int kind) {
  const int64_t last = optibridge::kNoiseElements;
  for (const int64_t start : {int64_t{0}, int64_t{37}, int64_t{1024}, last - 5000}) {
    const int64_t n = 5000;
    const std::vector<T> whole = noise<T>(kind, start, n);
    int64_t step = 1;
    for (int64_t at = 0; at < n; step = step * 7 % 1031) {
      const int64_t take = std::min(step, n - at);
      CHECK(same_bits(noise<T>(kind, start + at, take).data(), &whole[static_cast<size_t>(at)],
                      static_cast<size_t>(take)));
      at += take;
    }
  }
}

// m4, m6, m8: standardized central moments, which give the standard errors.
void moments(int kind, double variance, double m4, double m6, double m8) {
  const int64_t n = 10'000'000;
  const double root = std::sqrt(static_cast<double>(n));
  const std::vector<double> z = noise<double>(kind, 0, n);
  double s1 = 0, s2 = 0, s3 = 0, s4 = 0, pairs = 0, square_pairs = 0, neighbours = 0;
  const double steps[] = {0.01, 0.1, 0.5, 1, 2, 3, 4};
  double shares[7] = {};
  for (size_t i = 0; i < z.size(); i++) {
    const double x = z[i] / std::sqrt(variance), q = x * x;
    s1 += x;
    s2 += q;
    s3 += q * x;
    s4 += q * q;
    // Partners of Box-Muller lie 64 apart.
    const double y = z[i ^ 64] / std::sqrt(variance);
    pairs += x * y;
    square_pairs += (q - 1) * (y * y - 1);
    neighbours += x * (i == 0 ? 0 : z[i - 1] / std::sqrt(variance));
    for (int k = 0; k < 7; k++) {
      shares[k] += std::fabs(z[i]) <= steps[k] ? 1 : 0;
    }
  }
  const auto count = static_cast<double>(n);
  const double mean = s1 / count, second = s2 / count - mean * mean;
  const double third = s3 / count - 3 * mean * s2 / count + 2 * mean * mean * mean;
  const double fourth = s4 / count - 4 * mean * s3 / count + 6 * mean * mean * s2 / count -
                        3 * mean * mean * mean * mean;
  CHECK_NEAR(mean, 0, 5 / root);
  CHECK_NEAR(std::sqrt(second), 1, 5 * std::sqrt(m4 - 1) / 2 / root);
  CHECK_NEAR(third / std::pow(second, 1.5), 0, 5 * std::sqrt(m6 - 6 * m4 + 9) / root);
  CHECK_NEAR(fourth / (second * second), m4,
             5 * std::sqrt(m8 - 4 * m4 * m6 + 4 * m4 * m4 * m4 - m4 * m4) / root);
  // Each pair is counted twice.
  CHECK_NEAR(pairs / count, 0, 5 * std::sqrt(2.0) / root);
  CHECK_NEAR(square_pairs / count, 0, 5 * std::sqrt(2.0) * (m4 - 1) / root);
  CHECK_NEAR(neighbours / count, 0, 5 / root);
  for (int k = 0; k < 7; k++) {
    const double p =
        kind == OB_NOISE_GAUSSIAN ? std::erf(steps[k] / std::sqrt(2.0)) : 1 - std::exp(-steps[k]);
    CHECK_NEAR(shares[k] / count, p, 5 * std::sqrt(p * (1 - p)) / root);
  }
}

// Every input changes the noise.
void separation(int kind) {
  const std::vector<double> base = noise<double>(kind, 0, 128);
  const int64_t draw = 7, tensor = 5;
  std::vector<std::vector<double>> others = {
      noise<double>(OB_NOISE_GAUSSIAN + OB_NOISE_LAPLACE - kind, 0, 128),
      noise<double>(kind, 128, 128), noise<double>(kind, int64_t{1} << 34, 128),
      noise<double>(kind, 0, 128, draw, tensor + 1), noise<double>(kind, 0, 128, draw, INT32_MAX)};
  for (int bit = 0; bit < 64; bit += 9) {
    others.push_back(
        noise<double>(kind, 0, 128, static_cast<int64_t>(draw ^ (uint64_t{1} << bit))));
  }
  for (int word = 0; word < 4; word++) {
    int64_t key[4];
    std::memcpy(key, kKey, sizeof key);
    key[word] ^= int64_t{1} << (10 * word);
    others.push_back(noise<double>(kind, 0, 128, draw, tensor, key));
  }
  for (const std::vector<double>& other : others) {
    int equal = 0;
    for (size_t i = 0; i < base.size(); i++) {
      equal += base[i] == other[i] ? 1 : 0;
    }
    CHECK(equal == 0);
  }
}

void fails(ob_result result) {
  auto* error = reinterpret_cast<ob_error*>(result);
  CHECK(error != nullptr);
  if (error != nullptr) {
    CHECK(ob_error_code(error) == OB_INVALID);
    ob_error_free(error);
  }
}

void refusals() {
  double out[1] = {42};
  const int64_t last = optibridge::kNoiseElements;
  fails(ob_fill_noise(OB_ADD, kKey, 0, 0, 0, 1, OB_FLOAT64, out));
  fails(ob_fill_noise(OB_NOISE_GAUSSIAN, kKey, 0, -1, 0, 1, OB_FLOAT64, out));
  fails(ob_fill_noise(OB_NOISE_GAUSSIAN, kKey, 0, int64_t{1} << 31, 0, 1, OB_FLOAT64, out));
  fails(ob_fill_noise(OB_NOISE_GAUSSIAN, kKey, 0, 0, -1, 1, OB_FLOAT64, out));
  fails(ob_fill_noise(OB_NOISE_GAUSSIAN, kKey, 0, 0, last, 1, OB_FLOAT64, out));
  fails(ob_fill_noise(OB_NOISE_GAUSSIAN, kKey, 0, 0, 0, INT64_MAX, OB_FLOAT64, out));
  fails(ob_fill_noise(OB_NOISE_GAUSSIAN, kKey, 0, 0, 0, 1, 9, out));
  fails(ob_fill_noise(OB_NOISE_GAUSSIAN, nullptr, 0, 0, 0, 1, OB_FLOAT64, out));
  fails(ob_random_key(nullptr));
  CHECK(out[0] == 42);
  CHECK(ob_fill_noise(OB_NOISE_GAUSSIAN, kKey, 0, 0, last, 0, OB_FLOAT64, out) == 0);
}

void random_keys() {
  int64_t a[4] = {}, b[4] = {};
  CHECK(ob_random_key(a) == 0);
  CHECK(ob_random_key(b) == 0);
  for (int w = 0; w < 4; w++) {
    CHECK(a[w] != 0 && a[w] != b[w]);
  }
}

}  // namespace

int main() {
  for (const int kind : {OB_NOISE_GAUSSIAN, OB_NOISE_LAPLACE}) {
    any_cut<float>(kind);
    any_cut<double>(kind);
    separation(kind);
  }
  moments(OB_NOISE_GAUSSIAN, 1, 3, 15, 105);
  moments(OB_NOISE_LAPLACE, 2, 6, 90, 2520);
  refusals();
  random_keys();
  return ob_test::result();
}
