/**
 * What {@code optibridge bench} measures: items, their contestants, and how these are timed. May
 * use all other packages but {@code cli} itself.
 */
@NullMarked
package org.optibridge.cli.bench;

import org.jspecify.annotations.NullMarked;
