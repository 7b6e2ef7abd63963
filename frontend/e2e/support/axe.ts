import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from '@playwright/test';
import { expect } from '../story.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Results {
  violations: { id: string; nodes: { target: string[] }[] }[];
}

/** Waits until axe finds nothing on a page: colours may be on their way to others. */
export async function expectAccessible(page: Page): Promise<void> {
  // The content security policy holds for the page's own scripts only.
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(AXE);
  await expect.poll(() => violations(page), page.url()).toEqual([]);
}

async function violations(page: Page): Promise<string[]> {
  const results = (await page.evaluate('axe.run()')) as Results;
  return results.violations.map(({ id, nodes }) => {
    const targets = nodes.map(({ target }) => target.join(' '));
    return `${id}: ${targets.join(', ')}`;
  });
}
