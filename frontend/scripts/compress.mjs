// Writes a .br and a .gz beside each file of dist that is smaller compressed.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url).pathname;
const compressible = /\.(html|js|css|svg|json|webmanifest|txt)$/;

for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !compressible.test(entry.name)) continue;
  const path = join(entry.parentPath, entry.name);
  const text = readFileSync(path);
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: text.length };
  for (const [ending, packed] of [
    ['br', brotliCompressSync(text, { params })],
    ['gz', gzipSync(text, { level: 9 })],
  ]) {
    if (packed.length < text.length) writeFileSync(`${path}.${ending}`, packed);
  }
}
