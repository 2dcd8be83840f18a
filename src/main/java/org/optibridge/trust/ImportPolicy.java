package org.optibridge.trust;

import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What may be imported: an allow-list, empty by default, and a validator for everything else, by
 * default a question at the terminal. Immutable.
 *
 * <p>Optimizers that are part of this library ({@code torch.optim.Adam} and the like) are no
 * imports and need no permission. Other names below {@code torch}, {@code keras}, {@code
 * tensorflow} are refused, whatever a policy says.
 */
public final class ImportPolicy {
  /** How large a file may be unless a policy says otherwise: 1 GiB. */
  public static final long DEFAULT_MAX_BYTES = 1L << 30;

  private final Set<AllowRule> rules;
  private final ImportValidator validator;
  private final boolean validates;
  private final long maxBytes;
  private final @Nullable Path answers;

  private ImportPolicy(Builder builder) {
    this.rules = Set.copyOf(builder.rules);
    this.validator = builder.validator;
    this.validates = builder.validates;
    this.maxBytes = builder.maxBytes;
    this.answers = builder.answers;
  }

  /** Returns a policy that allows nothing and asks at the terminal. */
  public static ImportPolicy standard() {
    return builder().build();
  }

  /** Returns a builder of policies, with an empty allow-list and the terminal's validator. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * @param file a policy file, see {@link Builder#file}
   * @return a policy of its rules, which asks at the terminal about everything else
   */
  public static ImportPolicy read(Path file) {
    return builder().file(file).build();
  }

  /** Returns the allow-list. */
  public Set<AllowRule> rules() {
    return rules;
  }

  /** Returns whether code has to be validated; configs and the command line always have. */
  public boolean validates() {
    return validates;
  }

  /** Returns the greatest size of a file, in bytes. */
  public long maxBytes() {
    return maxBytes;
  }

  ImportValidator validator() {
    return validator;
  }

  @Nullable Path answers() {
    return answers;
  }

  /**
   * What the rules alone say, before anybody is asked.
   *
   * @return null if they leave it to the validator
   */
  @Nullable Decision decide(ImportRequest request) {
    if (request.kind() == ImportKind.CLASS) {
      String fault = ClassNames.fault(request.name());
      if (fault != null) {
        return Decision.refuse(fault);
      }
    }
    for (AllowRule rule : rules) {
      if (rule.allows(request)) {
        return Decision.allow("'" + Printable.of(rule.toString()) + "' is on the allow-list");
      }
    }
    if (!validates && request.origin() == Origin.CODE) {
      return Decision.allow("validation is off for code");
    }
    return null;
  }

  /** Collects the parts of a policy. */
  public static final class Builder {
    private final Set<AllowRule> rules = new LinkedHashSet<>();
    private ImportValidator validator = new TerminalValidator();
    private boolean validates = true;
    private long maxBytes = DEFAULT_MAX_BYTES;
    private @Nullable Path answers;

    private Builder() {}

    /**
     * @param rule one more entry of the allow-list
     * @return this
     */
    public Builder allow(AllowRule rule) {
      rules.add(rule);
      return this;
    }

    /**
     * @param name the binary name of the one class to allow, {@code com.example.Outer$Inner} for a
     *     nested one
     * @return this
     */
    public Builder allowClass(String name) {
      return allow(new AllowRule(AllowRule.Kind.CLASS, name));
    }

    /**
     * @param name the package whose classes to allow, without packages below it
     * @return this
     */
    public Builder allowPackage(String name) {
      return allow(new AllowRule(AllowRule.Kind.PACKAGE, name));
    }

    /**
     * @param name the package whose classes to allow, with all packages below it
     * @return this
     */
    public Builder allowPackageTree(String name) {
      return allow(new AllowRule(AllowRule.Kind.PACKAGE_TREE, name));
    }

    /**
     * Allows whatever lies there: a rule for those who alone can write to that place.
     *
     * @param path an existing file, or a folder for all files below it; symbolic links are resolved
     *     now
     * @return this
     */
    public Builder allowPath(Path path) {
      return allow(new AllowRule(AllowRule.Kind.PATH, path.toString()));
    }

    /**
     * @param digest the SHA-256 digest of the file to allow, wherever it lies: 64 hexadecimal
     *     digits in either case
     * @return this
     */
    public Builder allowSha256(String digest) {
      return allow(new AllowRule(AllowRule.Kind.SHA256, digest));
    }

    /**
     * Adds the rules of a file: UTF-8 text with a rule per line, {@code class = com.example.Mine},
     * where the key is {@code class}, {@code package}, {@code package-tree}, {@code path} or {@code
     * sha256}; empty lines and lines that begin with {@code #} are skipped. Paths are absolute.
     *
     * @param file such a file
     * @return this
     * @throws IllegalArgumentException if it can't be read, holds anything else, or can be written
     *     to by everyone
     */
    public Builder file(Path file) {
      rules.addAll(PolicyFile.read(file));
      return this;
    }

    /**
     * @param file a policy file to which each answer "always" is added, so that later processes
     *     know it; it is not read here
     * @return this
     */
    public Builder saveAnswers(Path file) {
      PolicyFile.read(file);
      answers = file.toAbsolutePath();
      return this;
    }

    /**
     * @param asked what to ask about imports that no rule allows
     * @return this
     */
    public Builder validator(ImportValidator asked) {
      validator = asked;
      return this;
    }

    /**
     * @param validate false to allow whatever the application's own code asks for; what configs and
     *     the command line ask for is validated all the same
     * @return this
     */
    public Builder validate(boolean validate) {
      validates = validate;
      return this;
    }

    /**
     * @param bytes the greatest size of a file, from 1 on
     * @return this
     */
    public Builder maxBytes(long bytes) {
      if (bytes < 1) {
        throw new IllegalArgumentException(
            "The greatest size of a file must be at least 1 byte, not " + bytes);
      }
      maxBytes = bytes;
      return this;
    }

    /** Returns the policy. */
    public ImportPolicy build() {
      return new ImportPolicy(this);
    }
  }
}
