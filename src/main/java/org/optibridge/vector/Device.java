package org.optibridge.vector;

/**
 * Where a tensor's memory is.
 *
 * @param kind the kind of device
 * @param index which one, from 0
 */
public record Device(Kind kind, int index) {
  /** Kinds of device. */
  public enum Kind {
    /** Host memory. */
    CPU(0),
    /** An NVIDIA GPU. */
    CUDA(1);

    private final int code;

    Kind(int code) {
      this.code = code;
    }

    /** The value of {@code c10::DeviceType}. */
    int code() {
      return code;
    }
  }

  /** Host memory. */
  public static final Device CPU = new Device(Kind.CPU, 0);

  /** Checks the index. */
  public Device {
    if (index < 0 || (kind == Kind.CPU && index != 0)) {
      throw new IllegalArgumentException("No device " + kind + " has the index " + index);
    }
  }

  /**
   * @param text {@code "cpu"}, {@code "cuda"} or {@code "cuda:1"}
   * @return the device
   * @throws IllegalArgumentException if the text is none of these
   */
  public static Device of(String text) {
    if (text.equals("cpu")) {
      return CPU;
    }
    if (text.equals("cuda")) {
      return new Device(Kind.CUDA, 0);
    }
    if (text.matches("cuda:[0-9]{1,4}")) {
      return new Device(Kind.CUDA, Integer.parseInt(text.substring("cuda:".length())));
    }
    throw new IllegalArgumentException(
        "Unknown device '" + text + "'; write \"cpu\", \"cuda\" or \"cuda:N\"");
  }

  @Override
  public String toString() {
    return kind == Kind.CPU ? "cpu" : "cuda:" + index;
  }
}
