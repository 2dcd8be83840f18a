package org.optibridge.torch;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.optibridge.memory.FrameworkNotFoundException;
import org.optibridge.memory.NativeOutOfMemoryException;
import org.optibridge.memory.OptiBridgeException;
import org.optibridge.trust.ImportRefusedException;
import org.optibridge.trust.Origin;
import org.optibridge.trust.TrustedImports;
import org.optibridge.trust.VerifiedFile;

/**
 * An optimizer from a file: of a plug-in library (C++), a TorchScript archive or an AOTInductor
 * package. {@code docs/own-optimizer.md} tells how to make such files.
 *
 * <p>The file is code. It is opened under an import policy, as a private copy that nobody can
 * change between the decision and the loading. What was loaded stays loaded until the process ends;
 * a file with the same content is not loaded again.
 *
 * <p><b>Thread-safety.</b> Thread-safe.
 */
public final class TorchImport {
  // What files held, by the digest of their content. Guarded by itself, as is the loading.
  private static final Map<String, Map<String, ImportedOptimizer>> LOADED = new HashMap<>();

  private final String reference;
  private final ImportedOptimizer optimizer;

  private TorchImport(String reference, ImportedOptimizer optimizer) {
    this.reference = reference;
    this.optimizer = optimizer;
  }

  /**
   * Tells whether a text can only be meant for a file.
   *
   * @param text what stands where an optimizer's name could
   * @return whether it has a {@code /}, or the ending of such a file
   */
  public static boolean isFile(String text) {
    return FileReference.isOne(text);
  }

  /**
   * Opens a file.
   *
   * @param reference {@code FILE.so} or {@code FILE.so:NAME}, {@code FILE.pt}, {@code FILE.pt2}; a
   *     relative path starts at the working directory
   * @param imports decides whether it may be loaded
   * @param origin who asks
   * @return the optimizer
   * @throws ImportRefusedException if the policy refuses the file; then nothing was loaded
   * @throws IllegalArgumentException if there is no such file, or it is no optimizer that can be
   *     run here; the message says what is wrong
   * @throws FrameworkNotFoundException if libtorch is not there
   */
  public static TorchImport open(String reference, TrustedImports imports, Origin origin) {
    FileReference file = FileReference.of(reference);
    try (VerifiedFile copy = imports.open(file.form().kind, file.path(), origin)) {
      return new TorchImport(reference, choose(file, load(file, copy)));
    }
  }

  private static Map<String, ImportedOptimizer> load(FileReference file, VerifiedFile copy) {
    String key = file.form() + " " + copy.bytes().sha256();
    synchronized (LOADED) {
      Map<String, ImportedOptimizer> known = LOADED.get(key);
      if (known == null) {
        try {
          known = loadNow(file, copy);
        } catch (NativeOutOfMemoryException | FrameworkNotFoundException e) {
          throw e;
        } catch (IllegalArgumentException | OptiBridgeException e) {
          throw new IllegalArgumentException(
              "The " + file.form().kind + " '" + file.path() + "': " + e.getMessage(), e);
        }
        LOADED.put(key, known);
      }
      return known;
    }
  }

  private static Map<String, ImportedOptimizer> loadNow(FileReference file, VerifiedFile copy) {
    if (file.form() == FileReference.Form.PLUGIN) {
      return PluginLoader.open(copy.path());
    }
    ImportedOptimizer one =
        ProgramLoader.open(copy.path(), file.form() == FileReference.Form.COMPILED);
    return Map.of(one.spec().name(), one);
  }

  private static ImportedOptimizer choose(
      FileReference file, Map<String, ImportedOptimizer> optimizers) {
    @Nullable String name = file.name();
    Collection<ImportedOptimizer> all = optimizers.values();
    if (name == null && all.size() == 1) {
      return all.iterator().next();
    }
    ImportedOptimizer found = name == null ? null : optimizers.get(name);
    if (found == null) {
      throw new IllegalArgumentException(
          (name == null
                  ? "'" + file.path() + "' has several optimizers"
                  : "'" + file.path() + "' has no optimizer '" + name + "'")
              + "; name one of "
              + optimizers.keySet()
              + ": "
              + file.path()
              + ":NAME");
    }
    return found;
  }

  /** Returns the text that it was opened by, which stands for it in configs. */
  public String reference() {
    return reference;
  }

  /** Returns its options, their defaults and its default learning rate. */
  public TorchOptimizerSpec spec() {
    return optimizer.spec();
  }

  /**
   * Makes a module.
   *
   * @param kwargs its options
   * @return a module of a pipeline, without state
   * @throws IllegalArgumentException if an option is unknown, ill-typed or out of range, or the
   *     plug-in's constructor refuses it
   */
  public TorchOptiModule module(Map<String, Object> kwargs) {
    return TorchOptiModule.of(this, kwargs);
  }

  ImportedOptimizer optimizer() {
    return optimizer;
  }

  @Override
  public String toString() {
    return optimizer.spec().qualifiedName() + " of " + reference;
  }
}
