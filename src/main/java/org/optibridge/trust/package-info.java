/**
 * Import validation: before a class is loaded, a native library opened or an exported program read,
 * an {@link org.optibridge.trust.ImportPolicy} decides, and {@link
 * org.optibridge.trust.TrustedImports} carries the decision out on exactly what was decided upon.
 * Depends on the JDK alone.
 */
@NullMarked
package org.optibridge.trust;

import org.jspecify.annotations.NullMarked;
