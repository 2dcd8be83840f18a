package org.optibridge.tensorflow;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.NativeOutOfMemoryException;
import org.optibridge.memory.OptiBridgeException;
import org.optibridge.trust.ImportKind;
import org.optibridge.trust.ImportRefusedException;
import org.optibridge.trust.OptionBounds;
import org.optibridge.trust.Origin;
import org.optibridge.trust.TrustedImports;
import org.optibridge.trust.VerifiedFile;

/**
 * An optimizer from a SavedModel that {@code export_keras_optimizer.py} wrote. {@code
 * docs/own-optimizer.md} tells how.
 *
 * <p>The file is code. It is opened under an import policy, as a private copy that nobody can
 * change between the decision and the loading. Of what is in it, TensorFlow gets the functions of
 * the step alone, and those only if they do nothing but compute with their arguments. What was
 * loaded stays loaded until the process ends; a file with the same content is not loaded again.
 *
 * <p><b>Thread-safety.</b> Thread-safe.
 */
public final class TensorflowImport {
  private static final String ENDING = ".pb";

  // By the digest of the content. Guarded by itself, as is the loading.
  private static final Map<String, Step> LOADED = new HashMap<>();

  private final String reference;
  private final Step step;

  /**
   * A step that is loaded.
   *
   * @param className what the native side calls it
   * @param spec its options
   * @param bounds what values they take, beyond their types
   */
  record Step(String className, KerasOptimizerSpec spec, List<OptionBounds> bounds) {}

  private TensorflowImport(String reference, Step step) {
    this.reference = reference;
    this.step = step;
  }

  /**
   * Tells whether a text can only be meant for a SavedModel.
   *
   * @param text what stands where an optimizer's name could
   * @return whether it has a {@code /}, or the ending of such a file
   */
  public static boolean isFile(String text) {
    return text.indexOf('/') >= 0 || text.endsWith(ENDING);
  }

  /**
   * Opens a SavedModel.
   *
   * @param reference its folder, or the file {@code saved_model.pb} in it, which is all that is
   *     read; a relative path starts at the working directory
   * @param imports decides whether it may be loaded
   * @param origin who asks
   * @return the optimizer
   * @throws ImportRefusedException if the policy refuses the file; then nothing was loaded
   * @throws IllegalArgumentException if there is no such file, or it is no optimizer that can be
   *     run here; the message says what is wrong
   */
  public static TensorflowImport open(String reference, TrustedImports imports, Origin origin) {
    String file = file(reference);
    try (VerifiedFile copy = imports.open(ImportKind.PROGRAM, file, origin)) {
      return new TensorflowImport(reference, load(file, copy));
    }
  }

  private static String file(String reference) {
    try {
      Path path = Path.of(reference);
      if (!reference.endsWith(ENDING) || Files.isDirectory(path)) {
        return path.resolve(SavedModel.FILE).toString();
      }
    } catch (InvalidPathException e) {
      // Opening it says so.
    }
    return reference;
  }

  private static Step load(String file, VerifiedFile copy) {
    String digest = copy.bytes().sha256();
    synchronized (LOADED) {
      Step known = LOADED.get(digest);
      if (known == null) {
        try {
          known = SavedModelLoader.load(Files.readAllBytes(copy.path()), digest);
        } catch (NativeOutOfMemoryException e) {
          throw e;
        } catch (IllegalArgumentException | OptiBridgeException | IOException e) {
          throw new IllegalArgumentException(
              "The " + ImportKind.PROGRAM + " '" + file + "': " + e.getMessage(), e);
        }
        LOADED.put(digest, known);
      }
      return known;
    }
  }

  /** Returns the text that it was opened by, which stands for it in configs. */
  public String reference() {
    return reference;
  }

  /** Returns its options, their defaults and its default learning rate. */
  public KerasOptimizerSpec spec() {
    return step.spec();
  }

  /**
   * @param options its options, and those that all of Keras's optimizers have; null is None
   * @return the optimizer with these options
   * @throws IllegalArgumentException if an option is unknown, ill-typed or out of range
   */
  public KerasOptimizer optimizer(Map<String, ?> options) {
    return KerasOptimizer.of(this, options);
  }

  /**
   * Makes a module.
   *
   * @param options its options, and those that all of Keras's optimizers have; null is None
   * @return a module of a pipeline, without state
   * @throws IllegalArgumentException if an option is unknown, ill-typed or out of range
   */
  public TensorflowOptiModule module(Map<String, ?> options) {
    return TensorflowOptiModule.of(optimizer(options));
  }

  String className() {
    return step.className();
  }

  /** As {@link KerasOptimizerSpec#complete}, with the bounds checked too. */
  Map<String, @Nullable Object> complete(Map<String, ?> options) {
    Map<String, @Nullable Object> complete = step.spec().complete(options);
    for (OptionBounds bound : step.bounds()) {
      bound.check(step.spec().qualifiedName(), options);
    }
    return complete;
  }

  @Override
  public String toString() {
    return step.spec().qualifiedName() + " of " + reference;
  }
}
