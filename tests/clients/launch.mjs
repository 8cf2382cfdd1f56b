// Starts what the clients need, runs their tests one file after the other, and stops everything.
//
//   TOLLGATE_BIN=build/release/bin node launch.mjs [--form one|five|straight] [FILE ...]
//
// straight: the clients at the simulator itself, for what does not need Tollgate.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startStack } from './lib/stack.mjs';

const FORMS = ['one', 'five', 'straight'];
const WITHOUT_TOLLGATE = ['aws.test.mjs', 'claude_code.test.mjs', 'sdk.test.mjs'];
// These start what they need themselves, or need nothing: one form is enough.
const ONCE = ['dialects.test.mjs', 'translation.test.mjs'];
const FILE_TIMEOUT_MS = 240000;
const here = path.dirname(fileURLToPath(import.meta.url));

function runTests(file, environment) {
  const child = spawn(process.execPath, ['--test-reporter=spec', path.join(here, file)],
    { stdio: 'inherit', env: { ...process.env, ...environment }, timeout: FILE_TIMEOUT_MS, killSignal: 'SIGKILL' });
  return new Promise((resolve) => child.on('close', (code) => resolve(code === 0)));
}

async function main() {
  const { values, positionals } = parseArgs({
    options: { form: { type: 'string', default: 'one' } }, allowPositionals: true,
  });
  if (!FORMS.includes(values.form)) throw new Error(`--form ${values.form}: must be ${FORMS.join(', ')}`);
  const all = (await readdir(here)).filter((name) => name.endsWith('.test.mjs')).sort()
    .filter((name) => values.form === 'one' || !ONCE.includes(name));
  const files = positionals.length > 0 ? positionals : values.form === 'straight' ? WITHOUT_TOLLGATE : all;

  const directory = await mkdtemp(path.join(tmpdir(), 'tollgate-clients-'));
  const started = [];
  const stopAll = async () => {
    for (const service of started.reverse()) await service.stop();
    await rm(directory, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopAll().then(() => process.exit(1)));
  const failed = [];
  try {
    const environment = await startStack(values.form, directory, started);
    for (const file of files) if (!(await runTests(file, environment))) failed.push(file);
    if (failed.length > 0)
      for (const service of started) process.stderr.write(`--- log ---\n${service.output().slice(-4000)}\n`);
  } finally {
    await stopAll();
  }
  console.log(failed.length === 0 ? `${files.length} files passed (${values.form})` : `failed: ${failed.join(', ')}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

await main();
