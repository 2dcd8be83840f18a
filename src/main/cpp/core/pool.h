// The threads that sweeps run on.
#pragma once

#include <cstdint>

namespace optibridge {

// Below this many elements the hand-over to a second thread costs more than it saves.
constexpr int64_t kParallelElements = 131072;

// Calls work(context, i) for each i in [0, tasks), from up to ob_threads() threads including the
// caller's, and returns when all are done. `work` must not throw. Runs on the caller alone if the
// threads are busy with another call.
void parallel(int64_t tasks, void (*work)(void* context, int64_t task), void* context);

}  // namespace optibridge
