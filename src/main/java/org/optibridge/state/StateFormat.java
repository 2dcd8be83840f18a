package org.optibridge.state;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import org.optibridge.optimizer.AuxVar;
import org.optibridge.optimizer.Registry;
import org.optibridge.optimizer.State;

/**
 * States and auxiliary variables as bytes and files, in the safetensors format, which tools of many
 * languages read: the tensors under the path of their entry, {@code modules/0:adam/momentum/w1}
 * (within a name, {@code /} becomes {@code ~1} and {@code ~} becomes {@code ~0}), all else as one
 * JSON text in the metadata, under {@code state}.
 *
 * <p><b>Exact.</b> Elements keep their bits, whatever they are; numbers keep their value, -0, NaN
 * and infinities included; order, names and specs are kept.
 *
 * <p><b>Reading</b> trusts nothing: lengths, places, shapes, names and depth are checked before
 * memory is taken, and no more of it is taken than there are bytes to fill it. What is wrong is
 * named by an {@link IllegalArgumentException}, with no native memory left behind. Bytes are not
 * authenticated: flipped bits of an element are another element.
 *
 * <p><b>Limits.</b> 64 MiB of header, 2^18 entries and tensors, 64 levels, 64 extents. Tensors must
 * be in host memory.
 *
 * <p><b>Thread-safety.</b> Calls may run at once, also on one state if nobody writes to it.
 *
 * <p>Source: the format's description at github.com/huggingface/safetensors.
 */
public final class StateFormat {
  // The longest array that all JVMs make.
  private static final int MAX_ARRAY = Integer.MAX_VALUE - 8;

  private StateFormat() {}

  /**
   * @param state what to write; its vectors are stored and in host memory
   * @return its bytes
   * @throws IllegalArgumentException if a limit is exceeded, or an array can't hold the bytes
   */
  public static byte[] write(State state) {
    StateWriter writer = new StateWriter(state);
    if (writer.total() > MAX_ARRAY) {
      throw new IllegalArgumentException(
          "The state has " + writer.total() + " bytes, too many for an array; write it to a file");
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) writer.total());
    try {
      writer.writeTo(bytes::put);
    } catch (IOException e) {
      throw new UncheckedIOException("Writing to memory", e);
    }
    return bytes.array();
  }

  /**
   * Writes a file, or replaces one. If that fails, an old file is left as it was.
   *
   * @param state what to write; its vectors are stored and in host memory
   * @param file where to; a symbolic link is replaced, not followed
   * @throws IllegalArgumentException if a limit is exceeded
   * @throws IOException if the file can't be written
   */
  public static void write(State state, Path file) throws IOException {
    AtomicFile.replace(file, new StateWriter(state));
  }

  /**
   * @param bytes from {@link #write(State)}
   * @return the state, to be closed by the caller
   * @throws IllegalArgumentException if the bytes are no state
   */
  public static State read(byte[] bytes) {
    try {
      return StateReader.read(
          new StateReader.Source() {
            @Override
            public long size() {
              return bytes.length;
            }

            @Override
            public void get(long position, ByteBuffer target) {
              target.put(bytes, (int) position, target.remaining());
            }
          });
    } catch (IOException e) {
      throw new UncheckedIOException("Reading from memory", e);
    }
  }

  /**
   * @param file from {@link #write(State, Path)}
   * @return the state, to be closed by the caller
   * @throws IllegalArgumentException if the file holds no state
   * @throws IOException if it can't be read
   */
  public static State read(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return StateReader.read(
          new StateReader.Source() {
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
          });
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    }
  }

  /**
   * @param aux auxiliary variables by the names of their kinds, as an optimizer's {@code
   *     collectAuxVar} returns them; left open
   * @return their bytes
   * @throws IllegalArgumentException if a key is not the name of the kind
   */
  public static byte[] writeAux(Map<String, ? extends AuxVar> aux) {
    try (State all = new State()) {
      aux.forEach(
          (name, one) -> {
            if (!name.equals(one.name())) {
              throw new IllegalArgumentException(
                  "Auxiliary variables of the kind '" + one.name() + "' are under '" + name + "'");
            }
            all.put(name, one.toState());
          });
      return write(all);
    }
  }

  /**
   * @param bytes from {@link #writeAux}
   * @return equal auxiliary variables by the names of their kinds, each to be closed by the caller
   * @throws IllegalArgumentException if the bytes are none, or a kind is not registered
   */
  public static Map<String, AuxVar> readAux(byte[] bytes) {
    Map<String, AuxVar> aux = new LinkedHashMap<>();
    try (State all = read(bytes)) {
      for (String name : all.keys()) {
        aux.put(name, Registry.auxVar(name, all.state(name)));
      }
      return aux;
    } catch (RuntimeException | Error e) {
      aux.values().forEach(AuxVar::close);
      throw e;
    }
  }
}
