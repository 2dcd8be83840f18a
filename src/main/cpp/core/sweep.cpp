// The sweep engine: runs a program over all tensors of its vectors in blocks that stay in cache.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/block_kernels.h"
#include "core/convert.h"
#include "core/guard.h"
#include "core/noise.h"
#include "core/ob_core.h"
#include "core/pool.h"
#include "core/program.h"
#include "core/segments.h"

namespace optibridge {
namespace {

// A framework's kernel costs about a microsecond to call, so it gets longer blocks: rows of it fill
// a part of the second-level cache.
constexpr int64_t kCallBlock = 32768;
constexpr int64_t kLongest = 65536;
// Rows start this many bytes apart beyond their length, lest they share the same L1 sets.
constexpr int64_t kRowPadding = 192;

// Memory of one thread for as long as the thread lives.
char* scratch(int64_t bytes) {
  thread_local std::vector<char> memory;
  if (static_cast<int64_t>(memory.size()) < bytes + 64) {
    memory.resize(static_cast<size_t>(bytes) + 64);
  }
  return reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64);
}

class Run {
 public:
  Run(const Program& program, const double* constant, const int64_t* vectors, int64_t tensors,
      const double* values, const int64_t* extras)
      : program_(program), tensors_(tensors), extras_(extras) {
    for (int32_t i = 0; i < program.vectors; i++) {
      vectors_.push_back(reinterpret_cast<const ob_tensor*>(vectors[i]));
    }
    scalars_.resize(program.nodes.size());
    for (size_t i = 0; i < program.nodes.size(); i++) {
      const Node& node = program.nodes[i];
      if (node.op == OB_CONSTANT) {
        scalars_[i].one = constant[i];
      } else if (node.op == OB_CONSTANT_EACH) {
        scalars_[i].each.assign(values + node.a, values + node.a + tensors);
      }
    }
  }

  void run(double* results) {
    // What does not fit together is refused before anything is written.
    for (const Stage& stage : program_.stages) segments_for(stage);
    for (const Node& node : program_.nodes) {
      if (node.op == OB_NOISE_GAUSSIAN || node.op == OB_NOISE_LAPLACE) require_noise();
    }
    for (size_t s = 0; s < program_.stages.size(); s++) {
      stage_ = &program_.stages[s];
      compute_scalars(static_cast<int32_t>(s));
      if (!stage_->instructions.empty()) execute();
    }
    for (const Node& node : program_.nodes) {
      if (node.op != OB_RESULT) continue;
      const Scalar& scalar = scalars_[node.a];
      if (scalar.each.empty()) {
        results[node.b] = scalar.one;
      } else {
        std::copy(scalar.each.begin(), scalar.each.end(), results + node.b);
      }
    }
  }

 private:
  struct Scalar {
    double one = 0;
    std::vector<double> each;  // one for each tensor, if they differ

    double at(int64_t tensor) const {
      return each.empty() ? one : each[static_cast<size_t>(tensor)];
    }
  };

  // Beyond these sizes the generator would repeat itself.
  void require_noise() const {
    bool good = tensors_ <= kNoiseTensors;
    for (int64_t t = 0; t < tensors_; t++) good &= vectors_[0][t].numel <= kNoiseElements;
    if (!good) throw Unsupported("noise for more than 2^31 tensors, or 2^35 elements of one");
  }

  // Cheap, so computed on the calling thread.
  void compute_scalars(int32_t stage) {
    for (size_t i = 0; i < program_.nodes.size(); i++) {
      const Node& node = program_.nodes[i];
      if (node.stage != stage || node.rank == Rank::kElements || node.op < OB_NEGATE ||
          node.op > OB_ROUND) {
        continue;
      }
      const Scalar& a = scalars_[node.a];
      const Scalar& b = node.op >= OB_ADD ? scalars_[node.b] : a;
      if (node.rank == Rank::kOne) {
        scalars_[i].one = apply(node.op, a.one, b.one);
        continue;
      }
      scalars_[i].each.resize(static_cast<size_t>(tensors_));
      for (int64_t t = 0; t < tensors_; t++) {
        scalars_[i].each[static_cast<size_t>(t)] = apply(node.op, a.at(t), b.at(t));
      }
    }
  }

  const Segments& segments_for(const Stage& stage) {
    // A call's rows are of one tensor, and it never shares a stretch.
    auto& cached = stage.has_call ? call_segments_ : segments_[static_cast<size_t>(stage.merge)];
    if (cached == nullptr) {
      cached = std::make_unique<Segments>(vectors_, tensors_, program_, stage.merge,
                                          stage.has_call ? kCallBlock : kLongest);
    }
    return *cached;
  }

  void execute() {
    const Segments& segments = segments_for(*stage_);
    current_ = &segments;
    partials_.assign(stage_->sums.size() * static_cast<size_t>(segments.size()), 0.0);
    if (segments.elements() < kParallelElements) {
      for (int64_t task = 0; task < segments.tasks(); task++) run_task(task);
    } else {
      parallel(
          segments.tasks(),
          [](void* self, int64_t task) { static_cast<Run*>(self)->run_task(task); }, this);
    }
    if (out_of_scratch_.load()) throw std::bad_alloc();
    if (const ob_result failed = call_error_.exchange(0)) {
      const auto* error = reinterpret_cast<const ob_error*>(failed);
      const std::string message = ob_error_message(error);
      ob_error_free(reinterpret_cast<ob_error*>(failed));
      throw std::runtime_error(message);
    }
    finish_reductions(segments);
  }

  // Runs on threads where nobody catches; only the growth of the scratch memory can fail.
  void run_task(int64_t task) noexcept {
    try {
      for (int64_t s = current_->start(task); s < current_->start(task + 1); s++) {
        if ((*current_)[s].dtype == OB_FLOAT32) {
          run_segment<float>(kernels().f32, s);
        } else {
          run_segment<double>(kernels().f64, s);
        }
      }
    } catch (...) {
      out_of_scratch_.store(true);
    }
  }

  // The operands of a conversion or a fill, and how many bytes they move on by.
  struct Conversion {
    int32_t from_dtype, to_dtype;
    const char* from;
    char* to;
    int64_t from_step, to_step;
  };

  // An instruction with the addresses of its operands, which move on from block to block.
  template <class T>
  struct Prepared {
    Arguments<T> arguments;
    int64_t out_step[kMaxOuts];
    int64_t row_step[kMaxRows];
    int64_t fetch_step[kMaxFetches];  // in bytes
    Conversion conversion;
  };

  template <class T>
  void run_segment(const BlockKernels<T>& k, int64_t s) {
    const Segment& segment = (*current_)[s];
    // A lone loop has no rows to keep in cache and goes through in one.
    const bool alone = stage_->instructions.size() == 1 && stage_->scratch_rows == 0;
    const int64_t block = stage_->has_call ? kCallBlock : alone ? kLongest : kBlock;
    const int64_t row_bytes = block * static_cast<int64_t>(sizeof(T)) + kRowPadding;
    const size_t count = stage_->instructions.size();
    const int64_t prepared_bytes = static_cast<int64_t>(count * sizeof(Prepared<T>) + 63) / 64 * 64;
    char* memory = scratch(prepared_bytes + stage_->scratch_rows * row_bytes);
    auto* prepared = reinterpret_cast<Prepared<T>*>(memory);
    const auto address = [&](const Place& place) -> T* {
      if (place.kind == Place::kMemory) {
        return static_cast<T*>(vectors_[place.index][segment.tensor].data) + segment.offset;
      }
      return reinterpret_cast<T*>(memory + prepared_bytes + place.index * row_bytes);
    };
    const auto step = [&](const Place& place) { return place.kind == Place::kMemory ? block : 0; };
    const auto tensor = [&](const Place& place) -> const ob_tensor& {
      return vectors_[place.index][segment.tensor];
    };
    const auto dtype = [&](const Place& place) {
      return place.kind == Place::kMemory ? tensor(place).dtype : segment.dtype;
    };
    const auto bytes = [&](const Place& place, int64_t elements) {
      return elements * element_bytes(dtype(place));
    };
    const auto raw = [&](const Place& place) {
      return place.kind == Place::kMemory
                 ? static_cast<char*>(tensor(place).data) + bytes(place, segment.offset)
                 : reinterpret_cast<char*>(address(place));
    };
    for (size_t i = 0; i < count; i++) {
      const Instruction& instruction = stage_->instructions[i];
      Prepared<T>& p = prepared[i];
      if (is_raw(instruction)) {
        const Place &to = instruction.out[0], &from = instruction.row[0];
        p.conversion = {dtype(from),
                        dtype(to),
                        instruction.rows == 0 ? nullptr : raw(from),
                        raw(to),
                        bytes(from, step(from)),
                        bytes(to, step(to))};
        continue;
      }
      for (int32_t o = 0; o < instruction.outs; o++) {
        p.arguments.out[o] = address(instruction.out[o]);
        p.out_step[o] = step(instruction.out[o]);
      }
      for (int32_t r = 0; r < instruction.rows; r++) {
        p.arguments.row[r] = address(instruction.row[r]);
        p.row_step[r] = step(instruction.row[r]);
      }
      p.arguments.fetches = p.arguments.half_fetches = 0;
      for (const bool half : {false, true}) {
        for (int32_t f = 0; f < instruction.fetches; f++) {
          const Place& row = instruction.fetch[f];
          if ((bytes(row, 1) == 2) != half) continue;
          const int64_t at = p.arguments.fetches + p.arguments.half_fetches;
          p.arguments.fetch[at] = raw(row) + bytes(row, kBlock);
          p.fetch_step[at] = bytes(row, block);
          (half ? p.arguments.half_fetches : p.arguments.fetches)++;
        }
      }
      for (int32_t c = 0; c < instruction.scalars; c++) {
        p.arguments.scalar[c] = static_cast<T>(scalars_[instruction.scalar[c]].at(segment.tensor));
      }
    }
    for (int64_t done = 0; done < segment.length; done += block) {
      const int64_t n = std::min(block, segment.length - done);
      for (size_t i = 0; i < count; i++) {
        const Instruction& instruction = stage_->instructions[i];
        Prepared<T>& p = prepared[i];
        if (is_raw(instruction)) {
          run_raw(instruction, p.conversion, segment, n);
          continue;
        }
        if (instruction.kind == Instruction::kPattern) {
          k.pattern[instruction.pattern](p.arguments, n);
        } else if (instruction.kind == Instruction::kSum) {
          const int op = program_.nodes[instruction.node].op;
          const bool squares = op == OB_SUM_SQUARES_EACH || op == OB_SUM_SQUARES_ALL;
          const auto* kernels = op == OB_NONFINITE_ALL ? k.nonfinite
                                : squares              ? k.sum_squares
                                                       : k.sum;
          partial(instruction.sum, s) += kernels[instruction.pattern](p.arguments, n);
        } else {
          run_other(instruction, p.arguments, segment, segment.offset + done, n);
        }
        Arguments<T>& a = p.arguments;
        for (int32_t o = 0; o < instruction.outs; o++) a.out[o] += p.out_step[o];
        for (int32_t r = 0; r < instruction.rows; r++) a.row[r] += p.row_step[r];
        for (int32_t f = 0; f < instruction.fetches; f++) a.fetch[f] += p.fetch_step[f];
      }
    }
  }

  // Whether its operands may be of any dtype.
  static bool is_raw(const Instruction& instruction) {
    return instruction.kind == Instruction::kConvert || instruction.kind == Instruction::kFill;
  }

  void run_raw(const Instruction& instruction, Conversion& c, const Segment& segment, int64_t n) {
    if (instruction.kind == Instruction::kConvert) {
      convert(c.from_dtype, c.from, c.to_dtype, c.to, n, segment.dtype);
      c.from += c.from_step;
    } else {
      fill(c.to_dtype, c.to, scalars_[instruction.scalar[0]].at(segment.tensor), n);
    }
    c.to += c.to_step;
  }

  double& partial(int32_t sum, int64_t segment) {
    return partials_[static_cast<size_t>(sum * current_->size() + segment)];
  }

  template <class T>
  void run_other(const Instruction& instruction, const Arguments<T>& a, const Segment& segment,
                 int64_t offset, int64_t n) {
    const size_t bytes = static_cast<size_t>(n) * sizeof(T);
    if (instruction.kind == Instruction::kCopy) {
      std::memmove(a.out[0], a.row[0], bytes);
    } else if (instruction.kind == Instruction::kNoise) {
      uint64_t words[5];
      std::memcpy(words, extras_ + program_.nodes[instruction.node].c, sizeof words);
      fill_noise(program_.nodes[instruction.node].op, words, words[4],
                 static_cast<uint64_t>(segment.tensor), offset, n, a.out[0]);
    } else if (instruction.kind == Instruction::kCall) {
      if (instruction.rows < 2) {
        std::memset(static_cast<void*>(a.out[0]), 0, bytes);
      } else if (a.row[1] != a.out[0]) {
        std::memcpy(a.out[0], a.row[1], bytes);
      }
      const int64_t* extra = extras_ + program_.nodes[instruction.node].c;
      const auto call = reinterpret_cast<ob_call>(extra[0]);
      const ob_result failed =
          call(reinterpret_cast<void*>(extra[1]), segment.tensor, offset, n, a.row[0], a.out[0]);
      if (failed != 0) {
        ob_result none = 0;
        if (!call_error_.compare_exchange_strong(none, failed)) {
          ob_error_free(reinterpret_cast<ob_error*>(failed));
        }
      }
    }
  }

  // Partial sums are added in the order of the elements, whichever thread made them.
  void finish_reductions(const Segments& segments) {
    for (size_t r = 0; r < stage_->sums.size(); r++) {
      const int32_t node = stage_->sums[r];
      Scalar& scalar = scalars_[node];
      const bool each = is_each(program_.nodes[node].op);
      if (each) scalar.each.assign(static_cast<size_t>(tensors_), 0.0);
      for (int64_t s = 0; s < segments.size(); s++) {
        double& sum = each ? scalar.each[static_cast<size_t>(segments[s].tensor)] : scalar.one;
        sum += partial(static_cast<int32_t>(r), s);
      }
    }
  }

  const Program& program_;
  const int64_t tensors_;
  const int64_t* extras_;
  std::vector<const ob_tensor*> vectors_;
  std::vector<Scalar> scalars_;
  std::array<std::unique_ptr<Segments>, 3> segments_;
  std::unique_ptr<Segments> call_segments_;
  // Of the stage that runs.
  const Stage* stage_ = nullptr;
  const Segments* current_ = nullptr;
  std::vector<double> partials_;
  std::atomic<bool> out_of_scratch_{false};
  std::atomic<ob_result> call_error_{0};
};

// The programs that this thread ran last. Training runs the same few over and over.
const Program& program_for(const int32_t* code, int32_t nodes, int32_t vectors) {
  constexpr size_t kKept = 8;
  thread_local std::array<std::unique_ptr<Program>, kKept> kept;
  thread_local size_t oldest = 0;
  const size_t words = 4 * static_cast<size_t>(nodes);
  for (const auto& program : kept) {
    if (program != nullptr && program->vectors == vectors && program->code.size() == words &&
        std::equal(program->code.begin(), program->code.end(), code)) {
      return *program;
    }
  }
  auto made = std::make_unique<Program>(make_program(code, nodes, vectors));
  oldest = (oldest + 1) % kKept;
  kept[oldest] = std::move(made);
  return *kept[oldest];
}

}  // namespace
}  // namespace optibridge

ob_result ob_sweep(const int32_t* code, const double* constant, int32_t nodes,
                   const int64_t* vectors, int32_t vector_count, int64_t tensors,
                   const double* values, const int64_t* extras, double* results) noexcept {
  return optibridge::guarded("sweep", [=] {
    const auto& program = optibridge::program_for(code, nodes, vector_count);
    optibridge::Run(program, constant, vectors, tensors, values, extras).run(results);
  });
}
