// What a function of the C ABIs came to.
#pragma once

#include <cstdio>
#include <string>

#include "core/ob_status.h"

namespace ob_test {

inline const ob_error* error_of(ob_result result) { return reinterpret_cast<ob_error*>(result); }

// Code and message of a result, which is released.
struct Outcome {
  explicit Outcome(ob_result result)
      : code(result == 0 ? 0 : ob_error_code(error_of(result))),
        message(result == 0 ? "" : ob_error_message(error_of(result))) {
    if (result != 0) ob_error_free(reinterpret_cast<ob_error*>(result));
  }
  bool ok() const {
    if (code != 0) std::printf("error %d: %s\n", code, message.c_str());
    return code == 0;
  }
  bool says(const std::string& text) const {
    if (message.find(text) != std::string::npos) return true;
    std::printf("error %d: %s\n", code, message.c_str());
    return false;
  }

  int32_t code;
  std::string message;
};

}  // namespace ob_test
