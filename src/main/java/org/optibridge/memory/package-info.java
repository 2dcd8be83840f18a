/**
 * Ownership of native memory: handles that close once, the Cleaner behind them, live counters, the
 * errors that natives raise, and the JNI bindings of the core. Depends on nothing else here.
 */
@NullMarked
package org.optibridge.memory;

import org.jspecify.annotations.NullMarked;
