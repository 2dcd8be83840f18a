#include "core/planner.h"

#include <algorithm>
#include <stdexcept>

#include "core/matcher.h"
#include "core/ob_core.h"

namespace optibridge {
namespace {

constexpr int32_t kEnd = INT32_MAX;

bool is_noise(int op) { return op == OB_NOISE_GAUSSIAN || op == OB_NOISE_LAPLACE; }

class Planner {
 public:
  Planner(const std::vector<Node>& nodes, int32_t stage)
      : nodes_(nodes), stage_(stage), needed_(needed_in(nodes, stage)) {}

  Stage plan() {
    count_uses();
    select();
    place();
    spread_fetches();
    decide_merging();
    return std::move(result_);
  }

 private:
  bool is_loaded(int32_t node) const {
    return (nodes_[node].op == OB_LOAD && !nodes_[node].converted) ||
           (nodes_[node].op == OB_CALL && nodes_[node].stage < stage_);
  }

  // The vector that a loaded node lies in. What a call made in an earlier stage was stored there,
  // for a call can't be computed again.
  int32_t vector_of(int32_t node) const {
    if (nodes_[node].op == OB_LOAD) return nodes_[node].a;
    for (const Node& store : nodes_) {
      if (store.op == OB_STORE && store.a == node && store.stage == nodes_[node].stage &&
          !store.converted) {
        return store.b;
      }
    }
    throw std::invalid_argument("a call's result is needed later but not stored");
  }

  // Whether a store moves elements of one converted vector to another, which nothing reads, so that
  // they need not be converted to what is computed in on the way.
  bool is_move(const Node& store) const {
    const Node& from = nodes_[store.a];
    return store.converted && from.op == OB_LOAD && from.converted && !converts_from(store.b);
  }

  bool converts_from(int32_t vector) const {
    for (size_t i = 0; i < nodes_.size(); i++) {
      if (needed_[i] && nodes_[i].op == OB_LOAD && nodes_[i].converted && nodes_[i].a == vector) {
        return true;
      }
    }
    return false;
  }

  bool is_store(const Node& node) const { return node.op == OB_STORE && node.stage == stage_; }
  bool is_final(const Node& node) const {
    return is_reduction(node.op) && node.stage == stage_ + 1;
  }

  void count_uses() {
    uses_.assign(nodes_.size(), 0);
    store_counts_.assign(nodes_.size(), 0);
    for (size_t i = 0; i < nodes_.size(); i++) {
      const Node& node = nodes_[i];
      const int32_t index = static_cast<int32_t>(i);
      if (is_store(node) || is_final(node)) {
        uses_[node.a]++;
        if (is_store(node)) store_counts_[node.a]++;
      } else if (needed_[i] && node.rank == Rank::kElements && !is_loaded(index)) {
        if (is_unary(node.op)) {
          uses_[node.a]++;
        } else if (is_binary(node.op) || node.op == OB_CALL) {
          uses_[node.a]++;
          if (node.b >= 0) uses_[node.b]++;
        }
      }
    }
  }

  // From the results back to the loads: the largest fused instruction for each value that has to be
  // somewhere.
  void select() {
    const Graph graph{nodes_, uses_, store_counts_};
    std::vector<char> wanted(nodes_.size(), 0), covered(nodes_.size(), 0);
    std::vector<Instruction> backwards;
    for (int32_t i = static_cast<int32_t>(nodes_.size()) - 1; i >= 0; i--) {
      const Node& node = nodes_[i];
      if (is_store(node)) {
        if (!is_move(node)) wanted[node.a] = 1;
        stores_.push_back(i);
        continue;
      }
      Instruction instruction;
      instruction.node = i;
      if (is_final(node)) {
        instruction.kind = Instruction::kSum;
        take(find(Summands(), graph, node.a, false, match_), instruction, wanted);
        instruction.sum = static_cast<int32_t>(result_.sums.size());
        result_.sums.push_back(i);
        sums_.push_back(instruction);
        continue;
      }
      const bool effect = node.op == OB_CALL && node.stage == stage_ && needed_[i];
      if (!(wanted[i] || effect) || node.rank != Rank::kElements || is_loaded(i) || covered[i]) {
        continue;
      }
      results_[i][0] = i;
      instruction.outs = 1;
      if (is_noise(node.op)) {
        instruction.kind = Instruction::kNoise;
      } else if (node.op == OB_LOAD) {
        instruction.kind = Instruction::kConvert;
      } else if (node.op == OB_CALL) {
        instruction.kind = Instruction::kCall;
        operands_[i][0] = node.a;
        operands_[i][1] = node.b;
        wanted[node.a] = 1;
        if (node.b >= 0) wanted[node.b] = 1;
      } else {
        take(find(Patterns(), graph, i, true, match_), instruction, wanted);
        const Traits& traits = table(Patterns())[instruction.pattern];
        instruction.outs = 0;
        for (int32_t step = 0; step < traits.steps; step++) {
          const int32_t made = step + 1 < traits.steps ? match_.step[step] : i;
          covered[made] = 1;
          if ((traits.kept >> step & 1) != 0) results_[i][instruction.outs++] = made;
        }
      }
      backwards.push_back(instruction);
    }
    result_.instructions.assign(backwards.rbegin(), backwards.rend());
    std::reverse(stores_.begin(), stores_.end());
  }

  // Makes an instruction of what was matched last.
  void take(int32_t pattern, Instruction& instruction, std::vector<char>& wanted) {
    instruction.pattern = pattern;
    operands_[instruction.node] = match_.row;
    for (int32_t scalar : match_.scalar) {
      if (scalar != kNever) instruction.scalar[instruction.scalars++] = scalar;
    }
    for (int32_t row : match_.row) {
      if (row >= 0) wanted[row] = 1;
    }
  }

  // Gives every value a place: straight in the memory it is stored to where nothing reads the old
  // content afterwards, else a row of scratch that others reuse after its last reader.
  void place() {
    const int32_t count = static_cast<int32_t>(result_.instructions.size());
    last_use_.assign(nodes_.size(), kNever);
    for (int32_t k = 0; k < count; k++) {
      for (int32_t row : operands_[result_.instructions[k].node]) {
        if (row >= 0) last_use_[row] = k;
      }
    }
    for (const Instruction& sum : sums_) {
      for (int32_t row : operands_[sum.node]) {
        if (row >= 0) last_use_[row] = kEnd;
      }
    }
    for (int32_t store : stores_) last_use_[nodes_[store].a] = kEnd;
    places_.assign(nodes_.size(), Place());
    for (int32_t i = 0; i < static_cast<int32_t>(nodes_.size()); i++) {
      if (nodes_[i].rank == Rank::kElements && is_loaded(i) && last_use_[i] != kNever) {
        places_[i] = {Place::kMemory, vector_of(i)};
      }
    }
    std::vector<Instruction> before, after;
    for (int32_t store : stores_) place_plain_store(nodes_[store], before, after);
    for (int32_t k = 0; k < count; k++) place_instruction(k, after);
    for (Instruction& sum : sums_) {
      for (int32_t row : operands_[sum.node]) {
        if (row >= 0) sum.row[sum.rows++] = places_[row];
      }
    }
    auto& all = result_.instructions;
    all.insert(all.begin(), before.begin(), before.end());
    all.insert(all.end(), sums_.begin(), sums_.end());
    all.insert(all.end(), after.begin(), after.end());
  }

  // Stores of what is no instruction's result.
  void place_plain_store(const Node& store, std::vector<Instruction>& before,
                         std::vector<Instruction>& after) {
    const Place target{Place::kMemory, store.b};
    if (nodes_[store.a].rank != Rank::kElements) {
      Instruction fill;
      fill.kind = Instruction::kFill;
      fill.outs = 1;
      fill.out[0] = target;
      fill.scalars = 1;
      fill.scalar[0] = store.a;
      after.push_back(fill);
    } else if (is_move(store)) {
      before.push_back(copy({Place::kMemory, nodes_[store.a].a}, target, true));
    } else if (is_loaded(store.a) && last_load(store.b) == kNever && !converts_from(store.b)) {
      // The copy is made before anything is overwritten.
      before.push_back(copy(places_[store.a], target, store.converted));
    } else if (is_loaded(store.a)) {
      const Place row{Place::kScratch, result_.scratch_rows++};
      before.push_back(copy(places_[store.a], row));
      after.push_back(copy(row, target, store.converted));
    }
  }

  // The last instruction that reads the old content of a vector.
  int32_t last_load(int32_t vector) const {
    int32_t last = kNever;
    for (size_t i = 0; i < nodes_.size(); i++) {
      if (places_[i] == Place{Place::kMemory, vector} && is_loaded(static_cast<int32_t>(i))) {
        last = std::max(last, last_use_[i]);
      }
    }
    return last;
  }

  void place_instruction(int32_t k, std::vector<Instruction>& after) {
    Instruction& instruction = result_.instructions[k];
    const int32_t node = instruction.node;
    for (int32_t row : operands_[node]) {
      if (row < 0) continue;
      instruction.row[instruction.rows++] = places_[row];
      // In place is fine for loops over elements: each is read before it is written.
      if (instruction.kind != Instruction::kCall) release(row, k);
    }
    if (instruction.kind == Instruction::kCall) start_in_place(instruction, k);
    if (instruction.kind == Instruction::kConvert) {
      instruction.rows = 1;
      instruction.row[0] = {Place::kMemory, nodes_[node].a};
    }
    for (int32_t o = 0; o < instruction.outs; o++) {
      place_result(results_[node][o], instruction, k, after);
      instruction.out[o] = places_[results_[node][o]];
    }
    if (instruction.kind == Instruction::kCall) {
      for (int32_t row : operands_[node]) {
        if (row >= 0) release(row, k);
      }
    }
  }

  void place_result(int32_t node, const Instruction& instruction, int32_t k,
                    std::vector<Instruction>& after) {
    std::vector<int32_t> copies;  // by their stores
    for (int32_t store : stores_) {
      if (nodes_[store].a != node || is_move(nodes_[store])) continue;
      const Place target{Place::kMemory, nodes_[store].b};
      const bool own_gradient =
          instruction.kind == Instruction::kCall && instruction.row[0] == target;
      if (places_[node].kind == Place::kNone && last_load(nodes_[store].b) <= k && !own_gradient &&
          !nodes_[store].converted) {
        places_[node] = target;
      } else {
        copies.push_back(store);
      }
    }
    if (places_[node].kind == Place::kNone) {
      if (free_rows_.empty()) free_rows_.push_back(result_.scratch_rows++);
      places_[node] = {Place::kScratch, free_rows_.back()};
      free_rows_.pop_back();
    }
    for (int32_t store : copies) {
      const Place target{Place::kMemory, nodes_[store].b};
      after.push_back(copy(places_[node], target, nodes_[store].converted));
    }
  }

  // A call that starts from a row nobody needs afterwards goes on in it, unless its result goes to
  // memory anyway.
  void start_in_place(const Instruction& instruction, int32_t k) {
    const int32_t node = instruction.node, start = operands_[node][1];
    if (start < 0 || store_counts_[node] > 0 || places_[start].kind != Place::kScratch ||
        last_use_[start] != k) {
      return;
    }
    places_[node] = places_[start];
    last_use_[start] = kNever;
  }

  static Instruction copy(const Place& from, const Place& to, bool converted = false) {
    Instruction copy;
    copy.kind = converted ? Instruction::kConvert : Instruction::kCopy;
    copy.outs = 1;
    copy.out[0] = to;
    copy.rows = 1;
    copy.row[0] = from;
    return copy;
  }

  void release(int32_t node, int32_t reader) {
    if (places_[node].kind == Place::kScratch && last_use_[node] == reader) {
      free_rows_.push_back(places_[node].index);
      last_use_[node] = kNever;  // once, however often it is an operand
    }
  }

  // Every memory that a block reads is fetched a block ahead, by the instructions that take
  // longest, so that memory works while they compute. A lone loop reads straight on, which the
  // processor foresees by itself.
  void spread_fetches() {
    if (result_.instructions.size() == 1) return;
    std::vector<int32_t> seen;
    for (const Instruction& instruction : result_.instructions) {
      for (int32_t r = 0; r < instruction.rows; r++) {
        const Place& row = instruction.row[r];
        if (row.kind != Place::kMemory ||
            std::find(seen.begin(), seen.end(), row.index) != seen.end()) {
          continue;
        }
        seen.push_back(row.index);
        Instruction* slowest = nullptr;
        int64_t most = 0;
        for (Instruction& candidate : result_.instructions) {
          const int64_t share = cost(candidate) * 1000 / (candidate.fetches + 1);
          if (candidate.fetches < kMaxFetches && share > most) {
            slowest = &candidate;
            most = share;
          }
        }
        if (slowest != nullptr) slowest->fetch[slowest->fetches++] = row;
      }
    }
  }

  static int64_t cost(const Instruction& instruction) {
    if (instruction.kind == Instruction::kPattern)
      return table(Patterns())[instruction.pattern].cost;
    return instruction.kind == Instruction::kSum ? table(Summands())[instruction.pattern].cost + 4
                                                 : 0;
  }

  void decide_merging() {
    if (!result_.sums.empty()) result_.merge = Merge::kWithoutGap;
    for (const Instruction& instruction : result_.instructions) {
      bool each = instruction.kind == Instruction::kNoise ||
                  instruction.kind == Instruction::kCall ||
                  (instruction.kind == Instruction::kSum && is_each(nodes_[instruction.node].op));
      for (int32_t s = 0; s < instruction.scalars; s++) {
        each |= nodes_[instruction.scalar[s]].rank == Rank::kPerTensor;
      }
      if (each) result_.merge = Merge::kNever;
      result_.has_call |= instruction.kind == Instruction::kCall;
    }
  }

  const std::vector<Node>& nodes_;
  const int32_t stage_;
  const std::vector<char> needed_;
  std::vector<int32_t> uses_, store_counts_, last_use_, stores_, free_rows_;
  // By the node that an instruction is named after.
  std::vector<Nodes<kMaxRows>> operands_ = std::vector<Nodes<kMaxRows>>(nodes_.size());
  std::vector<Nodes<kMaxOuts>> results_ = std::vector<Nodes<kMaxOuts>>(nodes_.size());
  std::vector<Place> places_;
  std::vector<Instruction> sums_;
  Match match_;
  Stage result_;
};

}  // namespace

std::vector<char> needed_in(const std::vector<Node>& nodes, int32_t stage) {
  std::vector<char> needed(nodes.size(), 0);
  for (int32_t i = static_cast<int32_t>(nodes.size()) - 1; i >= 0; i--) {
    const Node& node = nodes[i];
    if ((is_reduction(node.op) && node.stage == stage + 1) ||
        (node.op == OB_STORE && node.stage == stage)) {
      needed[node.a] = 1;
      continue;
    }
    if (!needed[i] || node.rank != Rank::kElements) continue;
    // What a call did in an earlier stage is in memory.
    if (node.op == OB_CALL && node.stage < stage) continue;
    if (is_unary(node.op) || is_binary(node.op) || node.op == OB_CALL) needed[node.a] = 1;
    if ((is_binary(node.op) || node.op == OB_CALL) && node.b >= 0) needed[node.b] = 1;
  }
  return needed;
}

Stage plan_stage(const std::vector<Node>& nodes, int32_t stage) {
  return Planner(nodes, stage).plan();
}

}  // namespace optibridge
