package org.optibridge.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.optibridge.vector.DType;
import org.optibridge.vector.Device;
import org.optibridge.vector.Vector;
import org.optibridge.vector.VectorBuilder;

/**
 * A network in libtorch's float32 tensors, differentiated by its autograd. It is the user's model
 * of this program: optibridge only gets the addresses of its parameters and gradients.
 */
abstract class Network implements AutoCloseable {
  private static final int CHUNK = 1000;

  private final List<String> names = new ArrayList<>();
  private final List<Tensor> parameters = new ArrayList<>();
  private final List<Tensor> gradients = new ArrayList<>();
  private final List<long[]> shapes = new ArrayList<>();
  private final List<Long> addresses = new ArrayList<>();

  /** Makes the network of that name; the same seed gives the same weights. */
  static Network create(Model model, Dataset data, long seed) {
    return switch (model) {
      case CONVNET -> new ConvNet(data.rows(), data.columns(), data.classes(), seed);
      case LINEAR -> new LinearModel(data.rows(), data.columns(), data.classes(), seed);
    };
  }

  /** The networks that there are. */
  enum Model {
    /** {@link ConvNet}. */
    CONVNET,
    /** {@link LinearModel}. */
    LINEAR
  }

  /**
   * Adds a weight of that shape and a bias, uniform within 1/sqrt(inputs), as in PyTorch's layers.
   */
  final void layer(String name, Random random, long... shape) {
    long inputs = 1;
    for (int i = 1; i < shape.length; i++) {
      inputs *= shape[i];
    }
    double bound = 1 / Math.sqrt((double) inputs);
    int outputs = (int) shape[0];
    parameter(name + ".weight", uniform(random, Math.toIntExact(outputs * inputs), bound), shape);
    parameter(name + ".bias", uniform(random, outputs, bound), outputs);
  }

  private static float[] uniform(Random random, int n, double bound) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) ((2 * random.nextDouble() - 1) * bound);
    }
    return values;
  }

  private void parameter(String name, float[] values, long... shape) {
    Tensor tensor = torch.zeros(shape);
    try (PointerScope scope = new PointerScope()) {
      new FloatPointer(tensor.data_ptr()).put(values);
      tensor.set_requires_grad(true);
    }
    names.add(name);
    shapes.add(shape);
    parameters.add(tensor);
  }

  /** The mean cross entropy of a batch; belongs to the caller's scope. */
  Tensor loss(Tensor images, Tensor labels) {
    return torch.cross_entropy_loss(forward(images), labels);
  }

  /** The scores of each class for each image; belongs to the caller's scope. */
  abstract Tensor forward(Tensor images);

  final Tensor parameter(int index) {
    return parameters.get(index);
  }

  /** A fully connected layer, whose weight is the parameter of that index. */
  final Tensor linear(Tensor input, int index) {
    return torch.linear(input, parameter(index), parameter(index + 1));
  }

  /**
   * How the network does on some images.
   *
   * @param loss the mean cross entropy
   * @param accuracy the share that is recognized
   */
  record Score(double loss, double accuracy) {}

  /** Looks at all images, some at a time. */
  Score evaluate(Tensor images, Tensor labels) {
    long size = labels.numel();
    double loss = 0;
    long hits = 0;
    for (long from = 0; from < size; from += CHUNK) {
      long count = Math.min(CHUNK, size - from);
      try (PointerScope scope = new PointerScope();
          NoGradGuard guard = new NoGradGuard()) {
        Tensor truth = labels.narrow(0, from, count);
        Tensor scores = forward(images.narrow(0, from, count));
        loss += count * (double) torch.cross_entropy_loss(scores, truth).item_float();
        hits += scores.argmax(new LongOptional(1), false).eq(truth).sum().item_long();
      }
    }
    return new Score(loss / size, (double) hits / size);
  }

  /**
   * Moves the parameters to memory of another framework, and lets autograd add up their gradients
   * in memory given. {@link #bindGradients} comes later; nothing is computed once that memory is
   * closed.
   */
  void moveTo(Vector home, Vector slopes) {
    for (int i = 0; i < parameters.size(); i++) {
      try (PointerScope scope = new PointerScope();
          NoGradGuard guard = new NoGradGuard()) {
        Tensor view = view(home, i);
        view.copy_(parameter(i));
        parameter(i).__dispatch_set_data(view);
        parameter(i).mutable_grad().put(view(slopes, i));
      }
    }
  }

  private Tensor view(Vector vector, int index) {
    return torch.from_blob(
        new FloatPointer(vector.floatBuffer(names.get(index))), shapes.get(index));
  }

  /** Makes autograd allocate the gradients, which then stay where they are. */
  void bindGradients(Tensor images, Tensor labels) {
    try (PointerScope scope = new PointerScope()) {
      loss(images.narrow(0, 0, 1), labels.narrow(0, 0, 1)).backward();
    }
    for (Tensor parameter : parameters) {
      Tensor gradient = parameter.grad();
      gradients.add(gradient);
      addresses.add(address(parameter));
      addresses.add(address(gradient));
    }
    zeroGradients();
  }

  /** In place: without that, autograd would allocate new ones. */
  void zeroGradients() {
    try (PointerScope scope = new PointerScope()) {
      for (Tensor gradient : gradients) {
        gradient.zero_();
      }
    }
  }

  /** The parameters, by address. */
  Vector parameters() {
    return vector(parameters);
  }

  /** The gradients, by address; {@link #bindGradients} comes first. */
  Vector gradients() {
    return vector(gradients);
  }

  private Vector vector(List<Tensor> tensors) {
    VectorBuilder builder = Vector.builder();
    for (int i = 0; i < tensors.size(); i++) {
      Tensor tensor = tensors.get(i);
      builder.wrapAddress(
          names.get(i), DType.FLOAT32, Device.CPU, address(tensor), tensor, shapes.get(i));
    }
    return builder.build();
  }

  /** Fails if libtorch has moved a parameter or a gradient since they were handed over. */
  void checkAddresses() {
    for (int i = 0; i < parameters.size(); i++) {
      Tensor parameter = parameters.get(i);
      try (PointerScope scope = new PointerScope()) {
        if (address(parameter) != addresses.get(2 * i)
            || address(parameter.grad()) != addresses.get(2 * i + 1)) {
          throw new IllegalStateException("libtorch has moved " + names.get(i));
        }
      }
    }
  }

  private static long address(Tensor tensor) {
    try (PointerScope scope = new PointerScope()) {
      return tensor.data_ptr().address();
    }
  }

  @Override
  public void close() {
    gradients.forEach(Tensor::deallocate);
    parameters.forEach(Tensor::deallocate);
    gradients.clear();
    parameters.clear();
  }
}
