// From code to a program: ranks, stages and the order of stores. planner.cpp does the rest.
#include "core/program.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "core/ob_core.h"
#include "core/pattern.h"
#include "core/planner.h"

namespace optibridge {

bool is_reduction(int op) { return op >= OB_SUM_EACH && op <= OB_NONFINITE_ALL; }
bool is_each(int op) { return op == OB_SUM_EACH || op == OB_SUM_SQUARES_EACH; }

namespace {

void require_vector(int32_t index, int32_t vectors) {
  if (index < 0 || index >= vectors) throw std::invalid_argument("no such vector");
}

const Node& operand(const std::vector<Node>& nodes, int32_t index) {
  if (index < 0 || index >= static_cast<int32_t>(nodes.size())) {
    throw std::invalid_argument("node " + std::to_string(nodes.size()) + " has no such operand");
  }
  return nodes[static_cast<size_t>(index)];
}

// Checks a node against those before it and says what it is.
Node analyse(const std::vector<Node>& before, const int32_t* code, int32_t vectors) {
  Node node{code[0], code[1], code[2], code[3], Rank::kOne, 0};
  if (node.op == OB_LOAD) {
    require_vector(node.a, vectors);
    node.rank = Rank::kElements;
    node.converted = node.b != 0;
  } else if (node.op == OB_CONSTANT) {
    return node;
  } else if (node.op == OB_CONSTANT_EACH) {
    node.rank = Rank::kPerTensor;
  } else if (node.op == OB_NOISE_GAUSSIAN || node.op == OB_NOISE_LAPLACE) {
    node.rank = Rank::kElements;
  } else if (is_unary(node.op)) {
    node.rank = operand(before, node.a).rank;
    node.stage = operand(before, node.a).stage;
  } else if (is_binary(node.op)) {
    const Node &a = operand(before, node.a), &b = operand(before, node.b);
    node.rank = std::max(a.rank, b.rank);
    node.stage = std::max(a.stage, b.stage);
  } else if (node.op == OB_CALL) {
    const Node& gradient = operand(before, node.a);
    node.stage = gradient.stage;
    if (node.b >= 0) node.stage = std::max(node.stage, operand(before, node.b).stage);
    if (gradient.rank != Rank::kElements ||
        (node.b >= 0 && operand(before, node.b).rank != Rank::kElements)) {
      throw std::invalid_argument("a call needs elements to work on");
    }
    node.rank = Rank::kElements;
  } else if (is_reduction(node.op)) {
    if (operand(before, node.a).rank != Rank::kElements) {
      throw std::invalid_argument("a reduction needs elements to reduce");
    }
    node.rank = is_each(node.op) ? Rank::kPerTensor : Rank::kOne;
    node.stage = operand(before, node.a).stage + 1;
  } else if (node.op == OB_STORE) {
    require_vector(node.b, vectors);
    node.stage = operand(before, node.a).stage;
    node.converted = node.c != 0;
  } else if (node.op == OB_RESULT) {
    if (operand(before, node.a).rank == Rank::kElements) {
      throw std::invalid_argument("a result must be a scalar");
    }
    node.stage = operand(before, node.a).stage;
  } else {
    throw std::invalid_argument("unknown opcode " + std::to_string(node.op));
  }
  return node;
}

// Which vectors are converted, which every load and store of one has to agree on.
void find_converted(Program& program) {
  constexpr char kUnknown = 2;
  program.converted.assign(static_cast<size_t>(program.vectors), kUnknown);
  for (const Node& node : program.nodes) {
    if (node.op != OB_LOAD && node.op != OB_STORE) continue;
    const int32_t form = node.op == OB_LOAD ? node.b : node.c;
    if (form < 0 || form > 2) throw std::invalid_argument("unknown form of a load or store");
    char& known = program.converted[static_cast<size_t>(node.op == OB_LOAD ? node.a : node.b)];
    if (known != kUnknown && (known != 0) != node.converted) {
      throw std::invalid_argument("a vector is converted in one place and not in another");
    }
    known = node.converted;
    if (form == 2) program.dtype = OB_FLOAT64;
  }
  for (char& known : program.converted) {
    if (known == kUnknown) known = 0;
  }
}

// A store waits for the last stage that still loads what it overwrites. That stage then computes
// the value again, which can make it load more.
void delay_stores(std::vector<Node>& nodes, int32_t stages) {
  for (bool changed = true; changed;) {
    changed = false;
    for (int32_t stage = 1; stage < stages; stage++) {
      const std::vector<char> needed = needed_in(nodes, stage);
      for (Node& store : nodes) {
        if (store.op != OB_STORE || store.stage >= stage) continue;
        for (size_t i = 0; i < nodes.size(); i++) {
          if (needed[i] && nodes[i].op == OB_LOAD && nodes[i].a == store.b) {
            store.stage = stage;
            changed = true;
          }
        }
      }
    }
  }
}

template <int Op>
double apply_from(int op, double x, double y) {
  if constexpr (is_unary(Op)) {
    if (op == Op) return unary<Op>(x);
  }
  if constexpr (is_binary(Op)) {
    if (op == Op) return binary<Op>(x, y);
  }
  if constexpr (Op < OB_ROUND) {
    return apply_from<Op + 1>(op, x, y);
  } else {
    throw std::logic_error("no such operation");
  }
}

}  // namespace

double apply(int op, double x, double y) { return apply_from<OB_NEGATE>(op, x, y); }

Program make_program(const int32_t* code, int32_t nodes, int32_t vectors) {
  Program program;
  program.code.assign(code, code + 4 * static_cast<size_t>(nodes));
  program.vectors = vectors;
  int32_t stages = 1;
  for (int32_t i = 0; i < nodes; i++) {
    program.nodes.push_back(analyse(program.nodes, code + 4 * i, vectors));
    stages = std::max(stages, program.nodes.back().stage + 1);
  }
  find_converted(program);
  delay_stores(program.nodes, stages);
  for (int32_t stage = 0; stage < stages; stage++) {
    program.stages.push_back(plan_stage(program.nodes, stage));
  }
  return program;
}

}  // namespace optibridge
