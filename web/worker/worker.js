// The worker of a model that is sampled from. All that it may need, at once: bundlers make one file of a worker, and the
// engines themselves, which are large, come as compiled modules.

import * as cpu from '../engine.js';
import * as gpu from '../engine-gpu.js';
import { serve } from './serve.js';

serve({ cpu, webgpu: gpu });
