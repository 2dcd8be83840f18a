/** The command line: {@code optibridge compare}, {@code list} and {@code doctor}. */
@NullMarked
package org.optibridge.cli;

import org.jspecify.annotations.NullMarked;
