// A program as the engine runs it: nodes cut into stages at the reductions, and each stage's
// instructions with the places of their operands. Depends on the code alone, so that training,
// which runs the same code at every step, plans it once.
#pragma once

#include <cstdint>
#include <vector>

#include "core/block_kernels.h"

namespace optibridge {

enum class Rank : uint8_t { kOne = 0, kPerTensor = 1, kElements = 2 };

struct Node {
  int32_t op, a, b, c;
  Rank rank;
  int32_t stage;  // the first one in which its value can be had; of a store, the one it runs in
  bool converted = false;  // a load or a store of a converted vector
};

// Where a row of a block is.
struct Place {
  enum Kind : uint8_t { kNone, kScratch, kMemory };
  Kind kind = kNone;
  int32_t index = 0;  // of the scratch row or of the vector

  bool operator==(const Place& other) const { return kind == other.kind && index == other.index; }
};

struct Instruction {
  enum Kind : uint8_t { kPattern, kSum, kCopy, kConvert, kFill, kNoise, kCall };
  Kind kind = kPattern;
  int32_t pattern = 0;  // of a sum: which summand
  int32_t node = 0;     // whose value it computes, of a bundle the last one's
  int32_t sum = 0;      // of a sum: its place among the stage's
  int32_t outs = 0;
  Place out[kMaxOuts];
  int32_t rows = 0;
  Place row[kMaxRows];
  int32_t fetches = 0;
  Place fetch[kMaxFetches];  // memory whose next block it brings to cache
  int32_t scalars = 0;
  int32_t scalar[kMaxScalars] = {};  // nodes
};

// How far neighbouring tensors may be run through as one.
enum class Merge : uint8_t { kNever = 0, kWithoutGap = 1, kOverGaps = 2 };

struct Stage {
  std::vector<Instruction> instructions;
  std::vector<int32_t> sums;  // the reductions that this stage ends with: nodes
  int32_t scratch_rows = 0;
  Merge merge = Merge::kOverGaps;
  bool has_call = false;
};

struct Program {
  std::vector<int32_t> code;  // what it was made from
  int32_t vectors;
  std::vector<char> converted;  // for each vector
  int32_t dtype = 0;            // to compute in if every vector is converted
  std::vector<Node> nodes;
  std::vector<Stage> stages;
};

bool is_reduction(int op);
bool is_each(int op);

// Throws std::invalid_argument if the code is malformed.
Program make_program(const int32_t* code, int32_t nodes, int32_t vectors);

// What a node computes, for scalars.
double apply(int op, double x, double y);

}  // namespace optibridge
