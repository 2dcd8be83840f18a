package org.optibridge.trust;

import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Which texts are names of classes that could be imported. */
final class ClassNames {
  private static final int MAX_LENGTH = 512;

  // ASCII only: letters that look alike would make two names look like one.
  private static final String PART = "[A-Za-z_][A-Za-z0-9_]*";
  private static final Pattern PACKAGE = Pattern.compile(PART + "(\\." + PART + ")*");
  private static final Pattern CLASS =
      Pattern.compile(PART + "(\\." + PART + ")+(\\$[A-Za-z0-9_]+)*");

  // Python packages whose optimizers are built in under their own names: never Java classes.
  private static final Set<String> FRAMEWORKS =
      Set.of("torch", "keras", "tensorflow", "tf", "timm", "pytorch_optimizer", "schedulefree");

  private ClassNames() {}

  static boolean isPackage(String name) {
    return name.length() <= MAX_LENGTH && PACKAGE.matcher(name).matches() && !isFramework(name);
  }

  /** Whether the name belongs to a framework whose optimizers are built in. */
  static boolean isFramework(String name) {
    int dot = name.indexOf('.');
    return FRAMEWORKS.contains(dot < 0 ? name : name.substring(0, dot));
  }

  /** Says what keeps a text from being a class's name; null if nothing does. */
  static @Nullable String fault(String name) {
    if (name.length() > MAX_LENGTH || !CLASS.matcher(name).matches()) {
      return "it is not the binary name of a class in a package: ASCII letters, digits and '_',"
          + " parts joined by '.', nested classes by '$'";
    }
    if (isFramework(name)) {
      return "names below '"
          + name.substring(0, name.indexOf('.'))
          + "' are optimizers built into optibridge, never classes to load, and none of them has"
          + " this name";
    }
    return null;
  }

  /** The package that a class of this name is in. */
  static String packageOf(String name) {
    return name.substring(0, name.lastIndexOf('.'));
  }
}
