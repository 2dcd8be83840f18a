// The core's guard, which also knows what TensorFlow reports.
#pragma once

#include "core/guard.h"
#include "tensorflow/runtime.h"

namespace optibridge::tensorflow_bridge {

template <class Body>
ob_result guarded(const char* operation, Body&& body) noexcept {
  ob_result of_tensorflow = 0;
  const ob_result other = optibridge::guarded(operation, [&] {
    try {
      body();
    } catch (const TensorflowError& e) {
      const int32_t code = e.code == TF_RESOURCE_EXHAUSTED ? OB_OUT_OF_MEMORY
                           : e.code == TF_UNIMPLEMENTED    ? OB_UNSUPPORTED
                                                           : OB_FRAMEWORK;
      of_tensorflow = error_from(code, operation, e.what());
    }
  });
  return of_tensorflow != 0 ? of_tensorflow : other;
}

}  // namespace optibridge::tensorflow_bridge
