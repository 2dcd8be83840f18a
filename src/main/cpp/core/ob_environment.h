// C ABI of the core: the environment of the process.
#pragma once

#include "core/ob_status.h"

#ifdef __cplusplus
extern "C" {
#endif

// Sets an environment variable that is not set yet, for libraries that are loaded later. Not safe
// beside other threads of C that read the environment.
OB_EXPORT void ob_default_variable(const char* name, const char* value) OB_NOEXCEPT;

#ifdef __cplusplus
}
#endif
