// Child programs of the launcher.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 20000;

export function program(name) {
  const directory = process.env.TOLLGATE_BIN;
  if (!directory) throw new Error('TOLLGATE_BIN is not set: it names the folder of the built programs');
  return path.join(directory, name);
}

// Starts a program whose output goes to a file. `stop` sends SIGTERM and waits.
export function start(command, args, { log, env = {} }) {
  const fd = openSync(log, 'a');
  const child = spawn(command, args, { stdio: ['ignore', fd, fd], env: { ...process.env, ...env } });
  closeSync(fd);
  let failure;
  child.on('error', (error) => (failure = error));
  const exited = new Promise((resolve) => child.on('exit', resolve));
  const output = () => readFileSync(log, 'utf8');
  const ended = () => failure || child.exitCode !== null || child.signalCode !== null;
  return {
    output,
    // Polls until the condition holds; fails with the program's output when it ends first or takes too long.
    async until(what, condition) {
      const deadline = Date.now() + PATIENCE_MS;
      for (;;) {
        const value = await condition();
        if (value) return value;
        if (ended() || Date.now() > deadline) {
          throw new Error(`${command}: no ${what}${failure ? ` (${failure.message})` : ''}; its output:\n${output()}`);
        }
        await sleep(20);
      }
    },
    async stop() {
      if (ended()) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

// Runs a program to its end and resolves with its standard output.
export function run(command, args, { env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(stdout) : reject(new Error(`${command} ${args.join(' ')}: exit ${code}\n${stdout}${stderr}`)));
  });
}

// Ports that were free a moment ago.
export async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  })));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

// True once something listens there.
export function listens(port) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
