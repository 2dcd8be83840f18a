/**
 * Replays recorded cases (schema {@code optim-golden/1}) and compares every number. May use all
 * other packages but {@code cli} itself.
 */
@NullMarked
package org.optibridge.cli.replay;

import org.jspecify.annotations.NullMarked;
