package org.optibridge.modules;

import java.util.Collection;
import java.util.Collections;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import org.optibridge.optimizer.State;

/** Sets of client identifiers, sorted so that equal sets travel as equal bytes. */
final class ClientIds {
  private ClientIds() {}

  static String require(String owner, String id) {
    if (id.isBlank()) {
      throw new IllegalArgumentException(owner + ": a client's id must not be blank");
    }
    return id;
  }

  static SortedSet<String> of(String owner, Collection<String> ids) {
    SortedSet<String> set = new TreeSet<>();
    ids.forEach(id -> set.add(require(owner, id)));
    return Collections.unmodifiableSortedSet(set);
  }

  /** A list as a state: positions from 0 are the keys. */
  static State write(Set<String> ids) {
    State list = new State();
    int position = 0;
    for (String id : ids) {
      list.put(Integer.toString(position++), id);
    }
    return list;
  }

  static SortedSet<String> read(String owner, State list) {
    SortedSet<String> set = new TreeSet<>();
    for (int i = 0; i < list.keys().size(); i++) {
      String id = require(owner, list.text(Integer.toString(i)));
      if (!set.add(id)) {
        throw new IllegalArgumentException(owner + ": client '" + id + "' is listed twice");
      }
    }
    return Collections.unmodifiableSortedSet(set);
  }
}
