// The error convention of every optibridge C ABI.
#pragma once

#include <stdint.h>

#if defined(_WIN32)
#define OB_EXPORT __declspec(dllexport)
#else
#define OB_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
#define OB_NOEXCEPT noexcept
extern "C" {
#else
#define OB_NOEXCEPT
#endif

// What went wrong, in terms that a caller can turn into the right exception.
enum ob_code {
  OB_OK = 0,
  OB_INVALID = 1,        // an argument is wrong; nothing was changed
  OB_OUT_OF_MEMORY = 2,  // host or device memory ran out
  OB_UNSUPPORTED = 3,    // valid, but this build or this algorithm cannot do it
  OB_FRAMEWORK = 4,      // the wrapped framework raised an error of its own
  OB_INTERNAL = 5        // any other C++ exception
};

typedef struct ob_error ob_error;

// Zero for success, else the address of an ob_error that the caller owns and releases with
// ob_error_free. Returning the block keeps the success path free of any bookkeeping and does not
// depend on the thread that reads it.
typedef int64_t ob_result;

OB_EXPORT int32_t ob_error_code(const ob_error* error) OB_NOEXCEPT;
OB_EXPORT const char* ob_error_message(const ob_error* error) OB_NOEXCEPT;
OB_EXPORT void ob_error_free(ob_error* error) OB_NOEXCEPT;

// Makes an error block; never fails (a preallocated block stands in when memory is out).
OB_EXPORT ob_result ob_error_make(int32_t code, const char* message) OB_NOEXCEPT;

// Raises one kind of C++ exception behind the guard. Exists for tests of the error path.
// kind: 0 none, 1 std::bad_alloc, 2 std::invalid_argument, 3 std::runtime_error, 4 an int.
OB_EXPORT ob_result ob_raise_for_test(int32_t kind) OB_NOEXCEPT;

#ifdef __cplusplus
}
#endif
