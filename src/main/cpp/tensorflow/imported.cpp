#include "tensorflow/imported.h"

#include <cstring>
#include <map>
#include <mutex>
#include <sstream>

#include "tensorflow/guard.h"
#include "tensorflow/ob_tensorflow.h"

namespace optibridge::tensorflow_bridge {
namespace {

constexpr int32_t kElementWise = 1;
constexpr int32_t kFlat = 2;
// Elements of a piece: a step's intermediate results stay in cache, a call's own cost is small.
constexpr int64_t kPiece = int64_t{1} << 18;

struct Program {
  std::string name;
  std::map<std::pair<TF_DataType, size_t>, std::string> functions;
  std::vector<std::string> options;
  std::vector<SlotSpec> slots;
  bool element_wise = false;
  bool flat = false;
};

std::mutex mutex;
// Nothing is ever taken out.
std::map<std::string, Program>& programs() {
  static auto* all = new std::map<std::string, Program>;
  return *all;
}

std::vector<std::string> lines(const char* text) {
  std::vector<std::string> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

const char* text(TF_DataType dtype) { return dtype == TF_FLOAT ? "float32" : "float64"; }

std::string text(const std::vector<int64_t>& shape) {
  std::string all;
  for (const int64_t extent : shape) all += (all.empty() ? "" : ", ") + std::to_string(extent);
  return "[" + all + "]";
}

class Imported : public Algorithm {
 public:
  Imported(const Program& program, const Options& options) : program_(program) {
    for (const std::string& option : program.options)
      values_.push_back(options.get(option.c_str()));
  }

  const Program& program() const { return program_; }
  std::vector<SlotSpec> slots() const override { return program_.slots; }
  bool elementwise() const override { return program_.element_wise; }
  Call call(TF_DataType dtype, size_t rank) const override {
    const auto found = program_.functions.find({dtype, program_.flat ? 1 : rank});
    if (found == program_.functions.end()) {
      throw std::invalid_argument("the program " + program_.name + " has no function for " +
                                  text(dtype) + " tensors of rank " + std::to_string(rank) +
                                  ": export it with one");
    }
    return {found->second, "", {}, true, true};
  }
  std::vector<double> scalars(TF_DataType, double lr, int64_t step) override {
    std::vector<double> all{static_cast<double>(step), lr};
    all.insert(all.end(), values_.begin(), values_.end());
    return all;
  }

 private:
  const Program& program_;
  std::vector<double> values_;
};

void define(const char* proto, size_t size) {
  const Status status;
  TF_Function* function = TF_FunctionImportFunctionDef(proto, size, status.get());
  status.check("a function of the program");
  TFE_ContextAddFunction(context(), function, status.get());
  TF_DeleteFunction(function);
  status.check("a function of the program");
}

}  // namespace

std::unique_ptr<Algorithm> make_imported(const Options& options) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = programs().find(options.class_name());
  if (found == programs().end()) return nullptr;
  return std::make_unique<Imported>(found->second, options);
}

PureStep::PureStep(const Algorithm& algorithm, const Call& call, const Variable& weights,
                   const std::vector<const Variable*>& slots, void* gradient)
    : dtype_(weights.dtype()), op_(std::make_unique<Op>(call.op.c_str())) {
  const Program& program = dynamic_cast<const Imported&>(algorithm).program();
  program_ = program.name;
  flat_ = program.flat;
  names_.emplace_back("param");
  for (const SlotSpec& slot : program.slots) names_.push_back(slot.name);
  const int64_t numel = weights.numel();
  const int64_t most = program.element_wise ? kPiece : std::max<int64_t>(1, numel);
  for (int64_t first = 0; first < numel; first += most) {
    Piece piece;
    piece.numel = std::min(most, numel - first);
    piece.places.push_back(place(weights, first, piece.numel, false));
    for (size_t i = 0; i < slots.size(); i++) {
      const bool is_scalar = program.slots[i].kind == SlotSpec::SCALAR;
      piece.places.push_back(place(*slots[i], first, piece.numel, is_scalar));
    }
    piece.gradient = borrow(dtype_, piece.places.front().shape,
                            static_cast<char*>(gradient) + first * size_of(dtype_));
    pieces_.push_back(std::move(piece));
  }
}

PureStep::Place PureStep::place(const Variable& variable, int64_t first, int64_t numel,
                                bool is_scalar) const {
  const int64_t size = size_of(dtype_);
  Place made;
  made.data = static_cast<char*>(variable.data()) + (is_scalar ? 0 : first * size);
  made.bytes = static_cast<size_t>((is_scalar ? 1 : numel) * size);
  if (!is_scalar) made.shape = flat_ ? std::vector<int64_t>{numel} : variable.shape();
  made.view = borrow(dtype_, made.shape, made.data);
  return made;
}

std::vector<Handle> PureStep::execute(const Piece& piece, const std::vector<Handle>& scalars,
                                      const std::string& tensor) {
  op_->begin();
  op_->input(piece.places.front().view).input(piece.gradient);
  for (const Handle& scalar : scalars) op_->input(scalar);
  for (size_t i = 1; i < piece.places.size(); i++) op_->input(piece.places[i].view);
  const Status status;
  std::vector<TFE_TensorHandle*> raw(piece.places.size(), nullptr);
  int count = static_cast<int>(raw.size());
  TFE_Execute(op_->raw(), raw.data(), &count, status.get());
  std::vector<Handle> results;
  for (TFE_TensorHandle* one : raw) results.emplace_back(one);
  status.check(("the program " + program_).c_str(), tensor);
  check(piece, results, tensor);
  return results;
}

void PureStep::check(const Piece& piece, const std::vector<Handle>& results,
                     const std::string& tensor) {
  const Status status;
  for (size_t i = 0; i < results.size(); i++) {
    std::vector<int64_t> shape;
    const int rank = TFE_TensorHandleNumDims(results[i].get(), status.get());
    status.check("a result's shape", tensor);
    for (int k = 0; k < rank; k++) {
      shape.push_back(TFE_TensorHandleDim(results[i].get(), k, status.get()));
      status.check("a result's shape", tensor);
    }
    const TF_DataType dtype = TFE_TensorHandleDataType(results[i].get());
    const std::vector<int64_t>& wanted = piece.places[i].shape;
    if (dtype != dtype_ || shape != wanted) {
      throw std::invalid_argument(
          "the program " + program_ + " returned " +
          (dtype == dtype_ ? text(dtype) : "another dtype than " + std::string(text(dtype_))) +
          text(shape) + " as new '" + names_[i] + "' of '" + tensor + "' and must return " +
          text(dtype_) + text(wanted));
    }
  }
}

void PureStep::probe(const std::vector<Handle>& scalars, const std::string& tensor) {
  if (!pieces_.empty()) execute(pieces_.front(), scalars, tensor);
}

void PureStep::run(const std::vector<Handle>& scalars, const std::string& tensor) {
  const Status status;
  for (const Piece& piece : pieces_) {
    const std::vector<Handle> results = execute(piece, scalars, tensor);
    std::vector<const char*> from;
    std::vector<std::vector<char>> kept;
    for (size_t i = 0; i < results.size(); i++) {
      const auto* data =
          static_cast<const char*>(TFE_TensorHandleDevicePointer(results[i].get(), status.get()));
      status.check("a result", tensor);
      // A result may be an argument as it was, which another result is about to replace.
      for (size_t k = 0; k < i; k++) {
        if (data == piece.places[k].data && data != piece.places[i].data) {
          kept.emplace_back(data, data + piece.places[i].bytes);
          data = kept.back().data();
          break;
        }
      }
      from.push_back(data);
    }
    for (size_t i = 0; i < results.size(); i++) {
      const Place& to = piece.places[i];
      if (from[i] == to.data) continue;
      std::memcpy(to.data, from[i], to.bytes);
      ob_count(OB_COPIED_BYTES, static_cast<int64_t>(to.bytes));
    }
  }
}

}  // namespace optibridge::tensorflow_bridge

namespace tfb = optibridge::tensorflow_bridge;

extern "C" {

ob_result ob_tf_import(const char* class_name, const char* name, const void* functions,
                       const int64_t* sizes, int32_t count, const char* steps, const char* options,
                       const char* slots, const int32_t* kinds, const double* initials,
                       int32_t slot_count, int32_t flags) OB_NOEXCEPT {
  return tfb::guarded("tensorflow_import", [&] {
    tfb::Program program;
    program.name = name;
    program.options = tfb::lines(options);
    program.element_wise = (flags & tfb::kElementWise) != 0;
    program.flat = (flags & tfb::kFlat) != 0;
    for (const std::string& slot : tfb::lines(slots)) {
      const size_t i = program.slots.size();
      if (i >= static_cast<size_t>(slot_count)) throw std::invalid_argument("too many slots");
      program.slots.push_back({slot, tfb::SlotSpec::Kind(kinds[i]), initials[i]});
    }
    for (const std::string& line : tfb::lines(steps)) {
      const size_t first = line.find('\t');
      const size_t second = line.find('\t', first + 1);
      if (second == std::string::npos) throw std::invalid_argument("a step is no triple");
      const auto dtype = static_cast<TF_DataType>(std::stoi(line.substr(0, first)));
      const auto rank = static_cast<size_t>(std::stoi(line.substr(first + 1, second - first - 1)));
      program.functions[{dtype, rank}] = line.substr(second + 1);
    }
    const auto* next = static_cast<const char*>(functions);
    for (int32_t i = 0; i < count; i++) {
      tfb::define(next, static_cast<size_t>(sizes[i]));
      next += sizes[i];
    }
    const std::lock_guard<std::mutex> lock(tfb::mutex);
    tfb::programs().emplace(class_name, std::move(program));
  });
}

}  // extern "C"
