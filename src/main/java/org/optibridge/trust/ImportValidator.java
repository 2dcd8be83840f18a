package org.optibridge.trust;

/**
 * Asked about what no rule of a policy allows. One question at a time is put to it by each {@link
 * TrustedImports}. An exception that it throws ends the import.
 */
@FunctionalInterface
public interface ImportValidator {
  /** An answer. */
  enum Answer {
    /** Allowed, this once. */
    YES,
    /**
     * Allowed, and not asked about again: a class by its name, a file by its digest, so that a
     * changed file is a new question.
     */
    ALWAYS,
    /** Refused, this once. */
    NO,
    /** Refused, because nobody could be asked. */
    NOBODY_THERE
  }

  /**
   * @param request what would be imported; names and paths may come from another machine: escape
   *     them, or use {@link ImportRequest#describe()}, before they are shown
   * @param question what a person is to be asked, in lines free of control characters
   * @return the answer
   */
  Answer ask(ImportRequest request, String question);
}
