package org.optibridge.state;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/** Bytes at known places. */
interface ByteSource {
  long size() throws IOException;

  /** Fills the buffer with the bytes from a position on. */
  void get(long position, ByteBuffer target) throws IOException;

  static ByteSource of(byte[] bytes) {
    return new ByteSource() {
      @Override
      public long size() {
        return bytes.length;
      }

      @Override
      public void get(long position, ByteBuffer target) {
        target.put(bytes, (int) position, target.remaining());
      }
    };
  }

  static ByteSource of(FileChannel channel, Path file) {
    return new ByteSource() {
      @Override
      public long size() throws IOException {
        return channel.size();
      }

      @Override
      public void get(long position, ByteBuffer target) throws IOException {
        long at = position;
        while (target.hasRemaining()) {
          int count = channel.read(target, at);
          if (count < 0) {
            throw new EOFException(file + " became shorter while it was read");
          }
          at += count;
        }
      }
    };
  }
}
