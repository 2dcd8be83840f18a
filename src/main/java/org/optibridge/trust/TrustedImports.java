package org.optibridge.trust;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Loads classes and opens files as far as a policy allows it, and remembers what was answered by
 * "always". Every decision is logged to {@code org.optibridge.trust}: refusals as warnings, others
 * at level info.
 *
 * <p><b>Thread-safety.</b> Thread-safe; one question is asked at a time.
 */
public final class TrustedImports {
  static final System.Logger LOGGER = System.getLogger("org.optibridge.trust");

  private static volatile TrustedImports standard = new TrustedImports(ImportPolicy.standard());

  private final ImportPolicy policy;
  // Guarded by itself, as is the asking.
  private final Set<AllowRule> remembered = new HashSet<>();

  /**
   * @param policy what decides
   */
  public TrustedImports(ImportPolicy policy) {
    this.policy = policy;
  }

  /** Returns what this process uses for configs, at first with {@link ImportPolicy#standard()}. */
  public static TrustedImports standard() {
    return standard;
  }

  /**
   * @param imports what this process is to use for configs from now on
   */
  public static void setStandard(TrustedImports imports) {
    standard = Objects.requireNonNull(imports, "imports");
  }

  /** Returns the policy. */
  public ImportPolicy policy() {
    return policy;
  }

  /**
   * @param name a name that no built-in optimizer has
   * @return whether it can only be meant for a class to load: it has a package, which is none of a
   *     framework whose optimizers are built in
   */
  public static boolean isQualified(String name) {
    return name.indexOf('.') >= 0 && !ClassNames.isFramework(name);
  }

  /**
   * Decides, asks if needed, and logs.
   *
   * @param request what is to be imported
   * @return the decision
   */
  public Decision decide(ImportRequest request) {
    return decide(request, () -> request);
  }

  /** Decides; what is to be shown besides is looked up only if somebody is asked. */
  private Decision decide(ImportRequest request, Supplier<ImportRequest> shown) {
    Decision decision = policy.decide(request);
    if (decision == null) {
      decision = ask(request, shown);
    }
    if (decision.allowed()) {
      LOGGER.log(Level.INFO, "Allowed {0}: {1}", request.describe(), decision.reason());
    } else {
      LOGGER.log(Level.WARNING, "Refused {0}: {1}", request.describe(), decision.reason());
    }
    return decision;
  }

  private Decision ask(ImportRequest request, Supplier<ImportRequest> shown) {
    synchronized (remembered) {
      if (remembered.stream().anyMatch(rule -> rule.allows(request))) {
        return Decision.allow("it was answered by \"always\" before");
      }
      ImportRequest whole = shown.get();
      String question = Question.about(whole, policy.answers());
      return switch (policy.validator().ask(whole, question)) {
        case YES -> Decision.allow("it was answered by \"yes\"");
        case ALWAYS -> {
          remember(AllowRule.narrowest(request));
          yield Decision.allow("it was answered by \"always\"");
        }
        case NO -> Decision.refuse("it is not on the allow-list and was answered by \"no\"");
        case NOBODY_THERE ->
            Decision.refuse("it is not on the allow-list and there is no terminal to ask at");
      };
    }
  }

  private void remember(AllowRule rule) {
    remembered.add(rule);
    Path file = policy.answers();
    if (file != null) {
      try {
        PolicyFile.append(file, rule);
      } catch (IllegalArgumentException e) {
        LOGGER.log(Level.WARNING, "The answer holds for this process only", e);
      }
    }
  }

  private static void require(ImportRequest request, Decision decision) {
    if (!decision.allowed()) {
      throw new ImportRefusedException(Question.refusal(request, decision));
    }
  }

  /**
   * Loads a class with the thread's context class loader, else with this library's.
   *
   * @param name its binary name
   * @param wanted what its objects are to be used as
   * @param origin who asks
   * @param <T> what its objects are to be used as
   * @return the class, not initialized
   * @throws ImportRefusedException if the policy refuses it; then nothing was loaded
   * @throws IllegalArgumentException if there is no such class or it can't be used as wanted
   */
  public <T> ImportedClass<T> load(String name, Class<T> wanted, Origin origin) {
    ClassLoader context = Thread.currentThread().getContextClassLoader();
    return load(
        name, wanted, context != null ? context : TrustedImports.class.getClassLoader(), origin);
  }

  /**
   * Loads a class.
   *
   * @param name its binary name
   * @param wanted what its objects are to be used as
   * @param loader finds it
   * @param origin who asks
   * @param <T> what its objects are to be used as
   * @return the class, not initialized
   * @throws ImportRefusedException if the policy refuses it; then nothing was loaded
   * @throws IllegalArgumentException if there is no such class or it can't be used as wanted
   */
  public <T> ImportedClass<T> load(
      String name, Class<T> wanted, ClassLoader loader, Origin origin) {
    ImportRequest request = ImportRequest.ofClass(name, origin);
    require(request, decide(request, () -> request.at(Question.source(name, loader))));
    try {
      return ImportedClass.of(Class.forName(name, false, loader), wanted);
    } catch (ClassNotFoundException e) {
      throw new IllegalArgumentException(
          "Class '" + name + "' is allowed by the import policy, but is not on the class path", e);
    } catch (LinkageError e) {
      throw new IllegalArgumentException("Class '" + name + "' can't be loaded: " + e, e);
    }
  }

  /**
   * Copies a file to where nobody else can change it, and decides on the copy.
   *
   * @param kind {@link ImportKind#LIBRARY} or {@link ImportKind#PROGRAM}
   * @param file its path as it was written; symbolic links are followed and {@code ..} resolved
   *     before it is compared with the policy's paths
   * @param origin who asks
   * @return the copy, to be closed by the caller once it is loaded
   * @throws ImportRefusedException if the policy refuses it; the copy is gone then
   * @throws IllegalArgumentException if it does not exist, can't be read, is no regular file, is
   *     empty or larger than {@link ImportPolicy#maxBytes()}
   */
  public VerifiedFile open(ImportKind kind, String file, Origin origin) {
    if (kind == ImportKind.CLASS) {
      throw new IllegalArgumentException("A class is loaded, not opened: use load");
    }
    PrivateCopy copy = null;
    boolean allowed = false;
    try {
      Path source = Path.of(file).toRealPath();
      checkAttributes(kind, file, source);
      copy = PrivateCopy.of(source, policy.maxBytes());
      CheckedBytes bytes = new CheckedBytes(source, copy.sha256(), copy.size());
      ImportRequest request = new ImportRequest(kind, file, bytes, null, origin);
      require(request, decide(request));
      allowed = true;
      return new VerifiedFile(copy, bytes);
    } catch (InvalidPathException | NoSuchFileException e) {
      throw fault(kind, file, "does not exist", e);
    } catch (AccessDeniedException e) {
      throw fault(kind, file, "can't be read: permission denied", e);
    } catch (FileSystemLoopException e) {
      throw fault(kind, file, "is a symbolic link to itself", e);
    } catch (PrivateCopy.TooLargeException e) {
      throw tooLarge(kind, file);
    } catch (IOException e) {
      throw fault(kind, file, "can't be read: " + e.getMessage(), e);
    } finally {
      if (copy != null && !allowed) {
        copy.close();
      }
    }
  }

  /** Before it is opened: opening a pipe or a device may block, or do something. */
  private void checkAttributes(ImportKind kind, String file, Path source) throws IOException {
    BasicFileAttributes attributes =
        Files.readAttributes(source, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    if (!attributes.isRegularFile()) {
      throw fault(
          kind, file, attributes.isDirectory() ? "is a folder" : "is no regular file", null);
    }
    if (attributes.size() == 0) {
      throw fault(kind, file, "is empty", null);
    }
    if (attributes.size() > policy.maxBytes()) {
      throw tooLarge(kind, file);
    }
  }

  private IllegalArgumentException tooLarge(ImportKind kind, String file) {
    return fault(
        kind,
        file,
        "is larger than the import policy's limit of "
            + policy.maxBytes()
            + " bytes (ImportPolicy.builder().maxBytes)",
        null);
  }

  private static IllegalArgumentException fault(
      ImportKind kind, String file, String what, @Nullable Exception cause) {
    return new IllegalArgumentException(
        "The " + kind + " '" + Printable.of(file) + "' " + what, cause);
  }
}
