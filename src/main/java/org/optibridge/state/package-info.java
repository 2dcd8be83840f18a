/**
 * Configs as texts; states and auxiliary variables as bytes and files. Needs Jackson on the class
 * path (an optional dependency); nothing else of this library does.
 */
@NullMarked
package org.optibridge.state;

import org.jspecify.annotations.NullMarked;
