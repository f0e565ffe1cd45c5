// The lab's worker: the CPU's engine with gradients, and the networks that are trained in it.

import * as training from '../engine-training.js';
import { serve } from './serve.js';
import { handlers } from './training.js';

serve({ training }, handlers);
