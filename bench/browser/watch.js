// What a page uses, whoever's code it runs: WebAssembly's memories, and what is asked of WebGPU.

const memories = new Set();

/** Remembers every WebAssembly memory of the page from now on. */
export function watchMemory() {
  const of = (imports, instance) => {
    for (const value of [...Object.values(imports ?? {}).flatMap(Object.values), ...Object.values(instance.exports)]) {
      if (value instanceof WebAssembly.Memory) memories.add(value);
    }
  };
  for (const name of ['instantiate', 'instantiateStreaming']) {
    const original = WebAssembly[name];
    WebAssembly[name] = async (source, imports) => {
      const result = await original.call(WebAssembly, source, imports);
      of(imports, result.instance ?? result);
      return result;
    };
  }
  const { Instance } = WebAssembly;
  WebAssembly.Instance = function (module, imports) {
    const instance = new Instance(module, imports);
    of(imports, instance);
    return instance;
  };
}

/** Bytes of all of them. */
export const memory = () => [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);

/**
 * Counts dispatches, submissions, readbacks, uploads and the bytes that are bound: for each dispatch the sizes of its
 * buffers' bindings, which is what it moves if it reads or writes each once. Libraries that bind whole buffers of a pool
 * seem to move more than they do.
 */
export function watchGpu() {
  let counts = null;
  const buffers = new Set();
  const add = (name, value = 1) => {
    if (counts) counts[name] = (counts[name] ?? 0) + value;
  };
  const wrap = (type, name, before, after = () => {}) => {
    const prototype = globalThis[type]?.prototype;
    const original = prototype?.[name];
    if (!original) return;
    prototype[name] = function (...args) {
      before.call(this, ...args);
      const result = original.apply(this, args);
      after.call(this, result, ...args);
      return result;
    };
  };
  const none = () => {};
  const sizes = new WeakMap();
  const bound = new WeakMap();
  wrap('GPUDevice', 'createBuffer', none, (buffer) => buffers.add(buffer));
  wrap('GPUBuffer', 'destroy', function () {
    buffers.delete(this);
  });
  wrap('GPUDevice', 'createBindGroup', none, (group, { entries }) => {
    let bytes = 0;
    for (const { resource } of entries) {
      const binding = resource instanceof GPUBuffer ? { buffer: resource } : resource;
      // Uniforms are a dispatch's parameters, not its data.
      if (binding.buffer?.usage & GPUBufferUsage.STORAGE) bytes += binding.size ?? binding.buffer.size - (binding.offset ?? 0);
    }
    sizes.set(group, bytes);
  });
  wrap('GPUComputePassEncoder', 'setBindGroup', function (index, group) {
    const groups = bound.get(this) ?? [];
    groups[index] = sizes.get(group) ?? 0;
    bound.set(this, groups);
  });
  for (const name of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect']) {
    wrap('GPUComputePassEncoder', name, function () {
      add('dispatches');
      add('bound', (bound.get(this) ?? []).reduce((sum, bytes) => sum + bytes, 0));
    });
  }
  wrap('GPUQueue', 'submit', () => add('submits'));
  wrap('GPUQueue', 'writeBuffer', () => add('uploads'));
  wrap('GPUBuffer', 'mapAsync', function () {
    add('readbacks');
  });
  return {
    begin: () => (counts = { dispatches: 0, submits: 0, readbacks: 0, uploads: 0, bound: 0 }),
    end() {
      const result = counts;
      counts = null;
      return result;
    },
    bytes: () => [...buffers].reduce((sum, { size }) => sum + size, 0),
  };
}
