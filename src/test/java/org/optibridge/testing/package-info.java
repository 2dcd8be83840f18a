/** What several tests share. */
package org.optibridge.testing;
