// The real Claude Code, with an empty home and nothing of this machine's environment.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';

const PATIENCE_MS = 60000;

function binary() {
  const name = `@anthropic-ai/claude-code-${process.platform}-${process.arch}`;
  return path.join(path.dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'claude');
}

// A home and a working directory of its own. `run` starts Claude Code once more in them.
export async function newSession() {
  const directory = await mkdtemp(path.join(tmpdir(), 'tollgate-claude-'));
  const home = await mkdtemp(path.join(directory, 'home-'));
  const work = await mkdtemp(path.join(directory, 'work-'));
  return {
    home,
    work,
    open: (options) => open({ home, work, ...options }),
    run: (options) => run({ home, work, ...options }),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

const environment = ({ home, baseUrl, token, env }) => ({
  PATH: '/usr/local/bin:/usr/bin:/bin',
  HOME: home,
  ANTHROPIC_BASE_URL: baseUrl,
  ANTHROPIC_AUTH_TOKEN: token,
  ANTHROPIC_API_KEY: '',
  DISABLE_TELEMETRY: '1',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  ...env,
});

// Opens it in a terminal (util-linux' script gives one), as a person would, with `settings` and a first prompt. Resolves
// with {screen, close}.
async function open({ home, work, baseUrl, token, prompt, settings = {}, env = {} }) {
  await mkdir(path.join(home, '.claude'), { recursive: true });
  await writeFile(path.join(home, '.claude', 'settings.json'), JSON.stringify(settings));
  const trusted = { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true };
  await writeFile(path.join(home, '.claude.json'),
    JSON.stringify({ hasCompletedOnboarding: true, theme: 'dark', projects: { [work]: trusted } }));
  const child = spawn('script', ['-qec', `exec '${binary()}' '${prompt}'`, '/dev/null'], {
    cwd: work,
    env: { TERM: 'xterm-256color', ...environment({ home, baseUrl, token, env }) },
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  let screen = '';
  child.stdout.on('data', (data) => (screen += data));
  const closed = new Promise((resolve) => child.on('close', resolve));
  return {
    screen: () => screen,
    close: async () => {
      process.kill(-child.pid, 'SIGKILL');
      await closed;
    },
  };
}

// Resolves with {code, events, stderr}: the exit code and the objects of its stream-json output.
function run({ home, work, baseUrl, token, prompt, args = [], env = {} }) {
  const child = spawn(
    binary(),
    ['-p', prompt, '--output-format', 'stream-json', '--verbose', '--permission-mode', 'acceptEdits', '--allowedTools',
      'Write', ...args],
    {
      cwd: work,
      env: environment({ home, baseUrl, token, env }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => (stdout += data));
  child.stderr.on('data', (data) => (stderr += data));
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      const events = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
      resolve({ code, events, stderr });
    });
  });
}

// The last event: what became of the session.
export const result = (session) => session.events.find((event) => event.type === 'result');
