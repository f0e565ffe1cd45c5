// TensorFlow.js: the U-Net of src/net written in its operators, from the shipped weights. Both keep activations in NHWC and
// weights as [k, k, in, out], so that nothing is re-laid.

const FOLDER = '/packages/@tensorflow';

const script = (source) =>
  new Promise((resolve, reject) => {
    const element = document.createElement('script');
    element.src = source;
    element.onload = resolve;
    element.onerror = () => reject(new Error(`${source} cannot be loaded`));
    document.head.append(element);
  });

export async function open({ device, level, floats }) {
  await script(`${FOLDER}/tfjs-core/dist/tf-core.min.js`);
  await script(`${FOLDER}/tfjs-backend-${device}/dist/tf-backend-${device}.min.js`);
  const { tf } = globalThis;
  if (device === 'wasm') {
    tf.wasm.setWasmPaths(`${FOLDER}/tfjs-backend-wasm/dist/`);
    // Its threaded build takes one thread on two cores, whatever `setThreadsCount` is told.
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  }
  if (!(await tf.setBackend(device))) throw new Error(`no backend ${device}`);
  await tf.ready();
  const net = new UNet(tf, await weights(tf, '/models/fashion.safetensors'));
  const x = await floats('/inputs/x.f32');
  const d = 28 * 28;
  const evaluate = async (n) => {
    // The upload is part of it, as it is of the others'.
    const f = tf.tidy(() => {
      const images = tf.tensor4d(x.subarray(0, n * d), [n, 28, 28, 1]);
      return net.forward(images, tf.fill([n, 1], level.c_noise), tf.fill([n], level.label, 'int32'));
    });
    const values = await f.data();
    f.dispose();
    return values;
  };
  return { info: { backend: tf.getBackend() }, evaluate, output: evaluate };
}

/** The architecture and its tensors. */
async function weights(tf, address) {
  const buffer = await (await fetch(address)).arrayBuffer();
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const { __metadata__: metadata, ...entries } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const data = buffer.slice(8 + length);
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [begin, end] }] of Object.entries(entries)) {
    const values = dtype === 'F16' ? Float32Array.from(new Float16Array(data.slice(begin, end))) : new Float32Array(data.slice(begin, end));
    tensors[name] = tf.tensor(values, shape);
  }
  return { config: JSON.parse(metadata.scorefield).architecture, tensors };
}

class UNet {
  constructor(tf, { config, tensors }) {
    Object.assign(this, { tf, config, tensors });
  }

  forward(x, noise, label) {
    const { tf, config, tensors } = this;
    const angle = tf.mul(noise, tensors.frequencies);
    const first = this.silu(this.linear(tf.concat([tf.cos(angle), tf.sin(angle)], 1), 'time1'));
    const embedding = this.silu(tf.add(this.linear(first, 'time2'), tf.gather(tensors.class, label)));
    let h = this.conv(this.spaceToDepth(x, config.patch), 'stem');
    const skips = [];
    const levels = config.multipliers.length;
    for (let level = 0; level < levels; level++) {
      for (let i = 0; i < config.blocks; i++) skips.push((h = this.block(h, embedding, `down.${level}.blocks.${i}`)));
      if (level + 1 < levels) h = this.conv(this.spaceToDepth(h, 2), `down.${level}.resize`);
    }
    h = this.block(h, embedding, 'middle');
    if (config.heads > 0) h = this.attention(h);
    h = this.block(h, embedding, 'middle2');
    for (let level = 0; level < levels; level++) {
      for (let i = 0; i < config.blocks; i++) h = this.block(tf.concat([h, skips.pop()], 3), embedding, `up.${level}.blocks.${i}`);
      if (level + 1 < levels) h = tf.depthToSpace(this.conv(h, `up.${level}.resize`), 2, 'NHWC');
    }
    return tf.depthToSpace(this.conv(this.silu(this.norm(h, 'norm')), 'head'), config.patch, 'NHWC');
  }

  block(x, embedding, name) {
    const { tf, tensors } = this;
    let h = this.conv(this.silu(this.norm(x, `${name}.norm1`)), `${name}.conv1`);
    const film = this.linear(embedding, `${name}.film`);
    const [scale, shift] = tf.split(tf.reshape(film, [film.shape[0], 1, 1, film.shape[1]]), 2, 3);
    h = this.silu(tf.add(tf.mul(this.norm(h, `${name}.norm2`), tf.add(scale, 1)), shift));
    const skip = tensors[`${name}.skip.weight`] ? this.conv(x, `${name}.skip`) : x;
    return tf.mul(tf.add(skip, this.conv(h, `${name}.conv2`)), Math.SQRT1_2);
  }

  attention(x) {
    const { tf, config } = this;
    const [n, height, width, c] = x.shape;
    const pixels = height * width;
    const qkv = this.conv(this.norm(x, 'attention.norm'), 'attention.qkv');
    const split = tf.split(tf.reshape(qkv, [n, pixels, 3 * c]), 3, 2);
    const [q, k, v] = split.map((part) => tf.transpose(tf.reshape(part, [n, pixels, config.heads, c / config.heads]), [0, 2, 1, 3]));
    const share = tf.softmax(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(c / config.heads)));
    const y = tf.reshape(tf.transpose(tf.matMul(share, v), [0, 2, 1, 3]), [n, height, width, c]);
    return tf.mul(tf.add(x, this.conv(y, 'attention.proj')), Math.SQRT1_2);
  }

  norm(x, name) {
    const { tf, config, tensors } = this;
    const [n, height, width, c] = x.shape;
    const groups = tf.reshape(x, [n, height * width, config.groups, c / config.groups]);
    const { mean, variance } = tf.moments(groups, [1, 3], true);
    const unit = tf.mul(tf.sub(groups, mean), tf.rsqrt(tf.add(variance, 1e-5)));
    return tf.add(tf.mul(tf.reshape(unit, x.shape), tensors[`${name}.gamma`]), tensors[`${name}.beta`]);
  }

  conv(x, name) {
    const { tf, tensors } = this;
    const bias = tensors[`${name}.bias`];
    return tf.fused.conv2d({ x, filter: tensors[`${name}.weight`], strides: 1, pad: 'same', bias });
  }

  linear(a, name) {
    const { tf, tensors } = this;
    return tf.fused.matMul({ a, b: tensors[`${name}.weight`], transposeA: false, transposeB: false, bias: tensors[`${name}.bias`] });
  }

  silu(x) {
    return this.tf.mul(x, this.tf.sigmoid(x));
  }

  /** Channels in the order (row, column, channel) within a block. */
  spaceToDepth(x, p) {
    const { tf } = this;
    const [n, height, width, c] = x.shape;
    const blocks = tf.reshape(x, [n, height / p, p, width / p, p, c]);
    return tf.reshape(tf.transpose(blocks, [0, 1, 3, 2, 4, 5]), [n, height / p, width / p, p * p * c]);
  }
}
