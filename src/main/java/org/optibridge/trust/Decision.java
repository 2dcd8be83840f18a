package org.optibridge.trust;

/**
 * What a policy decided.
 *
 * @param allowed whether the import may go on
 * @param reason why, as a clause: "class com.example.Mine is on the allow-list"
 */
public record Decision(boolean allowed, String reason) {
  static Decision allow(String reason) {
    return new Decision(true, reason);
  }

  static Decision refuse(String reason) {
    return new Decision(false, reason);
  }
}
