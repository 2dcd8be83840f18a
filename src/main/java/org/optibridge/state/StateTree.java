package org.optibridge.state;

/**
 * The JSON text that a file of a state has beside its tensors. A state is an object with its
 * entries in order; an entry is an object with one field, which tells its type:
 *
 * <pre>{@code
 * {"number": 1.5}                    or "NaN", "Infinity", "-Infinity" in place of the number
 * {"text": "…"}
 * {"vector": ["w1", "b1"]}           the tensors' names in order; the rest is in the header
 * {"spec": [{"name": "w1", "dtype": "float32", "device": "cpu", "shape": [4, 3]}]}
 * {"json": {"lr": 0.1}}              plain data: an object or a list
 * {"state": {…}}
 * }</pre>
 */
final class StateTree {
  /** The key of the text in the file's metadata. */
  static final String STATE_KEY = "state";

  /** The key of the format's name in the file's metadata. */
  static final String FORMAT_KEY = "format";

  /** The format's name, with the number of this version. */
  static final String FORMAT = "optibridge-state/1";

  /** The most states in one another. */
  static final int MAX_DEPTH = 64;

  /** The most values in all plain data of a state together. */
  static final int MAX_VALUES = 1 << 20;

  static final String NUMBER = "number";
  static final String TEXT = "text";
  static final String VECTOR = "vector";
  static final String SPEC = "spec";
  static final String JSON = "json";
  static final String STATE = "state";

  static final String NAME = "name";
  static final String DTYPE = "dtype";
  static final String DEVICE = "device";
  static final String SHAPE = "shape";

  private StateTree() {}
}
