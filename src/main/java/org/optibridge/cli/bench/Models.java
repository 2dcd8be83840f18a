package org.optibridge.cli.bench;

import java.util.ArrayList;
import java.util.List;
import org.optibridge.vector.DType;
import org.optibridge.vector.Device;
import org.optibridge.vector.TensorSpec;
import org.optibridge.vector.VectorSpec;

/** The parameters of models: names and shapes, all float32, in the order of the originals. */
final class Models {
  private static final int GPT2_LAYERS = 12;
  private static final long GPT2_WIDTH = 768;
  private static final int GPT2_VOCABULARY = 50_257;
  private static final int GPT2_CONTEXT = 1024;

  private static final int[] RESNET50_BLOCKS = {3, 4, 6, 3};
  private static final int RESNET_EXPANSION = 4;
  private static final int RESNET_CLASSES = 1000;

  private final List<TensorSpec> tensors = new ArrayList<>();

  private Models() {}

  private Models add(String name, long... shape) {
    tensors.add(new TensorSpec(name, DType.FLOAT32, Device.CPU, shape));
    return this;
  }

  private Models weightAndBias(String name, long size) {
    return add(name + ".weight", size).add(name + ".bias", size);
  }

  private VectorSpec spec() {
    return new VectorSpec(tensors);
  }

  /** One tensor. */
  static VectorSpec single(long elements) {
    return new Models().add("w", elements).spec();
  }

  /** One tensor of two dimensions, which every optimizer can step. */
  static VectorSpec matrix(long rows, long columns) {
    return matrices(1, rows, columns);
  }

  /** Tensors of one shape. */
  static VectorSpec matrices(int count, long rows, long columns) {
    Models model = new Models();
    for (int i = 0; i < count; i++) {
      model.add("w" + i, rows, columns);
    }
    return model.spec();
  }

  /**
   * GPT-2 small, its output layer sharing the weights of the embedding: 148 tensors, 124,439,808
   * parameters. Radford et al., <i>Language Models are Unsupervised Multitask Learners</i>, 2019.
   */
  static VectorSpec gpt2() {
    long width = GPT2_WIDTH;
    Models model =
        new Models()
            .add("wte.weight", GPT2_VOCABULARY, width)
            .add("wpe.weight", GPT2_CONTEXT, width);
    for (int i = 0; i < GPT2_LAYERS; i++) {
      String layer = "h." + i + ".";
      model
          .weightAndBias(layer + "ln_1", width)
          .projection(layer + "attn.c_attn", width, 3 * width)
          .projection(layer + "attn.c_proj", width, width)
          .weightAndBias(layer + "ln_2", width)
          .projection(layer + "mlp.c_fc", width, 4 * width)
          .projection(layer + "mlp.c_proj", 4 * width, width);
    }
    return model.weightAndBias("ln_f", width).spec();
  }

  /** As GPT-2 keeps them: inputs by outputs. */
  private Models projection(String name, long inputs, long outputs) {
    return add(name + ".weight", inputs, outputs).add(name + ".bias", outputs);
  }

  /**
   * ResNet-50 as torchvision has it: 161 tensors, 25,557,032 parameters. He et al., <i>Deep
   * Residual Learning for Image Recognition</i>, 2016.
   */
  static VectorSpec resnet50() {
    Models model = new Models().convolution("conv1", "bn1", 3, 64, 7);
    int inputs = 64;
    int width = 64;
    for (int stage = 0; stage < RESNET50_BLOCKS.length; stage++) {
      int outputs = RESNET_EXPANSION * width;
      for (int i = 0; i < RESNET50_BLOCKS[stage]; i++) {
        String block = "layer" + (stage + 1) + "." + i + ".";
        model
            .convolution(block + "conv1", block + "bn1", inputs, width, 1)
            .convolution(block + "conv2", block + "bn2", width, width, 3)
            .convolution(block + "conv3", block + "bn3", width, outputs, 1);
        if (i == 0) {
          model.convolution(block + "downsample.0", block + "downsample.1", inputs, outputs, 1);
        }
        inputs = outputs;
      }
      width *= 2;
    }
    return model.add("fc.weight", RESNET_CLASSES, inputs).add("fc.bias", RESNET_CLASSES).spec();
  }

  /** A convolution without bias and the batch normalization behind it. */
  private Models convolution(String name, String norm, long inputs, long outputs, long kernel) {
    return add(name + ".weight", outputs, inputs, kernel, kernel).weightAndBias(norm, outputs);
  }
}
