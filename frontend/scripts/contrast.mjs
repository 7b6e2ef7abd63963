// Measures the contrast of every pair of text and background in tokens.css, light and dark.
// Exits with 1 if a pair is below its limit of WCAG 2.2.
import { readFileSync } from 'node:fs';
const css = readFileSync(new URL('../src/styles/tokens.css', import.meta.url), 'utf8');
const raw = {};
for (const m of css.matchAll(
  /--([\w-]+):\s*(light-dark\([^;]*\)|var\(--[\w-]+\)|#[0-9a-f]{6}|transparent)\s*;/g,
))
  raw[m[1]] ??= m[2];
const value = (name, i) => {
  const v = raw[name];
  if (!v) throw new Error(`no token --${name}`);
  const ld = v.match(/^light-dark\(\s*(#[0-9a-f]{6})\s*,\s*(#[0-9a-f]{6})\s*\)$/);
  if (ld) return ld[i + 1];
  const ref = v.match(/^var\(--([\w-]+)\)$/);
  return ref ? value(ref[1], i) : v;
};
const lum = (h) => {
  const c = [1, 3, 5]
    .map((k) => parseInt(h.slice(k, k + 2), 16) / 255)
    .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
  return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
};
const ratio = (a, b) => {
  const [x, y] = [lum(a), lum(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
};
const paper = ['bg', 'surface', 'sunken', 'raised', 'hover'];
const pairs = [];
for (const p of paper)
  for (const t of ['text', 'text-2', 'text-3', 'brand', 'seal-text', 'danger-text', 'ok-text'])
    pairs.push([t, p, 4.5]);
for (const t of ['text', 'text-2', 'text-3', 'brand']) pairs.push([t, 'brand-tint', 4.5]);
pairs.push(
  ['text', 'picked', 4.5],
  ['on-brand', 'brand', 4.5],
  ['on-brand', 'brand-hover', 4.5],
  ['on-brand', 'brand-press', 4.5],
  ['on-seal', 'seal', 4.5],
  ['on-danger', 'danger', 4.5],
  ['on-inverse', 'inverse', 4.5],
  ['inverse-act', 'inverse', 4.5],
  ['seal-text', 'seal-tint', 4.5],
);
for (const k of ['ok', 'info', 'teal', 'warn', 'danger', 'mute']) {
  pairs.push(
    [`${k}-text`, `${k}-tint`, 4.5],
    ['text', `${k}-tint`, 4.5],
    ['text-2', `${k}-tint`, 4.5],
  );
  for (const p of ['bg', 'surface', 'raised']) pairs.push([k, p, 3]);
}
for (const k of ['upcoming', 'open', 'closing', 'always', 'budget', 'closed'])
  pairs.push([`ph-${k}-text`, `ph-${k}-tint`, 4.5]);
for (const p of ['bg', 'surface', 'raised']) pairs.push(['ph-ended-text', p, 4.5]);
for (const k of ['apply', 'approved', 'succeeded', 'failed', 'cancelled'])
  pairs.push([`st-${k}-text`, `st-${k}-tint`, 4.5]);
for (const p of ['bg', 'surface', 'raised'])
  pairs.push(['line-strong', p, 3], ['focus', p, 3], ['seal', p, 3], ['brand', p, 3]);
for (const k of ['upcoming', 'open', 'closing', 'always', 'budget', 'closed'])
  pairs.push([`ph-${k}`, 'rail-track', 3]);
let bad = 0;
const rows = [];
for (const [f, b, need] of pairs) {
  const r = [0, 1].map((i) => ratio(value(f, i), value(b, i)));
  if (r.some((x) => x < need)) bad++;
  rows.push({ f, b, need, l: r[0], d: r[1] });
}
const only = !process.argv.includes('--all');
for (const r of rows)
  if (!only || r.l < r.need || r.d < r.need)
    console.log(
      `${r.l < r.need || r.d < r.need ? 'FAIL' : 'ok  '} ${(r.f + ' on ' + r.b).padEnd(36)} need ${r.need}  light ${r.l.toFixed(2).padStart(5)}  dark ${r.d.toFixed(2).padStart(5)}`,
    );
const text = rows.filter((r) => r.need === 4.5),
  ui = rows.filter((r) => r.need === 3),
  min = (a, k) => Math.min(...a.map((r) => r[k])).toFixed(2);
console.log(
  `text pairs ${text.length}: least light ${min(text, 'l')}, dark ${min(text, 'd')} · UI pairs ${ui.length}: least light ${min(ui, 'l')}, dark ${min(ui, 'd')}`,
);
console.log(`${rows.length - bad} passed, ${bad} failed`);
process.exit(bad ? 1 : 0);
