// What a state slot looks like.
#pragma once

#include <c10/util/ArrayRef.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace optibridge::torch_bridge {

struct SlotSpec {
  enum Kind : int32_t {
    LIKE,     // shape and dtype of the parameter
    SCALAR,   // one float32 number for each parameter, whatever its dtype
    SHAPED,   // the parameter's dtype; its optimizer tells the shape for each parameter
    SCALAR64  // one float64 number for each parameter
  };

  SlotSpec(const char* slot_name, Kind slot_kind = LIKE, double initial_value = 0)
      : name(slot_name), kind(slot_kind), initial(initial_value) {}

  bool is_scalar() const { return kind == SCALAR || kind == SCALAR64; }

  std::string name;  // as in Python's state_dict
  Kind kind;
  double initial;  // what every element starts with
};

// The count of steps, which is every optimizer's first slot.
inline SlotSpec step_slot() { return {"step", SlotSpec::SCALAR}; }

// The shape of a SHAPED slot for a parameter of the given shape; {0} if such a parameter has no
// such slot. Throws std::invalid_argument, with the end of a sentence about the parameter, if the
// optimizer can't step one of that shape.
using SlotShape = std::function<std::vector<int64_t>(size_t slot, c10::IntArrayRef param)>;

}  // namespace optibridge::torch_bridge
