// Measures what a browser downloads of dist, compressed by gzip, and fails above a budget.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url).pathname;
const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'));

/** Bytes after gzip. */
const size = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;

/** The files of a module and of everything that it imports at once. */
function closure(key, found = new Set()) {
  if (found.has(key)) return found;
  found.add(key);
  for (const imported of manifest[key].imports ?? []) closure(imported, found);
  return found;
}

const filesOf = (keys) => new Set([...keys].map((key) => manifest[key].file));
const total = (files) => [...files].reduce((sum, file) => sum + size(file), 0);
const entry = closure(Object.keys(manifest).find((key) => manifest[key].isEntry));

/** What a view of an area needs: its frame, itself, and the entry. */
function needs(area, key) {
  const frame = Object.keys(manifest).find(
    (it) => it.startsWith(`src/${area}/`) && it.endsWith('Shell.vue'),
  );
  return new Set([...entry, ...(frame ? closure(frame) : []), ...closure(key)]);
}

/** The dearest view of an area, by what `cost` measures. */
function dearest(area, cost) {
  const views = Object.keys(manifest).filter((key) => key.startsWith(`src/${area}/`));
  const costs = views.map((key) => [key, cost(needs(area, key))]);
  return costs.sort((a, b) => b[1] - a[1])[0] ?? ['', 0];
}

const scripts = (keys) => total(filesOf(keys));
const hasFonts = (file) => readFileSync(join(dist, file), 'utf8').includes('@font-face');
// The font's list of subsets is data that is fetched beside the styles.
const styles = (keys) =>
  total(
    new Set([...keys].flatMap((key) => manifest[key].css ?? []).filter((file) => !hasFonts(file))),
  );

const lazy = Object.keys(manifest)
  .filter((key) => manifest[key].file.endsWith('.js') && !entry.has(key))
  .map((key) => [key, size(manifest[key].file)])
  .sort((a, b) => b[1] - a[1])[0] ?? ['', 0];
const assets = readdirSync(join(dist, 'assets'));
const KB = 1024;

const areas = ['customer', 'salesman', 'staff'];
const limits = { customer: 90, salesman: 120, staff: 200 };
const budgets = [
  ['entry', scripts(entry), 60, ''],
  ...areas.map((area) => {
    const [key, bytes] = dearest(area, scripts);
    return [area, bytes, limits[area], key];
  }),
  ['largest lazy chunk', lazy[1], 60, lazy[0]],
  ...areas.map((area) => {
    const [key, bytes] = dearest(area, styles);
    return [`styles of ${area}`, bytes, 20, key];
  }),
];
let isOver = false;
for (const [name, bytes, limit, what] of budgets) {
  const over = bytes > limit * KB;
  isOver ||= over;
  console.log(
    `${over ? 'OVER' : 'ok  '} ${name.padEnd(20)} ${(bytes / KB).toFixed(1).padStart(6)} of ${limit} KB gz ${what}`,
  );
}
const woff2 = assets.filter((file) => file.endsWith('.woff2'));
const largest = Math.max(0, ...woff2.map((file) => statSync(join(dist, 'assets', file)).size));
console.log(`     ${woff2.length} font files, the largest ${(largest / KB).toFixed(1)} KB`);
process.exit(isOver ? 1 : 0);
