// Builds the page and writes it down as C++ for the gateway's binary:
//   node build.mjs --dist DIR --out FILE.cc
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

const here = path.dirname(fileURLToPath(import.meta.url));
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

function timeOf(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function run(command, args) {
  execFileSync(command, args, { cwd: here, stdio: ['ignore', 'ignore', 'inherit'] });
}

// Octal escapes end by themselves, whatever comes next.
function literal(bytes) {
  let text = '';
  for (const byte of bytes) {
    const plain = byte >= 32 && byte < 127 && byte !== 34 && byte !== 63 && byte !== 92;
    text += plain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
  }
  return text.replace(/(?:\\...|[^\\]){1,2000}/g, '\n    "$&"') || '""';
}

function view(bytes) {
  return `{${literal(bytes)},\n    ${bytes.length}}`;
}

const { values } = parseArgs({ options: { dist: { type: 'string' }, out: { type: 'string' } } });
if (timeOf(path.join(here, 'node_modules/.package-lock.json')) < timeOf(path.join(here, 'package-lock.json')))
  run('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error']);
run(process.execPath, ['node_modules/typescript/bin/tsc', '--noEmit']);
run(process.execPath, [
  'node_modules/vite/bin/vite.js',
  'build',
  '--logLevel=warn',
  '--emptyOutDir',
  '--outDir',
  path.resolve(values.dist),
]);

const files = readdirSync(values.dist, { recursive: true })
  .map((name) => name.split(path.sep).join('/'))
  .filter((name) => statSync(path.join(values.dist, name)).isFile())
  .sort();
const entries = files.map((name) => {
  const bytes = readFileSync(path.join(values.dist, name));
  const type = TYPES[path.extname(name)];
  if (!type) throw new Error(`${name}: no content type for it in build.mjs`);
  const etag = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const gzip = path.extname(name) === '.woff2' ? Buffer.alloc(0) : gzipSync(bytes, { level: 9 });
  return `    {"${name}", "${type}", "${etag}", ${view(bytes)}, ${view(gzip)}},\n`;
});
writeFileSync(
  values.out,
  `#include "gateway/dashboard_files.h"

namespace tollgate {
namespace {

constexpr DashboardFile kFiles[] = {
${entries.join('')}};

}  // namespace

std::span<const DashboardFile> dashboard_files() {
  return kFiles;
}

}  // namespace tollgate
`,
);
