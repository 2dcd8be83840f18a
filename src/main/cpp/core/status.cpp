#include <cstdlib>
#include <cstring>

#include "core/guard.h"
#include "core/raise_for_test.h"

struct ob_error {
  int32_t code;
  char message[1];  // as long as the text needs
};

namespace {
ob_error out_of_memory{OB_OUT_OF_MEMORY, {0}};
}

extern "C" {

int32_t ob_error_code(const ob_error* error) noexcept { return error->code; }

const char* ob_error_message(const ob_error* error) noexcept {
  return error == &out_of_memory ? "native memory ran out" : error->message;
}

void ob_error_free(ob_error* error) noexcept {
  if (error != &out_of_memory) {
    std::free(error);
  }
}

ob_result ob_error_make(int32_t code, const char* message) noexcept {
  const size_t length = std::strlen(message);
  auto* error = static_cast<ob_error*>(std::malloc(sizeof(ob_error) + length));
  if (error == nullptr) {
    return reinterpret_cast<ob_result>(&out_of_memory);
  }
  error->code = code;
  std::memcpy(error->message, message, length + 1);
  return reinterpret_cast<ob_result>(error);
}

ob_result ob_raise_for_test(int32_t kind) noexcept {
  return optibridge::guarded("raise_for_test", [kind] { optibridge::raise_for_test(kind); });
}
}
