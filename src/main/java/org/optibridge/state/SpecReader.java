package org.optibridge.state;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.optibridge.vector.DType;
import org.optibridge.vector.Device;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.VectorSpec;

/** Reads one tensor of a spec in the tree of a state. */
final class SpecReader {
  private @Nullable String name;
  private @Nullable DType dtype;
  private @Nullable Device device;
  private @Nullable List<Long> shape;

  private SpecReader() {}

  static VectorSpec read(StrictJson reader) {
    List<TensorSpec> tensors = new ArrayList<>();
    reader.array(
        position -> {
          if (position == SafeTensorsHeader.MAX_ENTRIES) {
            throw reader.error("a spec of more than " + position + " tensors");
          }
          SpecReader one = new SpecReader();
          reader.object(field -> one.field(reader, field));
          tensors.add(one.tensor(reader));
        });
    return new VectorSpec(tensors);
  }

  private void field(StrictJson reader, String field) {
    switch (field) {
      case StateTree.NAME -> name = reader.text();
      case StateTree.DTYPE -> dtype = DType.of(reader.text());
      case StateTree.DEVICE -> device = Device.of(reader.text());
      case StateTree.SHAPE -> shape = SafeTensorsParser.sizes(reader, SafeTensorsHeader.MAX_RANK);
      default -> throw reader.error("a tensor has the unknown field '" + field + "'");
    }
  }

  private TensorSpec tensor(StrictJson reader) {
    if (name == null || dtype == null || device == null || shape == null) {
      throw reader.error("a tensor needs name, dtype, device and shape");
    }
    return new TensorSpec(name, dtype, device, shape.stream().mapToLong(Long::longValue).toArray());
  }
}
