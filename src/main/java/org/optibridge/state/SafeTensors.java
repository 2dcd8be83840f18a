package org.optibridge.state;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.optibridge.state.SafeTensorsHeader.Slot;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorSpec;

/**
 * A file of the safetensors format, whoever wrote it: named tensors and texts. So weights go from
 * Python's {@code safetensors.torch.save_file} to a {@link Vector} and back.
 *
 * <pre>{@code
 * try (SafeTensors file = SafeTensors.read(Path.of("weights.safetensors"))) {
 *   train(file.vector());
 *   SafeTensors.write(file.vector(), file.metadata(), Path.of("trained.safetensors"));
 * }
 * }</pre>
 *
 * <p><b>Elements</b> keep their bits. They are read into one new allocation and written from where
 * they are, each copied once. Read are the dtypes that {@link org.optibridge.vector.DType} has;
 * files often hold counters of other types as well, which {@link #read(Path, Predicate)} leaves
 * out.
 *
 * <p><b>Order.</b> Tensors are in the order of the file's header: that of the vector which was
 * written here; by dtype and name if Python's {@code save_file} wrote it. An optimizer's parameters
 * and gradients need one order.
 *
 * <p><b>Reading</b> trusts nothing: lengths, places, shapes and names are checked before memory is
 * taken, and no more of it is taken than there are bytes to fill it.
 *
 * <p><b>Limits.</b> 64 MiB of header, 2^18 tensors, 64 extents, 1,024 texts of metadata. Tensors
 * must be in host memory.
 *
 * <p><b>Thread-safety.</b> Calls may run at once, also on one vector if nobody writes to it.
 *
 * <p>Source: the format's description at github.com/huggingface/safetensors.
 */
public final class SafeTensors implements AutoCloseable {
  private final Vector vector;
  private final Map<String, String> metadata;

  private SafeTensors(Vector vector, Map<String, String> metadata) {
    this.vector = vector;
    this.metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
  }

  /** Returns the tensors, owned by this. */
  public Vector vector() {
    return vector;
  }

  /** Returns the texts of the file's {@code __metadata__}, by key. */
  public Map<String, String> metadata() {
    return metadata;
  }

  /** Closes the vector. */
  @Override
  public void close() {
    vector.close();
  }

  /**
   * Reads a whole file.
   *
   * @param file of the safetensors format
   * @return what is in it, to be closed by the caller
   * @throws IllegalArgumentException if it is no such file, has no tensor, or one of a dtype that
   *     vectors don't have
   * @throws IOException if it can't be read
   */
  public static SafeTensors read(Path file) throws IOException {
    return read(file, name -> true);
  }

  /**
   * Reads some tensors of a file; others may be of any dtype.
   *
   * @param file of the safetensors format
   * @param names whether to read the tensor of a name
   * @return what was read, to be closed by the caller
   * @throws IllegalArgumentException if it is no such file, or has no such tensor
   * @throws IOException if it can't be read
   */
  public static SafeTensors read(Path file, Predicate<String> names) throws IOException {
    return SafeTensorsReader.read(file, names, SafeTensors::read);
  }

  /**
   * @param bytes what a file of the format holds
   * @return what is in it, to be closed by the caller
   * @throws IllegalArgumentException as {@link #read(Path)}
   */
  public static SafeTensors read(byte[] bytes) {
    return SafeTensorsReader.read(bytes, name -> true, SafeTensors::read);
  }

  private static SafeTensors read(SafeTensorsReader file) throws IOException {
    List<Slot> slots = List.copyOf(file.header().slots().values());
    if (slots.isEmpty()) {
      throw new IllegalArgumentException("The file has no tensor that is wanted");
    }
    Vector vector = Vector.allocate(new VectorSpec(slots.stream().map(Slot::tensor).toList()));
    try {
      file.fill(vector, slots);
      return new SafeTensors(vector, file.header().metadata());
    } catch (RuntimeException | IOException | Error e) {
      vector.close();
      throw e;
    }
  }

  /**
   * Writes a file, or replaces one. If that fails, an old file is left as it was.
   *
   * @param vector stored and in host memory; left open
   * @param metadata texts by key; Python's libraries expect {@code format=pt} in files of weights
   * @param file where to; a symbolic link is replaced, not followed
   * @throws IllegalArgumentException if the vector can't be written or a limit is exceeded
   * @throws IOException if the file can't be written
   */
  public static void write(Vector vector, Map<String, String> metadata, Path file)
      throws IOException {
    laidOut(vector, metadata).replace(file);
  }

  /**
   * @param vector stored and in host memory; left open
   * @param metadata texts by key
   * @return what a file of it would hold
   * @throws IllegalArgumentException as {@link #write(Vector, Map, Path)}, or if an array can't
   *     hold the bytes
   */
  public static byte[] write(Vector vector, Map<String, String> metadata) {
    return laidOut(vector, metadata).bytes();
  }

  private static SafeTensorsWriter.Laid laidOut(Vector vector, Map<String, String> metadata) {
    if (!vector.isStored()) {
      throw new IllegalArgumentException("The vector is an expression; call materialize() first");
    }
    if (metadata.size() > SafeTensorsHeader.MAX_METADATA) {
      throw new IllegalArgumentException(
          "A file has at most " + SafeTensorsHeader.MAX_METADATA + " texts of metadata");
    }
    SafeTensorsWriter writer = new SafeTensorsWriter();
    for (TensorSpec tensor : vector.spec().tensors()) {
      if (tensor.name().equals(SafeTensorsHeader.METADATA)) {
        throw new IllegalArgumentException(
            "A tensor can't be named '" + tensor.name() + "' in a file: the metadata is");
      }
      writer.add(tensor.name(), vector, tensor, "");
    }
    List<String> texts = new ArrayList<>(metadata.keySet());
    texts.addAll(metadata.values());
    texts.forEach(text -> StrictJson.requireUnicode("The metadata", text));
    return writer.layOut(metadata);
  }
}
