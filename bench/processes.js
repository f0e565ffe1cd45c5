// Contestants that live in a process of their own and speak JSON lines: ours natively, and PyTorch.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * @param {string[]} command the program and its arguments
 * @param {{cwd: string, env?: object}} options
 * @returns {Promise<{ask: (op: string, request?: object) => Promise<object>, close: () => Promise<void>}>}
 */
export async function start([program, ...rest], { cwd, env = {} }) {
  const child = spawn(program, rest, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  const errors = [];
  child.stderr.on('data', (data) => errors.push(String(data)));
  const ended = new Promise((resolve) => {
    child.on('close', resolve);
    child.on('error', (error) => {
      errors.push(String(error));
      resolve();
    });
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => {
    const { value, done } = await lines.next();
    if (done) {
      await ended;
      throw new Error(`${program} ended: ${errors.join('').trim().slice(-2000)}`);
    }
    return JSON.parse(value);
  };
  const ask = async (op, request = {}) => {
    child.stdin.write(`${JSON.stringify({ op, ...request })}\n`);
    const answer = await read();
    if (answer.error) throw new Error(answer.error);
    return answer;
  };
  await read();
  const close = () => {
    child.stdin.end();
    return ended;
  };
  return { ask, close };
}
