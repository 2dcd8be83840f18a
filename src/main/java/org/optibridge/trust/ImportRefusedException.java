package org.optibridge.trust;

/**
 * The import policy refused something: nothing of it was loaded, opened or run. It is an illegal
 * argument, so that what handles a bad config handles this too.
 */
public final class ImportRefusedException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message what was refused, why, and how to allow it
   */
  public ImportRefusedException(String message) {
    super(message);
  }

  /**
   * For a class's name where only a framework's own optimizers are made.
   *
   * @param maker what makes them
   * @param framework whose optimizers they are
   * @param name the class's
   * @return the refusal, which says how the class can be used
   */
  public static ImportRefusedException noOptimizerOf(String maker, String framework, String name) {
    return new ImportRefusedException(
        maker
            + " makes no optimizer but "
            + framework
            + "'s, and '"
            + name
            + "' is none of them; nothing was loaded. If it is a class of yours that implements"
            + " OptiModule: TrustedImports.standard().load(\""
            + name
            + "\", OptiModule.class, Origin.CODE).create(options), under an import policy that"
            + " allows it: ImportPolicy.builder().allowClass(\""
            + name
            + "\")");
  }
}
