// The sweep engine: runs a program over all tensors of its vectors in blocks that stay in cache.
//
// A program is cut into stages at its reductions. In each stage the element-wise nodes that its
// reductions and stores need are computed block by block; a node that several stages need is
// computed again in each, since arithmetic in cache costs less than another pass over memory.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>
#include <vector>

#include "core/block_kernels.h"
#include "core/guard.h"
#include "core/ob_core.h"
#include "core/pool.h"

namespace optibridge {
namespace {

// A thread takes this many elements at a time. Sums are formed per chunk and added in order.
constexpr int64_t kChunk = 64 * kBlock;
// Rows start this many bytes apart beyond their length, lest they share the same L1 sets.
constexpr int64_t kRowPadding = 192;

enum Rank : uint8_t { kOne = 0, kPerTensor = 1, kElements = 2 };

bool is_unary(int op) { return op >= OB_NEGATE && op <= OB_RECIPROCAL; }
bool is_binary(int op) { return op >= OB_ADD && op <= OB_POWER; }
bool is_reduction(int op) { return op >= OB_SUM_EACH && op <= OB_SUM_SQUARES_ALL; }
bool is_each(int op) { return op == OB_SUM_EACH || op == OB_SUM_SQUARES_EACH; }

struct Node {
  int32_t op, a, b;
  double constant;
  Rank rank = kOne;
  int32_t stage = 0;
  int32_t row = -1;             // scratch row in the current stage
  bool needed = false;          // in the current stage
  std::vector<double> scalars;  // one, or one per tensor
};

struct Chunk {
  int64_t tensor, offset, length;
};

// One instruction of a stage; operands are rows, loads or scalars of other nodes.
struct Instruction {
  int32_t node;
  int32_t store_to;  // vector to write the result to directly, or -1
};

class Sweep {
 public:
  Sweep(const int32_t* code, const double* constant, int32_t nodes, const int64_t* vectors,
        int32_t vector_count, int64_t tensors, const double* values)
      : tensors_(tensors) {
    for (int32_t i = 0; i < vector_count; i++) {
      vectors_.push_back(reinterpret_cast<const ob_tensor*>(vectors[i]));
    }
    nodes_.resize(static_cast<size_t>(nodes));
    for (int32_t i = 0; i < nodes; i++) {
      nodes_[i].op = code[4 * i];
      nodes_[i].a = code[4 * i + 1];
      nodes_[i].b = code[4 * i + 2];
      nodes_[i].constant = constant[i];
      analyse(i, values);
    }
    delay_stores();
    cut_into_chunks();
  }

  void run(double* results) {
    for (int32_t stage = 0; stage <= last_stage_; stage++) {
      compute_scalars(stage);
      plan(stage);
      if (!instructions_.empty() || !reductions_.empty() || !stores_.empty()) {
        execute();
        finish_reductions();
      }
    }
    for (const Node& node : nodes_) {
      if (node.op == OB_RESULT) {
        const std::vector<double>& values = nodes_[node.a].scalars;
        std::copy(values.begin(), values.end(), results + node.b);
      }
    }
  }

 private:
  // A store waits for the last stage that still loads what it overwrites.
  void delay_stores() {
    bool changed = true;
    while (changed) {
      changed = false;
      for (int32_t stage = 1; stage <= last_stage_; stage++) {
        plan(stage);
        for (Node& store : nodes_) {
          if (store.op != OB_STORE || store.stage >= stage) {
            continue;
          }
          for (const Node& load : nodes_) {
            if (load.op == OB_LOAD && load.needed && load.a == store.b) {
              store.stage = stage;
              changed = true;
            }
          }
        }
      }
    }
  }

  void analyse(int32_t i, const double* values) {
    Node& node = nodes_[i];
    const auto operand = [&](int32_t index) -> const Node& {
      if (index < 0 || index >= i) {
        throw std::invalid_argument("node " + std::to_string(i) + " has no such operand");
      }
      return nodes_[index];
    };
    if (node.op == OB_LOAD) {
      require_vector(node.a);
      node.rank = kElements;
    } else if (node.op == OB_CONSTANT) {
      node.scalars.assign(1, node.constant);
    } else if (node.op == OB_CONSTANT_EACH) {
      node.rank = kPerTensor;
      node.scalars.assign(values + node.a, values + node.a + tensors_);
    } else if (is_unary(node.op)) {
      node.rank = operand(node.a).rank;
      node.stage = operand(node.a).stage;
    } else if (is_binary(node.op)) {
      node.rank = std::max(operand(node.a).rank, operand(node.b).rank);
      node.stage = std::max(operand(node.a).stage, operand(node.b).stage);
    } else if (is_reduction(node.op)) {
      if (operand(node.a).rank != kElements) {
        throw std::invalid_argument("a reduction needs elements to reduce");
      }
      node.rank = is_each(node.op) ? kPerTensor : kOne;
      node.stage = operand(node.a).stage + 1;
    } else if (node.op == OB_STORE) {
      require_vector(node.b);
      node.stage = operand(node.a).stage;
    } else if (node.op == OB_RESULT) {
      if (operand(node.a).rank == kElements) {
        throw std::invalid_argument("a result must be a scalar");
      }
      node.stage = operand(node.a).stage;
    } else {
      throw std::invalid_argument("unknown opcode " + std::to_string(node.op));
    }
    last_stage_ = std::max(last_stage_, node.stage);
  }

  void require_vector(int32_t index) const {
    if (index < 0 || index >= static_cast<int32_t>(vectors_.size())) {
      throw std::invalid_argument("no such vector");
    }
  }

  void cut_into_chunks() {
    if (vectors_.empty()) {
      throw std::invalid_argument("a program needs at least one vector");
    }
    for (int64_t t = 0; t < tensors_; t++) {
      const ob_tensor& first = vectors_[0][t];
      for (const ob_tensor* vector : vectors_) {
        if (vector[t].numel != first.numel || vector[t].dtype != first.dtype ||
            vector[t].device_type != OB_CPU) {
          throw std::invalid_argument(std::string("tensor '") + first.name +
                                      "' differs in size, dtype or device between operands");
        }
      }
      for (int64_t offset = 0; offset < first.numel; offset += kChunk) {
        chunks_.push_back({t, offset, std::min(kChunk, first.numel - offset)});
      }
      elements_ += first.numel;
    }
  }

  // Scalars of a stage are cheap and computed on the calling thread.
  void compute_scalars(int32_t stage) {
    for (Node& node : nodes_) {
      if (node.stage != stage || node.rank == kElements) {
        continue;
      }
      if (is_unary(node.op)) {
        const std::vector<double>& a = nodes_[node.a].scalars;
        node.scalars.resize(a.size());
        for (size_t t = 0; t < a.size(); t++) {
          node.scalars[t] = apply_unary(node.op, a[t]);
        }
      } else if (is_binary(node.op)) {
        const Node& a = nodes_[node.a];
        const Node& b = nodes_[node.b];
        node.scalars.resize(std::max(a.scalars.size(), b.scalars.size()));
        for (size_t t = 0; t < node.scalars.size(); t++) {
          node.scalars[t] = apply_binary(node.op, scalar(a, t), scalar(b, t));
        }
      }
    }
  }

  static double scalar(const Node& node, size_t tensor) {
    return node.scalars.size() == 1 ? node.scalars[0] : node.scalars[tensor];
  }

  // Lists what this stage computes and gives every intermediate a scratch row, reused as soon as
  // its last reader has run.
  void plan(int32_t stage) {
    instructions_.clear();
    reductions_.clear();
    stores_.clear();
    for (Node& node : nodes_) {
      node.needed = false;
      node.row = -1;
    }
    for (int32_t i = static_cast<int32_t>(nodes_.size()) - 1; i >= 0; i--) {
      Node& node = nodes_[i];
      if (node.stage == stage + 1 && is_reduction(node.op)) {
        reductions_.push_back(i);
        nodes_[node.a].needed = true;
      } else if (node.stage == stage && node.op == OB_STORE) {
        stores_.push_back(i);
        nodes_[node.a].needed = true;
      } else if (node.needed && node.rank == kElements && node.op != OB_LOAD) {
        nodes_[node.a].needed = true;
        if (is_binary(node.op)) {
          nodes_[node.b].needed = true;
        }
      }
    }
    std::reverse(stores_.begin(), stores_.end());
    assign_rows();
  }

  void assign_rows() {
    const int32_t count = static_cast<int32_t>(nodes_.size());
    last_use_.assign(nodes_.size(), -1);
    int32_t last_instruction = -1;
    for (int32_t i = 0; i < count; i++) {
      if (nodes_[i].needed && nodes_[i].rank == kElements && nodes_[i].op != OB_LOAD) {
        last_use_[nodes_[i].a] = i;
        if (is_binary(nodes_[i].op)) {
          last_use_[nodes_[i].b] = i;
        }
        last_instruction = i;
      }
    }
    // Rows that a store or a reduction reads live until the end of the block.
    for (int32_t i : stores_) {
      last_use_[nodes_[i].a] = count;
    }
    for (int32_t i : reductions_) {
      last_use_[nodes_[i].a] = count;
    }
    free_rows_.clear();
    rows_ = 0;
    for (int32_t i = 0; i <= last_instruction; i++) {
      Node& node = nodes_[i];
      if (!node.needed || node.rank != kElements || node.op == OB_LOAD) {
        continue;
      }
      // The last value of a block may go straight to memory: nothing reads the target after it.
      int32_t store_to = -1;
      if (i == last_instruction && stores_.size() == 1 && nodes_[stores_[0]].a == i &&
          reductions_.empty()) {
        store_to = nodes_[stores_[0]].b;
        stores_.clear();
      } else {
        release_row(node.a, i);
        if (is_binary(node.op) && node.b != node.a) {
          release_row(node.b, i);
        }
        if (free_rows_.empty()) {
          free_rows_.push_back(rows_++);
        }
        node.row = free_rows_.back();
        free_rows_.pop_back();
      }
      instructions_.push_back({i, store_to});
    }
  }

  // In place is fine: every instruction reads element i before it writes element i.
  void release_row(int32_t index, int32_t reader) {
    if (nodes_[index].row >= 0 && last_use_[index] == reader) {
      free_rows_.push_back(nodes_[index].row);
    }
  }

  void execute() {
    partials_.assign(reductions_.size() * chunks_.size(), 0.0);
    if (elements_ < kParallelElements) {
      for (size_t c = 0; c < chunks_.size(); c++) {
        run_chunk(static_cast<int64_t>(c));
      }
    } else {
      parallel(
          static_cast<int64_t>(chunks_.size()),
          [](void* self, int64_t c) { static_cast<Sweep*>(self)->run_chunk(c); }, this);
    }
    if (out_of_scratch_.load()) {
      throw std::bad_alloc();
    }
  }

  // Runs on threads where nobody catches; only the growth of the scratch rows can fail.
  void run_chunk(int64_t c) noexcept {
    try {
      if (vectors_[0][chunks_[c].tensor].dtype == OB_FLOAT32) {
        run_chunk_as<float>(kernels().f32, c);
      } else {
        run_chunk_as<double>(kernels().f64, c);
      }
    } catch (...) {
      out_of_scratch_.store(true);
    }
  }

  template <class T>
  static T* row_address(int32_t row, char* scratch) {
    return reinterpret_cast<T*>(scratch + row * (kBlock * sizeof(double) + kRowPadding));
  }

  static char* scratch(int32_t rows) {
    thread_local std::vector<double> memory;
    const size_t needed = static_cast<size_t>(rows) * (kBlock + kRowPadding / sizeof(double)) + 8;
    if (memory.size() < needed) {
      memory.resize(needed);
    }
    const auto start = reinterpret_cast<uintptr_t>(memory.data());
    return reinterpret_cast<char*>((start + 63) / 64 * 64);
  }

  template <class T>
  void run_chunk_as(const BlockKernels<T>& k, int64_t c) {
    const Chunk& chunk = chunks_[c];
    char* rows = scratch(rows_);
    for (int64_t at = 0; at < chunk.length; at += kBlock) {
      const int64_t n = std::min(kBlock, chunk.length - at);
      const int64_t offset = chunk.offset + at;
      const auto operand = [&](int32_t index) -> Operand<T> {
        const Node& node = nodes_[index];
        if (node.rank != kElements) {
          return {nullptr, static_cast<T>(scalar(node, static_cast<size_t>(chunk.tensor)))};
        }
        if (node.op == OB_LOAD) {
          return {static_cast<const T*>(vectors_[node.a][chunk.tensor].data) + offset, 0};
        }
        return {row_address<T>(node.row, rows), 0};
      };
      const auto target = [&](int32_t vector) {
        return static_cast<T*>(vectors_[vector][chunk.tensor].data) + offset;
      };
      for (const Instruction& instruction : instructions_) {
        const Node& node = nodes_[instruction.node];
        T* out = instruction.store_to >= 0 ? target(instruction.store_to)
                                           : row_address<T>(node.row, rows);
        if (is_unary(node.op)) {
          k.unary(node.op, out, operand(node.a).row, n);
        } else {
          k.binary(node.op, out, operand(node.a), operand(node.b), n);
        }
      }
      for (size_t r = 0; r < reductions_.size(); r++) {
        const Node& node = nodes_[reductions_[r]];
        const T* row = operand(node.a).row;
        const bool squares = node.op == OB_SUM_SQUARES_EACH || node.op == OB_SUM_SQUARES_ALL;
        partials_[r * chunks_.size() + static_cast<size_t>(c)] +=
            squares ? k.sum_squares(row, n) : k.sum(row, n);
      }
      for (int32_t s : stores_) {
        const Operand<T> value = operand(nodes_[s].a);
        T* to = target(nodes_[s].b);
        if (value.row == nullptr) {
          std::fill(to, to + n, value.scalar);
        } else if (value.row != to) {
          std::memcpy(to, value.row, static_cast<size_t>(n) * sizeof(T));
        }
      }
    }
  }

  void finish_reductions() {
    for (size_t r = 0; r < reductions_.size(); r++) {
      Node& node = nodes_[reductions_[r]];
      node.scalars.assign(is_each(node.op) ? static_cast<size_t>(tensors_) : 1, 0.0);
      for (size_t c = 0; c < chunks_.size(); c++) {
        const size_t at = is_each(node.op) ? static_cast<size_t>(chunks_[c].tensor) : 0;
        node.scalars[at] += partials_[r * chunks_.size() + c];
      }
    }
  }

  const int64_t tensors_;
  int64_t elements_ = 0;
  int32_t last_stage_ = 0;
  int32_t rows_ = 0;
  std::vector<const ob_tensor*> vectors_;
  std::vector<Node> nodes_;
  std::vector<Chunk> chunks_;
  // The plan of the current stage.
  std::vector<Instruction> instructions_;
  std::vector<int32_t> reductions_;
  std::vector<int32_t> stores_;
  std::vector<int32_t> last_use_;
  std::vector<int32_t> free_rows_;
  std::vector<double> partials_;
  std::atomic<bool> out_of_scratch_{false};
};

}  // namespace
}  // namespace optibridge

ob_result ob_sweep(const int32_t* code, const double* constant, int32_t nodes,
                   const int64_t* vectors, int32_t vector_count, int64_t tensors,
                   const double* values, const int64_t* /*extras*/, double* results) noexcept {
  return optibridge::guarded("sweep", [=] {
    optibridge::Sweep(code, constant, nodes, vectors, vector_count, tensors, values).run(results);
  });
}

void ob_floor_adam(float* p, const float* g, float* m, float* v, int64_t numel) noexcept {
  struct Streams {
    float* p;
    const float* g;
    float* m;
    float* v;
    int64_t numel, part;
  } streams{p, g, m, v, numel, numel};
  if (numel >= optibridge::kParallelElements) {
    // One stretch of memory for each thread, a multiple of a cache line long.
    streams.part = (numel / ob_threads() / 16 + 1) * 16;
  }
  optibridge::parallel(
      streams.part == 0 ? 0 : (numel + streams.part - 1) / streams.part,
      [](void* context, int64_t task) {
        const auto& s = *static_cast<Streams*>(context);
        const int64_t from = task * s.part;
        const int64_t n = std::min(s.part, s.numel - from);
        optibridge::kernels().floor_adam(s.p + from, s.g + from, s.m + from, s.v + from, n);
      },
      &streams);
}
