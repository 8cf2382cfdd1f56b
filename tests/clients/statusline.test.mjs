// The line for Claude Code's statusLine: from what the real one writes to it, and in the real one.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newSession } from './lib/claude_code.mjs';
import { baseUrl, key, model } from './lib/env.mjs';
import { program } from './lib/programs.mjs';

// As Claude Code 2.1.330 writes it.
const input = (session) => JSON.stringify({
  session_id: session, transcript_path: '/home/a/.claude/projects/work/s.jsonl', cwd: '/work',
  effort: { level: 'medium' }, model: { id: 'claude-opus-5-5', display_name: 'Opus 5.5' },
  workspace: { current_dir: '/work', project_dir: '/work', added_dirs: [] }, version: '2.1.330',
  output_style: { name: 'default' },
  cost: { total_cost_usd: 0, total_duration_ms: 2565, total_api_duration_ms: 0, total_lines_added: 0,
    total_lines_removed: 0 },
  context_window: { total_input_tokens: 0, total_output_tokens: 0, context_window_size: 1000000, current_usage: null,
    used_percentage: null, remaining_percentage: null },
  exceeds_200k_tokens: false, fast_mode: false, thinking: { enabled: true },
});

// Resolves with what the command prints; it never fails, since Claude Code shows nothing then.
function line(text, { command = `'${program('tollgate')}' statusline`, env = {} } = {}) {
  const child = spawn('sh', ['-c', command], {
    env: { PATH: process.env.PATH, ANTHROPIC_BASE_URL: baseUrl(), ANTHROPIC_AUTH_TOKEN: key(), ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stdin.on('error', () => {});
  child.stdin.end(text);
  return new Promise((resolve) => child.on('close', (code) => {
    assert.equal(code, 0);
    resolve(output.trimEnd());
  }));
}

async function ask(session) {
  const response = await fetch(`${baseUrl()}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': key(), 'anthropic-version': '2023-06-01', 'x-claude-code-session-id': session },
    body: JSON.stringify({ model: model(), max_tokens: 1000, messages: [{ role: 'user', content: 'Good morning' }] }),
  });
  assert.equal(response.status, 200, await response.text());
}

const until = async (what, condition) => {
  for (const end = Date.now() + 45000; ;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < end, `no ${what}`);
    await sleep(50);
  }
};

test('spend of the session and of the day, and what is left', async () => {
  const session = `statusline-${process.pid}`;
  assert.match(await line(input(session)), /^\$0\.00 session \| \$[\d.]+ today \| \$[\d.]+ of \$1000 left$/);
  await ask(session);
  const shown = await until('spend', async () => {
    const text = await line(input(session));
    return !text.startsWith('$0.00 ') && text;
  });
  assert.match(shown, /^\$0\.0[\d]+ session \| \$[\d.]+ today \| \$[\d.]+ of \$1000 left$/);
});

test('what is wrong is said, and nothing breaks', async () => {
  assert.match(await line('no JSON'), /^\$[\d.]+ today \| /);
  assert.match(await line(''), /^\$[\d.]+ today \| /);
  assert.match(await line(input('s'), { env: { ANTHROPIC_AUTH_TOKEN: 'sk-tg-v1-no' } }), /^tollgate: .* answers 401$/);
  assert.match(await line(input('s'), { env: { ANTHROPIC_AUTH_TOKEN: '' } }), /^tollgate: set ANTHROPIC_BASE_URL/);
  assert.match(await line(input('s'), { env: { ANTHROPIC_BASE_URL: 'http://127.0.0.1:1/api' } }),
    /^tollgate: 127\.0\.0\.1: Connection refused$/);
});

test('the line of curl and jq in the README', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const settings = readme.split('\n').find((text) => text.includes('"statusLine"') && text.includes('curl'));
  const { command } = JSON.parse(settings).statusLine;
  assert.match(await line(input('s'), { command }), /^\$[\d.e-]+ today$/);
});

test('in the real Claude Code', async () => {
  const session = await newSession();
  const shown = path.join(session.home, 'line');
  const given = path.join(session.home, 'input.json');
  const command = `tee '${given}' | '${program('tollgate')}' statusline | tee '${shown}'`;
  const claude = await session.open({
    baseUrl: baseUrl(), token: key(), prompt: 'Good morning', settings: { statusLine: { type: 'command', command } },
  });
  try {
    await until(`line in ${claude.screen().slice(-2000)}`, async () =>
      /^\$0\.0*[1-9]\d* session \| \$/.test(await readFile(shown, 'utf8').catch(() => '')));
    assert.ok(JSON.parse(await readFile(given, 'utf8')).session_id);
  } finally {
    await claude.close();
    await session.remove();
  }
});
