package org.optibridge.state;

import java.io.IOException;
import java.nio.file.Path;
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
  private StateFormat() {}

  /**
   * @param state what to write; its vectors are stored and in host memory
   * @return its bytes
   * @throws IllegalArgumentException if a limit is exceeded, or an array can't hold the bytes
   */
  public static byte[] write(State state) {
    return StateWriter.layOut(state).bytes();
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
    StateWriter.layOut(state).replace(file);
  }

  /**
   * @param bytes from {@link #write(State)}
   * @return the state, to be closed by the caller
   * @throws IllegalArgumentException if the bytes are no state
   */
  public static State read(byte[] bytes) {
    return SafeTensorsReader.read(bytes, key -> true, StateReader::read);
  }

  /**
   * @param file from {@link #write(State, Path)}
   * @return the state, to be closed by the caller
   * @throws IllegalArgumentException if the file holds no state
   * @throws IOException if it can't be read
   */
  public static State read(Path file) throws IOException {
    return SafeTensorsReader.read(file, key -> true, StateReader::read);
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
