// Fails if src/api/schema.d.ts is not what the committed OpenAPI description generates.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const command = at('../node_modules/.bin/openapi-typescript');
const generated = execFileSync(command, [at('../../docs/openapi.json')], {
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
  stdio: ['ignore', 'pipe', 'ignore'],
});
if (generated !== readFileSync(at('../src/api/schema.d.ts'), 'utf8')) {
  console.error('src/api/schema.d.ts differs from docs/openapi.json: run `npm run generate`');
  process.exit(1);
}
