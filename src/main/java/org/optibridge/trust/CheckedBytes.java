package org.optibridge.trust;

import java.nio.file.Path;

/**
 * The bytes of a file, as they would be used.
 *
 * @param source where they were read: absolute, without symbolic links or {@code ..}
 * @param sha256 their SHA-256 digest, 64 lower-case hexadecimal digits
 * @param size their number
 */
public record CheckedBytes(Path source, String sha256, long size) {}
