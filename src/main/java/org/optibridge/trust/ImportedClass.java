package org.optibridge.trust;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Modifier;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A class that the policy allowed. Its static initializer runs when the first object is made, not
 * before.
 *
 * @param <T> what its objects are used as
 */
public final class ImportedClass<T> {
  private final Class<? extends T> type;
  private final Constructor<? extends T> constructor;
  private final boolean configured;

  private ImportedClass(
      Class<? extends T> type, Constructor<? extends T> constructor, boolean configured) {
    this.type = type;
    this.constructor = constructor;
    this.configured = configured;
  }

  /** Checks, without running any of its code, that a class can be used as wanted. */
  static <T> ImportedClass<T> of(Class<?> loaded, Class<T> wanted) {
    String name = loaded.getName();
    require(
        wanted.isAssignableFrom(loaded),
        name,
        "does not implement " + wanted.getName() + " (as this library's class loader has it)");
    require(
        Modifier.isPublic(loaded.getModifiers()) && !Modifier.isAbstract(loaded.getModifiers()),
        name,
        "must be public and not abstract");
    Class<? extends T> type = loaded.asSubclass(wanted);
    Constructor<? extends T> constructor = constructor(type, Map.class);
    boolean configured = constructor != null;
    if (constructor == null) {
      constructor = constructor(type);
    }
    if (constructor == null) {
      throw new IllegalArgumentException(
          "Class '"
              + name
              + "' needs a public constructor with a Map<String, Object>, or without"
              + " parameters");
    }
    return new ImportedClass<>(type, constructor, configured);
  }

  private static <T> @Nullable Constructor<T> constructor(Class<T> type, Class<?>... parameters) {
    try {
      return type.getConstructor(parameters);
    } catch (NoSuchMethodException e) {
      return null;
    }
  }

  private static void require(boolean good, String name, String fault) {
    if (!good) {
      throw new IllegalArgumentException("Class '" + name + "' " + fault);
    }
  }

  /** Returns the class. */
  public Class<? extends T> type() {
    return type;
  }

  /**
   * Makes an object, with the public constructor that takes a {@code Map<String, Object>} if there
   * is one, else with the one without parameters.
   *
   * @param config the object's hyper-parameters; empty if its class takes none
   * @return the object
   * @throws IllegalArgumentException if the class takes no config but one is given, or refuses it
   * @throws IllegalStateException if the constructor or the static initializer fails
   */
  public T create(Map<String, Object> config) {
    if (!configured && !config.isEmpty()) {
      throw new IllegalArgumentException(
          "Class '" + type.getName() + "' takes no options, but was given " + config.keySet());
    }
    try {
      return configured ? constructor.newInstance(config) : constructor.newInstance();
    } catch (InvocationTargetException e) {
      Throwable cause = e.getCause();
      if (cause instanceof IllegalArgumentException refused) {
        throw refused;
      }
      throw failed(cause == null ? e : cause);
    } catch (LinkageError | ReflectiveOperationException e) {
      throw failed(e);
    }
  }

  private IllegalStateException failed(Throwable cause) {
    return new IllegalStateException(
        "Class '" + type.getName() + "' could not be made: " + cause, cause);
  }
}
