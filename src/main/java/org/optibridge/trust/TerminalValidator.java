package org.optibridge.trust;

import java.io.Console;
import java.lang.reflect.InvocationTargetException;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Asks the person at the terminal. Without one there is nobody to ask; an end of the input, or
 * nothing clear after three tries, means no.
 */
public final class TerminalValidator implements ImportValidator {
  private static final int TRIES = 3;

  // Shows a text and returns the line typed, null at the end of the input; null without a terminal.
  private final @Nullable Function<String, @Nullable String> terminal;

  /** Asks at the terminal of this process, if it has one. */
  public TerminalValidator() {
    this(terminal());
  }

  TerminalValidator(@Nullable Function<String, @Nullable String> terminal) {
    this.terminal = terminal;
  }

  @SuppressWarnings("SystemConsoleNull") // of newer JDKs isTerminal tells
  private static @Nullable Function<String, @Nullable String> terminal() {
    Console console = System.console();
    if (console == null || !isTerminal(console)) {
      return null;
    }
    return text -> console.readLine("%s", text);
  }

  /** From JDK 22 on there is a console without a terminal too, and a method to tell. */
  private static boolean isTerminal(Console console) {
    if (Runtime.version().feature() < 22) {
      return true;
    }
    try {
      return (Boolean) Console.class.getMethod("isTerminal").invoke(console);
    } catch (NoSuchMethodException | IllegalAccessException | InvocationTargetException e) {
      return false;
    }
  }

  @Override
  public Answer ask(ImportRequest request, String question) {
    if (terminal == null) {
      return Answer.NOBODY_THERE;
    }
    String text = question + System.lineSeparator() + "yes, no or always? ";
    for (int i = 0; i < TRIES; i++) {
      String line = terminal.apply(text);
      if (line == null) {
        return Answer.NO;
      }
      switch (line.strip().toLowerCase(Locale.ROOT)) {
        case "yes" -> {
          return Answer.YES;
        }
        case "always" -> {
          return Answer.ALWAYS;
        }
        case "no" -> {
          return Answer.NO;
        }
        default -> text = "Please type yes, no or always in full: ";
      }
    }
    return Answer.NO;
  }
}
