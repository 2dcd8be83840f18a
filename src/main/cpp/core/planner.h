// Chooses the instructions of one stage.
#pragma once

#include <vector>

#include "core/program.h"

namespace optibridge {

// Which nodes a stage has to compute or load for its stores and for the reductions after it.
std::vector<char> needed_in(const std::vector<Node>& nodes, int32_t stage);

Stage plan_stage(const std::vector<Node>& nodes, int32_t stage);

}  // namespace optibridge
